//! The Lambda function `outbox-relay`.

use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    outbox_relay::run(setup::Env::system()).await
}
