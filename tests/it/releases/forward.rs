//! What this release writes holds all that an earlier one reads: it may run again after a rollback, and runs beside this one during
//! a deployment.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tokio::sync::OnceCell;

use super::recording::{Recording, kind, said};
use super::wire::{common, form, lost};
use crate::harness::PROGRAM;

static TODAY: OnceCell<Recording> = OnceCell::const_new();

/// The same day, played by this release.
async fn today() -> &'static Recording {
    TODAY.get_or_init(|| Recording::of("this release", Path::new(PROGRAM))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_item_has_the_attributes_that_an_earlier_release_always_wrote_with_their_types() {
    let today = today().await;
    for recording in Recording::all() {
        let earlier = forms(recording.items().map(|(table, item)| (kind(table, item), item)));
        let mut compared = 0;
        for (table, item) in today.items() {
            let kind = kind(table, item);
            let Some(needed) = earlier.get(&kind) else { continue };
            let lost = lost(needed, &form(item));
            let key = ["pk", "entry", "stream"].map(|name| said(item, name)).concat();
            assert!(lost.is_empty(), "{}: {kind} {key}: {lost:#?}", recording.commit);
            compared += 1;
        }
        assert!(compared > 80, "only {compared} items");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_has_the_members_that_an_earlier_release_always_sent_with_their_types() {
    let today = today().await;
    let of = |recording: &Recording| -> Vec<(String, Value)> {
        let events = recording.events.values().flatten();
        events.map(|event| (event["type"].as_str().unwrap().to_owned(), event.clone())).collect()
    };
    for recording in Recording::all() {
        let earlier = of(&recording);
        let earlier = forms(earlier.iter().map(|(kind, event)| (kind.clone(), event)));
        let now = of(today);
        for (kind, event) in &now {
            let Some(needed) = earlier.get(kind) else { continue };
            let lost = lost(needed, &form(event));
            assert!(lost.is_empty(), "{}: {kind}: {lost:#?}", recording.commit);
        }
        let gone: Vec<_> = earlier.keys().filter(|kind| !now.iter().any(|(now, _)| now == *kind)).collect();
        assert!(gone.is_empty(), "{}: nobody hears any more {gone:?}", recording.commit);
    }
}

/// What all values of a kind have in common. A trace is there if the fact came by a callback or a call, which a busy machine may not
/// wait for.
fn forms<'a>(values: impl Iterator<Item = (String, &'a Value)>) -> BTreeMap<String, Value> {
    let mut forms = BTreeMap::new();
    for (kind, value) in values {
        let mut form = form(value);
        form.as_object_mut().unwrap().remove("traceparent");
        let known = forms.remove(&kind);
        forms.insert(kind, known.map_or(form.clone(), |known| common(known, &form)));
    }
    forms
}

#[tokio::test(flavor = "multi_thread")]
async fn every_item_and_every_event_says_its_schema() {
    let today = today().await;
    for (table, item) in today.items() {
        assert_eq!(said(item, "schema"), domain::SCHEMA.to_string(), "{} {item}", kind(table, item));
    }
    for event in today.events.values().flatten() {
        let event_type = event["type"].as_str().unwrap();
        assert!(event_type.ends_with(".v1"), "{event_type}");
        assert_eq!(event["dataschema"], format!("urn:papay:event:{event_type}"));
    }
}
