//! Items that were written before a field was there are read, and those of today are read back.

use domain::{Channel, Contract, DeductionNotice, Order, ProductId, Refund, RequestText, UserId};

use crate::build::{AMOUNT, contract, order, refund};
use crate::every::launch;

/// As the first release wrote them.
const ORDER: &str = r#"{"schema":1,"mch_id":"10000100","out_trade_no":"01JD3Q0VZC5W8K2M7N4PF0","kind":"pay_and_sign","protocol":"v2",
    "appid":"wx2421b1c4370ec43b","amount":1800,"signature":"md5","contract_code":"01JD3Q0VZC5W8K2M7N4P","contract_id":null,
    "openid":null,"attach":"metadata","state":"requested","transaction_id":null,"trade_type":null,"paid_at":null,"failure":null,
    "refunded":0,"reserved":0,"created_at":"2025-12-01T02:00:00Z","expires_at":null,
    "check":{"due_at":"2025-12-01T02:00:30Z","step":0}}"#;
const CONTRACT: &str = r#"{"schema":1,"mch_id":"10000100","contract_code":"01JD3Q0VZC5W8K2M7N4P","plan_id":"12535",
    "appid":"wx2421b1c4370ec43b","contract_id":"202512010000000001","openid":"onqOjjmM1tad-3ROpncN-yUfa6ua","state":"signed",
    "payment":{"out_trade_no":"01JD3Q0VZC5W8K2M7N4PF0","status":"paid","paid_at":"2025-12-01T02:00:05Z"},"not_signed_reason":null,
    "signed_at":"2025-12-01T02:00:10Z","expires_at":null,"terminating_at":null,"terminated_at":null,"termination_reason":null,
    "settled":"active","created_at":"2025-12-01T02:00:00Z","check":{"due_at":"2025-12-02T02:00:10Z","step":0,"asked":false}}"#;
const REFUND: &str = r#"{"schema":1,"mch_id":"10000100","out_refund_no":"01JD3Q0VZC5W8K2M7N4PF0R1",
    "out_trade_no":"01JD3Q0VZC5W8K2M7N4PF0","refund_id":null,"origin":"api","protocol":"v2","amount":1800,"state":"processing",
    "repairs":0,"repairing_at":null,"succeeded_at":null,"failure":null,"created_at":"2025-12-01T02:00:40Z","check":null}"#;

#[test]
fn items_of_the_first_release_are_read() {
    let order: Order = serde_json::from_str(ORDER).unwrap();
    assert_eq!((order.product, order.channel, order.request, order.launch), (None, None, None, None));
    assert_eq!((order.refunds, order.last_refund_at, order.user), (0, None, None));
    assert!(!order.refunded_elsewhere);
    let contract: Contract = serde_json::from_str(CONTRACT).unwrap();
    assert!(contract.is_live());
    assert_eq!((contract.user, contract.product, contract.channel), (None, None, None));
    assert_eq!((contract.request_serial, contract.display_account, contract.metadata), (None, None, None));
    assert_eq!((contract.request, contract.launch, contract.open_deduction), (None, None, None));
    assert_eq!((contract.notice, contract.paid_periods.len()), (None, 0));
    let refund: Refund = serde_json::from_str(REFUND).unwrap();
    assert_eq!((refund.reason, refund.request, refund.repair), (None, None, None));
    assert!(!refund.ends_contract);
}

#[test]
fn items_of_this_release_are_read_back() {
    let request = || Some(RequestText::new("<xml><sign>9A0A</sign></xml>"));
    let order = Order {
        product: Some(ProductId::parse("vip-monthly").unwrap()),
        channel: Some(Channel::MiniProgram),
        request: request(),
        launch: Some(launch()),
        refunds: 2,
        last_refund_at: Some(crate::build::time(1)),
        ..order(domain::OrderKind::PayAndSign, domain::OrderState::Paid)
    };
    let contract = Contract {
        user: Some(UserId::parse("alice").unwrap()),
        request_serial: Some(1_234),
        display_account: Some("张三".to_owned()),
        metadata: Some("{}".to_owned()),
        open_deduction: Some(order.out_trade_no.clone()),
        paid_periods: [1, 2, 9_999].into(),
        notice: Some(DeductionNotice::asked(AMOUNT, crate::build::time(0))),
        request: request(),
        ..contract(domain::ContractState::Signed, None)
    };
    let refund = Refund {
        reason: Some("不想要了".to_owned()),
        ends_contract: true,
        request: request(),
        ..refund(domain::RefundState::Created, AMOUNT)
    };
    assert_eq!(serde_json::from_str::<Order>(&serde_json::to_string(&order).unwrap()).unwrap(), order);
    assert_eq!(serde_json::from_str::<Contract>(&serde_json::to_string(&contract).unwrap()).unwrap(), contract);
    assert_eq!(serde_json::from_str::<Refund>(&serde_json::to_string(&refund).unwrap()).unwrap(), refund);
    for state in crate::every::exempt_states() {
        let exempt = crate::build::exempt(state);
        let text = serde_json::to_string(&exempt).unwrap();
        assert_eq!(serde_json::from_str::<domain::ExemptContract>(&text).unwrap(), exempt);
    }
}
