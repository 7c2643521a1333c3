//! The Lambda function `empty-function`: answers every request with 200 and does nothing else. What a callback function's
//! cold start takes longer than this one's is what papay adds.

use lambda_http::{Error, Request, Response, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_http::run(service_fn(|_: Request| async { Ok::<_, Error>(Response::new(String::new())) })).await
}
