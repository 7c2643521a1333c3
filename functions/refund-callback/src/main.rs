//! The Lambda function `refund-callback`.

use lambda_http::Error;

// One callback at a time: a second thread would only cost start-up time and memory.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    refund_callback::run(setup::Env::system()).await
}
