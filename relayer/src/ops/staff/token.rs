//! Who may call: two bearer tokens, each in a file of its own. Who brings patients in at the desk need not be who
//! certifies researchers and spends the data set's privacy budget.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State as Handle},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::Failure;

/// A token, and the setting that names its file.
pub struct Token {
    pub secret: SecretString,
    pub setting: &'static str,
}

/// The tokens of the private listener.
#[derive(Clone)]
pub struct Tokens {
    /// Relationships.
    pub staff: Arc<Token>,
    /// Researchers, offers, the catalogue.
    pub research: Arc<Token>,
}

impl Tokens {
    pub fn new(staff: SecretString, research: SecretString) -> Self {
        let token = |secret, setting| Arc::new(Token { secret, setting });
        Self { staff: token(staff, "staff_token"), research: token(research, "research_token") }
    }
}

/// Lets who brings the token through.
pub(super) async fn authenticate(
    Handle(token): Handle<Arc<Token>>,
    request: Request,
    next: Next,
) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if bool::from(given.as_bytes().ct_eq(token.secret.expose_secret().as_bytes())) {
        return next.run(request).await;
    }
    let error = format!("the token is missing or wrong: it stands in the file {} names", token.setting);
    (StatusCode::UNAUTHORIZED, Json(Failure { error })).into_response()
}
