use callback::{App, Callback, Handled};

pub(crate) fn handle<'a>(app: &'a App, callback: &'a Callback) -> Handled<'a> {
    Box::pin(async move {
        let verified = app.verify_v3(callback).await?;
        let fact = parse::payment(&callback.mch_id, &verified);
        app.record(callback, &verified, fact).await
    })
}
