use callback::{App, Callback, Handled};
use domain::Protocol;

use crate::told;

pub(crate) fn handle<'a>(app: &'a App, callback: &'a Callback) -> Handled<'a> {
    Box::pin(async move {
        let verified = match callback.protocol {
            Protocol::V2 => app.verify_v2(callback).await?,
            Protocol::V3 => app.verify_v3(callback).await?,
        };
        let fact = parse::contract(&callback.mch_id, &verified);
        let told = fact.as_ref().ok().and_then(told::metric);
        let recorded = app.record(callback, &verified, fact).await?;
        told::count(told);
        Ok(recorded)
    })
}
