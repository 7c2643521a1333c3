//! The Lambda function `sweeper`.

use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    sweeper::run(setup::Env::system()).await
}
