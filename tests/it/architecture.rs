//! Which of our crates may know which: the arrows of `ARCHITECTURE.md`, kept true.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Each crate, and the crates of ours that it may use when it is built (tests may use more).
const ALLOWED: &[(&str, &[&str])] = &[
    // The pure ones: they know no AWS, no async, no clock, and none of the others.
    ("domain", &[]),
    ("verify", &[]),
    ("parse", &["domain", "verify"]),
    ("record", &["domain"]),
    ("publish", &["domain"]),
    ("setup", &["domain", "record", "verify"]),
    ("wechat", &["domain", "parse", "verify"]),
    ("callback", &["domain", "parse", "record", "setup", "verify"]),
    ("http-api", &["domain", "record", "setup", "verify"]),
    ("deduction-callback", FUNCTION),
    ("contract-callback", FUNCTION),
    ("payment-callback", FUNCTION),
    ("refund-callback", FUNCTION),
    ("outbox-relay", &["domain", "publish", "record", "setup"]),
    ("sweeper", &["domain", "publish", "record", "setup", "work"]),
    ("merchant-api", &["ask", "domain", "http-api", "record", "setup", "wechat"]),
    // What asks WeChat.
    ("work", &["domain", "record"]),
    ("ask", &["domain", "parse", "record", "setup", "verify", "wechat"]),
    ("sign-api", &["ask", "domain", "http-api", "record", "setup", "wechat"]),
    ("bill-reconciler", &["ask", "domain", "parse", "record", "setup", "wechat"]),
    ("worker", &["ask", "domain", "record", "setup", "wechat", "work"]),
    // The second implementation of signing shares nothing with the first.
    ("counterparty", &[]),
    ("host", &[]),
    ("simulator", &["counterparty", "host"]),
    ("testkit", &["domain", "publish", "record"]),
];

const FUNCTION: &[&str] = &["callback", "domain", "parse", "setup"];

/// What may use anything of ours, since nothing that is deployed uses it.
const TOOLS: &[&str] = &["papay", "benches"];

#[test]
fn each_crate_knows_only_what_its_place_allows() {
    let workspace = workspace();
    let names: BTreeSet<&str> = workspace.workspace_packages().iter().map(|package| package.name.as_str()).collect();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    for package in workspace.workspace_packages() {
        let name = package.name.as_str();
        if TOOLS.contains(&name) {
            continue;
        }
        let allowed = allowed.get(name).unwrap_or_else(|| panic!("{name} has no place in the table above"));
        for used in dependencies(package, &[DependencyKind::Normal, DependencyKind::Build]) {
            assert!(!names.contains(used) || allowed.contains(&used), "{name} may not depend on {used}");
        }
    }
    for name in allowed.keys() {
        assert!(names.contains(name), "{name} stands in the table above and does not exist");
    }
}

#[test]
fn the_pure_crates_know_no_aws_and_no_async() {
    let workspace = workspace();
    for package in
        workspace.workspace_packages().iter().filter(|p| ["domain", "verify", "parse"].contains(&p.name.as_str()))
    {
        for used in dependencies(package, &[DependencyKind::Normal, DependencyKind::Build]) {
            let foreign = used.starts_with("aws-sdk") || used.starts_with("aws-config") || used.starts_with("lambda");
            let is_async = ["tokio", "futures", "futures-util", "hyper", "reqwest", "axum"].contains(&used);
            assert!(!foreign && !is_async, "{} depends on {used}", package.name);
        }
    }
}

#[test]
fn only_the_host_sees_the_embedded_database() {
    for package in workspace().workspace_packages() {
        let all = [DependencyKind::Normal, DependencyKind::Build, DependencyKind::Development];
        for used in dependencies(package, &all) {
            let embedded = ["dynoxide-rs", "rusqlite"].contains(&used);
            assert!(!embedded || package.name.as_str() == "host", "{} sees {used}", package.name);
        }
    }
}

#[test]
fn nothing_that_is_deployed_reaches_the_sandbox_or_the_test_kit() {
    let workspace = workspace();
    let packages: BTreeMap<&str, &Package> =
        workspace.workspace_packages().into_iter().map(|package| (package.name.as_str(), package)).collect();
    for function in ALLOWED.iter().map(|(name, _)| *name).filter(|name| is_function(packages[name])) {
        let mut reached = BTreeSet::from([function]);
        let mut open = vec![function];
        while let Some(name) = open.pop() {
            for used in dependencies(packages[name], &[DependencyKind::Normal, DependencyKind::Build]) {
                if packages.contains_key(used) && reached.insert(used) {
                    open.push(used);
                }
            }
        }
        for sandboxed in ["host", "counterparty", "simulator", "testkit", "papay"] {
            assert!(!reached.contains(sandboxed), "{function} reaches {sandboxed}");
        }
    }
}

fn is_function(package: &Package) -> bool {
    package.manifest_path.as_str().contains("/functions/")
}

fn dependencies<'a>(package: &'a Package, kinds: &'a [DependencyKind]) -> impl Iterator<Item = &'a str> {
    let of_kind = package.dependencies.iter().filter(|dependency| kinds.contains(&dependency.kind));
    of_kind.map(|dependency| dependency.name.as_str())
}

fn workspace() -> Metadata {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    MetadataCommand::new().manifest_path(manifest).no_deps().exec().unwrap()
}
