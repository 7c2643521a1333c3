//! The Lambda function `payment-callback`.

use lambda_http::Error;

// One callback at a time: a second thread would only cost start-up time and memory.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    payment_callback::run(setup::Env::system()).await
}
