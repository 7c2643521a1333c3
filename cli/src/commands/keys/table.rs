//! What there is, for a terminal.

use papay::keys::{Shown, ShownCertificate, ShownKey};
use setup::layout::Purpose;

use super::desk::Desk;

pub(super) fn print(desk: &Desk, shown: &Shown) {
    let key = |key: Option<ShownKey>| match key {
        None => "none",
        Some(ShownKey { has_previous: false }) => "in force",
        Some(ShownKey { has_previous: true }) => "in force, and another one beside it",
    };
    println!("{}", desk.store.name(&desk.mch_id, Purpose::Verify));
    println!("  APIv2 key              {}", key(shown.api_v2_key));
    println!("  APIv3 key              {}", key(shown.api_v3_key));
    for id in &shown.public_keys {
        println!("  public key             {id}");
    }
    for certificate in &shown.platform_certificates {
        println!("  platform certificate   {}", until(certificate));
    }
    println!("{}", desk.store.name(&desk.mch_id, Purpose::Sign));
    println!("  signs V3 calls as      {}", shown.merchant_serial.as_deref().unwrap_or("nobody"));
    let client = shown.client_certificate.as_ref().map_or_else(|| "nothing".to_owned(), until);
    println!("  shows at V2 refunds    {client}");
    println!("{}", desk.store.name(&desk.mch_id, Purpose::Certificates));
    let fetched = shown.fetched_at.map_or_else(|| "never".to_owned(), |at| format!("{at:.0}"));
    println!("  fetched by the worker  {fetched}");
    for certificate in &shown.fetched_certificates {
        println!("  platform certificate   {}", until(certificate));
    }
}

fn until(certificate: &ShownCertificate) -> String {
    let ShownCertificate { serial, ends, days_left } = certificate;
    let left = if *days_left < 0 { "ended".to_owned() } else { format!("{days_left} days left") };
    format!("{serial} until {:.10} ({left})", ends.to_string())
}
