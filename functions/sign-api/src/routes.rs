//! The routes, and the document that is generated from them.

mod contracts;
mod orders;
mod subscriptions;

use std::sync::Arc;

use axum::extract::State;
use axum::{Json, Router};
use http_api::{Problem, ProblemBody};
use lambda_http::http::StatusCode;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::service::SignApi;
use crate::view::Attempt;

/// The routes without their state.
pub(crate) fn router() -> Router<App> {
    api().split_for_parts().0
}

/// The OpenAPI 3.1 document of these routes: `docs/openapi/sign-api.json`.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    api().split_for_parts().1
}

fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(subscriptions::subscribe))
        .routes(routes!(subscriptions::status))
        .routes(routes!(subscriptions::terminate))
        .routes(routes!(contracts::sign))
        .routes(routes!(orders::buy))
        .routes(routes!(orders::status))
        .routes(routes!(orders::close))
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "papay sign-api",
        description = "The app's calls: subscribe, sign, buy, follow the outcome, terminate. Prices, plans and titles come from the \
                       catalogue; openid and display account from the user's token."
    ),
    components(schemas(ProblemBody)),
    modifiers(&Bearer),
    security(("user" = []))
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.bearer_format = Some("JWT".to_owned());
        scheme.description = Some(
            "A token of the merchant's issuer: iss, aud, exp and sub; openid or openids (by appid) and display_account where \
             WeChat needs them"
                .to_owned(),
        );
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("user", SecurityScheme::Http(scheme));
    }
}

type Api = State<Arc<dyn SignApi>>;

/// 201 where the attempt is new.
fn begun((new, attempt): (bool, Attempt)) -> Result<(StatusCode, Json<Attempt>), Problem> {
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, Json(attempt)))
}
