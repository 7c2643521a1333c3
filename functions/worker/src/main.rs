//! The Lambda function `worker`.

use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    worker::run(setup::Env::system()).await
}
