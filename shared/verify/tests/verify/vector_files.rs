use std::fs;
use std::path::Path;

use crate::support::vectors;

#[test]
fn every_vector_file_is_a_test_or_excluded() {
    let excluded = fs::read_to_string(vectors().join("EXCLUDED.md")).unwrap();
    let tests: String = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/verify"))
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let wholly_excluded = |name: &str| excluded.lines().any(|line| line.starts_with(&format!("| `{name}` |")));
    let mut seen = 0;
    for entry in fs::read_dir(vectors().join("wechat")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !is_vector(&path) {
            continue;
        }
        seen += 1;
        let read = tests.contains(&format!("\"{name}\""));
        assert!(read != wholly_excluded(&name), "{name}: read by a test {read}, or excluded, but not both");
    }
    assert_eq!(seen, 26);
}

fn is_vector(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json" || extension == "pem")
}
