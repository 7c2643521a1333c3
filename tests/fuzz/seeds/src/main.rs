//! Writes the vectors in the form that each fuzz target reads: `seeds <vectors> <corpus>`.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [vectors, corpus] = arguments.as_slice() else { return Err("usage: seeds <vectors> <corpus>".into()) };
    let constructed: Value = serde_json::from_str(&fs::read_to_string(vectors.join("constructed_notices.json"))?)?;
    let notices = constructed["notices"].as_array().ok_or("no notices")?;
    let answers = constructed["responses"].as_array().ok_or("no responses")?;

    for (name, xml) in files(&vectors.join("samples/v2"), "xml")? {
        write(corpus, "v2_xml", &name, &xml)?;
        if name.ends_with("plaintext.xml") {
            write(corpus, "v2_req_info", &name, &[b"p", xml.as_slice()].concat())?;
        }
    }
    for (name, json) in files(&vectors.join("samples/v3"), "json")? {
        if name.contains("envelope") {
            write(corpus, "v3_envelope", &name, &json)?;
        } else {
            write(corpus, "v3_resource", &name, &[&[12, 11][..], b"fdasfjihihihtransaction", &json].concat())?;
        }
    }
    for case in notices.iter().chain(answers) {
        let id = case["id"].as_str().ok_or("no id")?;
        let body = case["body"].as_str().ok_or("no body")?;
        write(corpus, "v3_envelope", id, body.as_bytes())?;
        write(corpus, "v3_headers", id, &header_seed(case, body))?;
    }
    Ok(())
}

/// Clock, timestamp, nonce, serial, signature, signature type and body, with zero bytes between them.
fn header_seed(case: &Value, body: &str) -> Vec<u8> {
    let header = |name: &str| case["headers"][name].as_str().unwrap_or_default();
    let parts = [
        "1722850421",
        header("Wechatpay-Timestamp"),
        header("Wechatpay-Nonce"),
        header("Wechatpay-Serial"),
        header("Wechatpay-Signature"),
        header("Wechatpay-Signature-Type"),
        body,
    ];
    parts.join("\0").into_bytes()
}

fn files(folder: &Path, extension: &str) -> Result<Vec<(String, Vec<u8>)>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            let name = path.file_name().ok_or("no name")?.to_string_lossy().into_owned();
            files.push((name, fs::read(path)?));
        }
    }
    Ok(files)
}

fn write(corpus: &Path, target: &str, name: &str, seed: &[u8]) -> Result<(), Box<dyn Error>> {
    let folder = corpus.join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), seed)?;
    Ok(())
}
