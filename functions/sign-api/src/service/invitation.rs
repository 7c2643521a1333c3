//! Pre-signing (预签约): a payment invites the user to pay without a password from then on (免密支付). Whatever becomes of it, the order
//! stays what it is.

use ask::Sent;
use domain::{
    ExemptContract, ExemptKey, ExemptMode, ExemptState, Keys, OpenId, Order, RequestText, SCHEMA, Schedule, Timestamp,
};
use http_api::Problem;
use record::{Backoff, Opened, Opening, Writeahead};
use wechat::v3::{PreSign, PreSignAfter, PreSignCaller};
use wechat::{Moment, Offer, Transport};

use super::{Caller, Service};
use crate::view::PreSigning;

/// Who is invited, and by which payment.
struct Invited<'a> {
    openid: &'a OpenId,
    account: &'a str,
    prepay_id: &'a str,
}

impl<L: Writeahead, B: Backoff, T: Transport> Service<L, B, T> {
    /// What became of the invitation; `None` where the product has none.
    pub(crate) async fn invite(&self, caller: &Caller, order: &Order, offer: &Offer) -> Option<PreSigning> {
        let key = self.exempt_key(order)?;
        let invited = Invited {
            openid: match caller.user.openid(&order.appid) {
                Some(openid) => openid,
                None => return Some(PreSigning::NOT_POSSIBLE),
            },
            account: match &caller.user.display_account {
                Some(account) => account,
                None => return Some(PreSigning::NOT_POSSIBLE),
            },
            prepay_id: match offer.prepay_id() {
                Some(prepay_id) => prepay_id,
                None => return Some(PreSigning::NOT_POSSIBLE),
            },
        };
        Some(match self.pre_sign_order(caller, order, &key, &invited).await {
            Ok(contract) => PreSigning::from(&contract),
            Err(problem) => {
                tracing::warn!(code = problem.code(), "whether the payment invites to a contract is not known");
                PreSigning::UNDECIDED
            }
        })
    }

    /// The contract that the order invited to.
    pub(crate) async fn invitation(&self, order: &Order) -> Result<Option<ExemptContract>, Problem> {
        let Some(key) = self.exempt_key(order) else { return Ok(None) };
        let keys = Keys { exempt: Some(key), ..Keys::default() };
        let rows = self.asker.recorder().rows(&order.mch_id, &keys).await?;
        Ok(rows.exempt.map(|row| row.value))
    }

    /// The contract that an order of ours can invite to, by the service of its product.
    pub(crate) fn exempt_key(&self, order: &Order) -> Option<ExemptKey> {
        let service_id = self.catalogue.product(order.product.as_ref()?)?.service_id?;
        Some(ExemptKey::new(service_id, &order.out_trade_no.pre_signing_code()?))
    }

    /// On record with the exact request, and only then WeChat. The session hangs on the prepay_id: with a fresh one it is opened anew.
    async fn pre_sign_order(
        &self,
        caller: &Caller,
        order: &Order,
        key: &ExemptKey,
        invited: &Invited<'_>,
    ) -> Result<ExemptContract, Problem> {
        let now = caller.arrival.now;
        let merchant = self.merchant(&order.mch_id)?;
        let request = PreSign {
            caller: PreSignCaller::Normal { appid: order.appid.clone(), openid: invited.openid.clone() },
            service_id: key.service_id(),
            out_contract_code: key.contract_code().clone(),
            notify_url: merchant.exempt_url,
            display_account: invited.account.to_owned(),
            after: PreSignAfter::Payment { prepay_id: invited.prepay_id.to_owned() },
        };
        let request = request.prepare(&merchant.keys, &Moment::new(now)).map_err(super::refusal::invalid)?;
        let contract = contract(order, key, RequestText::new(request.to_text()), now);
        let opening = Opening {
            mch_id: order.mch_id.clone(),
            opened: domain::Opened::Exempt { contract: Box::new(contract.clone()) },
            idempotency: None,
            openid: None,
            traceparent: caller.arrival.traceparent.clone(),
        };
        match self.asker.recorder().open(&opening, now).await? {
            Opened::Opened => {}
            // Offered with this very payment before, or signed or ended meanwhile.
            Opened::OnRecord { .. } | Opened::Refused(_) => {
                let known = self.invitation(order).await?.ok_or_else(Problem::internal)?;
                if known.state != ExemptState::Created {
                    return Ok(known);
                }
            }
            Opened::AlreadyDone { .. } | Opened::KeyReused | Opened::Live { .. } | Opened::Unknown(_) => {
                return Err(Problem::internal());
            }
        }
        let sent = self.asker.send_pre_signing(&merchant.keys, &contract, now).await;
        match sent.map_err(super::refusal::unavailable)? {
            Sent::Accepted | Sent::Withheld => {}
            Sent::Refused(error) | Sent::Unknown(error) => {
                tracing::warn!(%error, "the payment does not invite to the password-exempt contract");
                metrics::counter!("PreSigningFailed").increment(1);
            }
        }
        Ok(self.invitation(order).await?.unwrap_or(contract))
    }
}

fn contract(order: &Order, key: &ExemptKey, request: RequestText, now: Timestamp) -> ExemptContract {
    ExemptContract {
        schema: SCHEMA,
        mch_id: order.mch_id.clone(),
        service_id: key.service_id(),
        contract_code: key.contract_code().clone(),
        mode: ExemptMode::Normal,
        appid: order.appid.clone(),
        sub_mch_id: None,
        sub_appid: None,
        out_trade_no: Some(order.out_trade_no.clone()),
        user: order.user.clone(),
        contract_id: None,
        openid: None,
        request: Some(request),
        state: ExemptState::Created,
        failure: None,
        signed_at: None,
        terminating_at: None,
        terminated_at: None,
        termination_reason: None,
        created_at: now,
        check: Some(Schedule::PreSigning.first(now)),
    }
}
