//! Every state and every fact. A new variant does not compile here until it is listed.

use domain::{
    Called, Cause, ContractChange, ContractState, Evidence, ExemptChange, ExemptState, Launch, NotSignedReason, Opened,
    OrderKind, OrderState, OutTradeNo, PaymentResult, PaymentStatus, RefundResult, RefundState, RequestText,
    SignatureAlgorithm,
};

use crate::build::{
    AMOUNT, code, contract, exempt, now, order, other_code, out_refund_no, purchase, refund, said, transaction,
};

/// The variants of an enum without data, all of them.
macro_rules! every {
    ($name:ident: $type:ident { $($variant:ident),+ $(,)? }) => {
        pub(crate) fn $name() -> Vec<$type> {
            fn _is_complete(value: $type) {
                match value {
                    $($type::$variant => {})+
                }
            }
            vec![$($type::$variant),+]
        }
    };
}

/// The columns of a grid: a name and a fact for each variant, and for some variants several.
macro_rules! columns {
    ($name:ident: $type:ident { $($variant:ident: [$(($column:literal, $value:expr)),+ $(,)?]),+ $(,)? }) => {
        pub(crate) fn $name() -> Vec<(&'static str, $type)> {
            fn _is_complete(value: &$type) {
                match value {
                    $($type::$variant { .. } => {})+
                }
            }
            vec![$($(($column, $value)),+),+]
        }
    };
}

every!(order_states: OrderState {
    Created, Requested, Accepted, Closing, Paid, PartlyRefunded, Refunded, Failed, Closed,
});
every!(order_kinds: OrderKind { PayAndSign, Deduction, OneOff });
every!(contract_states: ContractState { Created, Pending, Signed, NotSigned, Terminating, Terminated });
every!(payment_statuses: PaymentStatus { Unpaid, Paid, PartlyRefunded, Refunded, Closed });
every!(refund_states: RefundState {
    Reported, Created, Processing, Succeeded, Closed, Abnormal, Repairing, Rejected,
});
every!(exempt_states: ExemptState { Created, Offered, Refused, NotSigned, Signed, Terminating, Terminated });
every!(causes: Cause { Callback, Query, Bill, Api });
every!(algorithms: SignatureAlgorithm { Md5, HmacSha256, Rsa });

/// Every kind of evidence.
pub(crate) fn evidence() -> Vec<Evidence> {
    fn _is_complete(value: Evidence) {
        match value {
            Evidence::Signed(_) | Evidence::Decrypted | Evidence::Unsigned | Evidence::Ours => {}
        }
    }
    let signed = algorithms().into_iter().map(Evidence::Signed);
    signed.chain([Evidence::Decrypted, Evidence::Unsigned, Evidence::Ours]).collect()
}

columns!(payment_results: PaymentResult {
    Succeeded: [("succeeded", succeeded(false)), ("refunded", succeeded(true))],
    Failed: [("failed", PaymentResult::Failed { code: "NOTENOUGH".to_owned() })],
    Closed: [("closed", PaymentResult::Closed)],
    Unpaid: [("unpaid", PaymentResult::Unpaid)],
    Accepted: [("accepted", PaymentResult::Accepted)],
    NotFound: [("not_found", PaymentResult::NotFound)],
    Undecided: [("undecided", PaymentResult::Undecided { trade_state: "SOMETHING_NEW".to_owned() })],
});

columns!(contract_changes: ContractChange {
    Signed: [("signed", ContractChange::Signed { at: said(10), expires_at: None })],
    Terminated: [
        ("terminated", ContractChange::Terminated { at: said(20), reason: domain::TerminationReason::User }),
    ],
    NotSigned: [("not_signed", ContractChange::NotSigned)],
    Absent: [("absent", ContractChange::Absent)],
    InProgress: [("in_progress", ContractChange::InProgress)],
});

columns!(refund_results: RefundResult {
    Succeeded: [("succeeded", RefundResult::Succeeded { at: said(30) })],
    Processing: [("processing", RefundResult::Processing)],
    Closed: [("closed", RefundResult::Closed)],
    Abnormal: [("abnormal", RefundResult::Abnormal)],
    Rejected: [("rejected", RefundResult::Rejected { code: "NOTENOUGH".to_owned() })],
    NotFound: [("not_found", RefundResult::NotFound)],
});

columns!(exempt_changes: ExemptChange {
    Signed: [("signed", ExemptChange::Signed { at: said(10) })],
    Terminated: [("terminated", ExemptChange::Terminated { at: said(20), reason: domain::TerminationReason::User })],
    Absent: [("absent", ExemptChange::Absent)],
    Reported: [("reported", ExemptChange::Reported)],
    Undecided: [("undecided", ExemptChange::Undecided { state: "SOMETHING_NEW".to_owned() })],
});

