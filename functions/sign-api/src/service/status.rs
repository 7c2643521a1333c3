//! What became of it.

use domain::ContractCode;
use http_api::{Arrival, Problem, User};
use record::{Backoff, Writeahead};
use wechat::Transport;

use super::Service;
use crate::view::Subscription;

impl<L: Writeahead, B: Backoff, T: Transport> Service<L, B, T> {
    pub(crate) async fn tell_status(
        &self,
        user: &User,
        arrival: &Arrival,
        contract_code: &ContractCode,
    ) -> Result<Subscription, Problem> {
        let found = self.own(user, contract_code).await?;
        Ok(self.refresh(found, arrival.now).await?.subscription(arrival))
    }
}
