//! The Lambda function `merchant-api`.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    merchant_api::run(setup::Env::system()).await
}