/// What a call of ours does, where `order` and the contract of its first order are on record.
pub(crate) fn calls(order: &OutTradeNo) -> Vec<(&'static str, Called)> {
    fn _is_complete(value: &Called) {
        match value {
            Called::OrderPlaced { .. }
            | Called::OrderRefused { .. }
            | Called::ClosingAsked { .. }
            | Called::ContractOffered { .. }
            | Called::ContractRefused { .. }
            | Called::TerminationAsked { .. }
            | Called::OfferWithdrawn { .. }
            | Called::SignedBefore { .. }
            | Called::NoticeAsked { .. }
            | Called::NoticeSent { .. }
            | Called::NoticeRefused { .. }
            | Called::RepairAsked { .. }
            | Called::RefundPutOff { .. }
            | Called::ExemptOffered { .. }
            | Called::ExemptRefused { .. }
            | Called::ExemptTerminationAsked { .. } => {}
        }
    }
    let (number, contract_code) = (|| order.clone(), code());
    let key = || exempt(ExemptState::Created).key();
    let placed = |unsigned| Called::OrderPlaced { out_trade_no: number(), launch: launch(), unsigned };
    vec![
        ("placed", placed(None)),
        ("presign_failed", placed(Some(NotSignedReason::PresignFailed))),
        ("already_signed", placed(Some(NotSignedReason::AlreadySigned))),
        ("refused", Called::OrderRefused { out_trade_no: number(), code: "NOAUTH".to_owned() }),
        ("closing_asked", Called::ClosingAsked { out_trade_no: number() }),
        (
            "offered",
            Called::ContractOffered {
                contract_code: contract_code.clone(),
                launch: Some(launch()),
                until: crate::build::time(180),
            },
        ),
        ("offer_refused", Called::ContractRefused { contract_code: contract_code.clone(), code: "NOAUTH".to_owned() }),
        ("withdrawn", Called::OfferWithdrawn { contract_code: contract_code.clone() }),
        ("signed_before", Called::SignedBefore { contract_code: contract_code.clone(), existing: other_code() }),
        ("termination_asked", Called::TerminationAsked { contract_code: contract_code.clone() }),
        ("notice_asked", Called::NoticeAsked { contract_code: contract_code.clone(), amount: AMOUNT }),
        ("notice_sent", Called::NoticeSent { contract_code: contract_code.clone(), amount: AMOUNT, already: false }),
        ("notice_refused", Called::NoticeRefused { contract_code, amount: AMOUNT, code: "RULELIMIT".to_owned() }),
        (
            "repair_asked",
            Called::RepairAsked {
                out_refund_no: out_refund_no(),
                out_trade_no: number(),
                request: RequestText::new("{}"),
            },
        ),
        (
            "put_off",
            Called::RefundPutOff {
                out_refund_no: out_refund_no(),
                out_trade_no: number(),
                code: "NOT_ENOUGH".to_owned(),
            },
        ),
        ("exempt_offered", Called::ExemptOffered { key: key() }),
        ("exempt_refused", Called::ExemptRefused { key: key(), code: "NO_AUTH".to_owned() }),
        ("exempt_termination_asked", Called::ExemptTerminationAsked { key: key() }),
    ]
}

/// New rows of every kind.
pub(crate) fn openings() -> Vec<Opened> {
    fn _is_complete(value: &Opened) {
        match value {
            Opened::Attempt { .. }
            | Opened::Purchase { .. }
            | Opened::Deduction { .. }
            | Opened::Refund { .. }
            | Opened::Exempt { .. } => {}
        }
    }
    let order = |kind| Box::new(order(kind, OrderState::Created));
    let contract = |payment| Box::new(contract(ContractState::Created, payment));
    vec![
        Opened::Attempt { contract: contract(Some(PaymentStatus::Unpaid)), order: Some(order(OrderKind::PayAndSign)) },
        Opened::Attempt { contract: contract(None), order: None },
        Opened::Deduction { order: order(OrderKind::Deduction) },
        Opened::Refund { refund: Box::new(refund(RefundState::Created, AMOUNT)) },
        Opened::Purchase { order: Box::new(purchase(OrderState::Created)) },
        Opened::Exempt { contract: Box::new(exempt(ExemptState::Created)) },
    ]
}

/// What a client starts with.
pub(crate) fn launch() -> Launch {
    Launch { prepay_id: Some("wx201512010000000001".to_owned()), ..Launch::at(now()) }
}

fn succeeded(refunded: bool) -> PaymentResult {
    PaymentResult::Succeeded {
        transaction_id: transaction(),
        total: AMOUNT,
        openid: None,
        trade_type: None,
        paid_at: said(5),
        refunded,
    }
}
