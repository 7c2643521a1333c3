//! The Lambda function `sign-api`.

use lambda_http::Error;

// One call at a time: a second thread would only cost start-up time and memory.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    sign_api::run(setup::Env::system()).await
}
