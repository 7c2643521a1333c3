//! The Lambda function `bill-reconciler`.

use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    bill_reconciler::run(setup::Env::system()).await
}
