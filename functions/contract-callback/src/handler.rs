use callback::{App, Callback, Handled};
use domain::Protocol;

pub(crate) fn handle<'a>(app: &'a App, callback: &'a Callback) -> Handled<'a> {
    Box::pin(async move {
        let verified = match callback.protocol {
            Protocol::V2 => app.verify_v2(callback).await?,
            Protocol::V3 => app.verify_v3(callback).await?,
        };
        let fact = parse::contract(&callback.mch_id, &verified);
        app.record(callback, &verified, fact).await
    })
}
