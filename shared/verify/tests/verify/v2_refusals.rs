//! Hostile and broken V2 bodies.

use verify::sign::v2::{Field, sign};
use verify::{ApiV2Key, Content, Refusal, SignAlgorithm, V2Fields};

use crate::support::{API_V2_KEY, v2_keys};

/// Fields of a notice, signed, with the elements given as they are.
fn signed(elements: &str, fields: &[(&str, &str)], algorithm: SignAlgorithm) -> String {
    let key = ApiV2Key::parse(API_V2_KEY).unwrap();
    let fields: Vec<_> = fields.iter().map(|(name, value)| Field::configured_url(name, value)).collect();
    let sign = sign(&fields, &key, algorithm).unwrap();
    format!("<xml>{elements}<sign>{sign}</sign></xml>")
}

fn reading(body: &str) -> Result<(), Refusal> {
    V2Fields::parse_unverified(body.as_bytes()).map(|_| ())
}

fn verifying(body: &str) -> Result<(), Refusal> {
    v2_keys().verify_v2(body.as_bytes()).map(|_| ())
}

#[test]
fn bodies_without_a_message_are_refused() {
    for body in ["", " ", "\r\n\t ", "\u{feff}", "\u{feff}  "] {
        assert_eq!(reading(body), Err(Refusal::Empty), "{body:?}");
    }
    for body in ["<!-- -->", "<?xml version=\"1.0\"?>", "</xml>"] {
        assert!(matches!(reading(body), Err(Refusal::MalformedXml(_))), "{body:?}");
    }
    assert_eq!(verifying("<xml/>"), Err(Refusal::MissingSign));
    assert_eq!(verifying("<xml></xml>"), Err(Refusal::MissingSign));
    assert_eq!(reading("plain text"), Err(Refusal::MalformedXml("text outside the fields")));
    assert_eq!(reading("{\"id\":1}"), Err(Refusal::MalformedXml("text outside the fields")));
}

#[test]
fn another_root_is_refused() {
    for body in ["<root><a>1</a></root>", "<XML><a>1</a></XML>", "<x:xml><a>1</a></x:xml>", "<html/>"] {
        assert!(matches!(reading(body), Err(Refusal::MalformedXml(_))), "{body}");
    }
}

#[test]
fn a_repeated_element_is_refused_even_if_one_is_empty() {
    for body in [
        "<xml><a>1</a><b>2</b><a>3</a></xml>",
        "<xml><a>1</a><a>1</a></xml>",
        "<xml><a>1</a><a></a></xml>",
        "<xml><a/><a>1</a></xml>",
        "<xml><sign>1</sign><sign>2</sign></xml>",
    ] {
        assert_eq!(reading(body), Err(Refusal::RepeatedElement), "{body}");
    }
}

#[test]
fn document_types_and_entities_are_refused() {
    let xxe = "<!DOCTYPE xml [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><xml><a>&x;</a></xml>";
    assert_eq!(reading(xxe), Err(Refusal::Doctype));
    assert_eq!(reading("<!doctype xml><xml><a>1</a></xml>"), Err(Refusal::Doctype));
    assert_eq!(reading("<xml><!DOCTYPE a><a>1</a></xml>"), Err(Refusal::Doctype));
    assert_eq!(reading("<xml><a><!DOCTYPE a>1</a></xml>"), Err(Refusal::Doctype));
    for reference in
        ["&x;", "&nbsp;", "&AMP;", "&#0;", "&#x0;", "&#xD800;", "&#x110000;", "&#1;", "&#xFFFE;", "&#;", "&;"]
    {
        assert_eq!(reading(&format!("<xml><a>{reference}</a></xml>")), Err(Refusal::Entity), "{reference}");
    }
    for broken in ["&", "& ", "&amp", "a&b"] {
        let read = reading(&format!("<xml><a>{broken}</a></xml>"));
        assert_eq!(read, Err(Refusal::MalformedXml("syntax")), "{broken}");
    }
    assert_eq!(reading("<xml>&lt;<a>1</a></xml>"), Err(Refusal::MalformedXml("text outside the fields")));
}

#[test]
fn the_predefined_entities_and_character_references_are_read() {
    let fields = V2Fields::parse_unverified(
        "<xml><a>&lt;&gt;&amp;&quot;&apos;&#65;&#x5fae;\u{4fe1}</a><b>x&amp;y</b></xml>".as_bytes(),
    );
    let fields = fields.unwrap();
    assert_eq!(fields.get("a"), Some("<>&\"'A微信"));
    assert_eq!(fields.get("b"), Some("x&y"));
}

#[test]
fn entities_are_signed_as_the_characters_they_stand_for() {
    let body = signed("<a>x&amp;y</a><b><![CDATA[x&y]]></b>", &[("a", "x&y"), ("b", "x&y")], SignAlgorithm::Md5);
    assert_eq!(verifying(&body), Ok(()));
}

#[test]
fn processing_instructions_are_refused_and_one_declaration_is_read() {
    for body in [
        "<xml><?php x?><a>1</a></xml>",
        "<?xml-stylesheet href='x'?><xml><a>1</a></xml>",
        "<xml><a>1<?x y?></a></xml>",
        "<xml><a>1</a></xml><?x y?>",
        "<xml><a>1</a><?xml version='1.0'?></xml>",
        " <?xml version='1.0'?><xml><a>1</a></xml>",
    ] {
        assert_eq!(reading(body), Err(Refusal::ProcessingInstruction), "{body}");
    }
    for declaration in [
        "<?xml version=\"1.0\"?>",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
        "\u{feff}<?xml version='1.0' encoding='utf-8' standalone='yes'?>",
    ] {
        assert_eq!(reading(&format!("{declaration}<xml><a>1</a></xml>")), Ok(()), "{declaration}");
    }
}

#[test]
fn encodings_other_than_utf_8_are_refused() {
    for encoding in ["GBK", "gb18030", "UTF-16", "ISO-8859-1", "utf8", ""] {
        let body = format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?><xml><a>1</a></xml>");
        assert_eq!(reading(&body), Err(Refusal::Encoding), "{encoding}");
    }
    let utf_16: Vec<u8> = "\u{feff}<xml><a>1</a></xml>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(V2Fields::parse_unverified(&utf_16).unwrap_err(), Refusal::NotUtf8);
    let unmarked: Vec<u8> = "<xml><a>1</a></xml>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(V2Fields::parse_unverified(&unmarked).unwrap_err(), Refusal::MalformedXml("control character"));
    assert_eq!(V2Fields::parse_unverified(b"<xml><a>\xce\xa2\xd0</a></xml>").unwrap_err(), Refusal::NotUtf8);
    assert_eq!(reading("\u{feff}\u{feff}<xml/>"), Err(Refusal::MalformedXml("control character")));
}

#[test]
fn nesting_is_refused_however_deep() {
    assert_eq!(reading("<xml><a><b>1</b></a></xml>"), Err(Refusal::Nested));
    assert_eq!(reading("<xml><a>1<b/></a></xml>"), Err(Refusal::Nested));
    assert_eq!(reading("<xml><xml><a>1</a></xml></xml>"), Err(Refusal::Nested));
    let deep = format!("<xml>{}", "<a>".repeat(100_000));
    assert_eq!(reading(&deep), Err(Refusal::Nested));
}

#[test]
fn what_is_not_one_well_formed_element_is_refused() {
    for (body, what) in [
        ("<xml><a>1</a>", "unfinished"),
        ("<xml><a>1", "unfinished"),
        ("<xml><a>1</b></xml>", "syntax"),
        ("<xml><a>1</xml></a>", "syntax"),
        ("<xml><a>1</a", "syntax"),
        ("<xml><a><![CDATA[1]]</a></xml>", "syntax"),
        ("<xml><a>1</a></xml></xml>", "syntax"),
        ("<xml><a>1</a></xml><xml/>", "something after the root element"),
        ("<xml><a>1</a></xml>x", "something after the root element"),
        ("<xml/>x", "something after the root element"),
        ("<xml><a>1</a></xml>&lt;", "something after the root element"),
        ("<xml><a>1</a></xml><![CDATA[x]]>", "something after the root element"),
        ("<xml>x<a>1</a></xml>", "text outside the fields"),
        ("<xml><![CDATA[x]]><a>1</a></xml>", "text outside the fields"),
        ("x<xml><a>1</a></xml>", "text outside the fields"),
        ("<xml><a b='1'>1</a></xml>", "attribute"),
        ("<xml xmlns='x'><a>1</a></xml>", "attribute"),
        ("<xml><a/b>1</a></xml>", "element name"),
        ("<xml><a>1<!-- -->2</a></xml>", "comment inside a field"),
        ("<xml><a>\0</a></xml>", "control character"),
    ] {
        assert_eq!(reading(body), Err(Refusal::MalformedXml(what)), "{body}");
    }
}

#[test]
fn names_that_could_be_cut_differently_are_refused() {
    for name in ["a=1&amp;b", "a&amp;b", "a=1", "\u{5fae}", "a:b"] {
        let body = format!("<xml><{name}>1</{name}></xml>");
        assert_eq!(reading(&body), Err(Refusal::MalformedXml("element name")), "{body}");
    }
}

#[test]
fn comments_and_blanks_between_fields_are_ignored() {
    let elements = "\n <!-- one -->\r\n<a>1</a>\t<b ><![CDATA[2]]></b ><c/><d></d><e><![CDATA[]]></e>";
    let body = signed(elements, &[("a", "1"), ("b", "2")], SignAlgorithm::HmacSha256);
    assert_eq!(verifying(&format!("\n<!-- -->{body}\n<!-- -->")), Ok(()));
}

#[test]
fn values_are_signed_raw_and_trimmed_only_for_comparison() {
    let elements = "<a> <![CDATA[ 1 ]]> </a><b><![CDATA[x]]>y<![CDATA[z]]></b><c><![CDATA[a]]]]><![CDATA[>b]]></c>";
    let body = signed(elements, &[("a", "  1  "), ("b", "xyz"), ("c", "a]]>b")], SignAlgorithm::Md5);
    let keys = v2_keys();
    let verified = keys.verify_v2(body.as_bytes()).unwrap();
    let Content::V2(fields) = verified.content() else { panic!("not V2") };
    assert_eq!(fields.get("a"), Some("  1  "));
    assert_eq!(fields.trimmed("a"), Some("1"));
    let trimmed = signed("<a> 1 </a>", &[("a", "1")], SignAlgorithm::Md5);
    assert_eq!(verifying(&trimmed), Err(Refusal::WrongSign));
}

#[test]
fn a_missing_empty_or_blank_sign_is_refused() {
    for sign in ["", "<sign/>", "<sign></sign>", "<sign> </sign>", "<sign><![CDATA[]]></sign>", "<Sign>1</Sign>"] {
        assert_eq!(verifying(&format!("<xml><a>1</a>{sign}</xml>")), Err(Refusal::MissingSign), "{sign}");
    }
}

#[test]
fn the_algorithm_is_sign_type_or_else_the_length() {
    for algorithm in [SignAlgorithm::Md5, SignAlgorithm::HmacSha256] {
        assert_eq!(verifying(&signed("<a>1</a>", &[("a", "1")], algorithm)), Ok(()));
        let named = format!("<a>1</a><sign_type>{}</sign_type>", algorithm.name());
        assert_eq!(verifying(&signed(&named, &[("a", "1"), ("sign_type", algorithm.name())], algorithm)), Ok(()));
        let other = if algorithm == SignAlgorithm::Md5 { "HMAC-SHA256" } else { "MD5" };
        let crossed = format!("<a>1</a><sign_type>{other}</sign_type>");
        let crossed = signed(&crossed, &[("a", "1"), ("sign_type", other)], algorithm);
        assert_eq!(verifying(&crossed), Err(Refusal::SignTypeMismatch));
        let unknown = signed("<a>1</a><sign_type>md5</sign_type>", &[("a", "1"), ("sign_type", "md5")], algorithm);
        assert_eq!(verifying(&unknown), Err(Refusal::UnsupportedSignatureType("md5".into())));
        // Added after signing, `sign_type` is an altered message even if it tells the truth.
        let added = signed("<a>1</a>", &[("a", "1")], algorithm);
        let added = added.replace("<a>", &format!("<sign_type>{}</sign_type><a>", algorithm.name()));
        assert_eq!(verifying(&added), Err(Refusal::WrongSign));
    }
}

#[test]
fn a_sign_of_another_length_or_alphabet_is_refused() {
    let whole = signed("<a>1</a>", &[("a", "1")], SignAlgorithm::HmacSha256);
    let (start, sign) = whole.split_once("<sign>").unwrap();
    let sign = sign.strip_suffix("</sign></xml>").unwrap();
    for length in 1..sign.len() {
        let cut = format!("{start}<sign>{}</sign></xml>", &sign[..length]);
        let expected = if length == 32 { Refusal::WrongSign } else { Refusal::MalformedSign };
        assert_eq!(verifying(&cut), Err(expected), "{length}");
    }
    let longer = format!("{start}<sign>{sign}0</sign></xml>");
    assert_eq!(verifying(&longer), Err(Refusal::MalformedSign));
    let not_hex = format!("{start}<sign>{}</sign></xml>", sign.replacen(sign.chars().next().unwrap(), "G", 1));
    assert_eq!(verifying(&not_hex), Err(Refusal::MalformedSign));
    let lower = format!("{start}<sign>{}</sign></xml>", sign.to_lowercase());
    assert_eq!(verifying(&lower), Ok(()));
}

#[test]
fn req_info_that_is_no_ciphertext_of_ours_is_refused() {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let keys = v2_keys();
    let notice = |req_info: &str| format!("<xml><mch_id>10000100</mch_id><req_info>{req_info}</req_info></xml>");
    assert_eq!(keys.verify_v2_refund(notice("").as_bytes()), Err(Refusal::MissingReqInfo));
    assert_eq!(keys.verify_v2_refund(notice(" ").as_bytes()), Err(Refusal::MissingReqInfo));
    let lengths = [0, 1, 15, 16, 17, 32, 1_000, 30_000].map(|length| STANDARD.encode(vec![7; length]));
    for req_info in lengths.iter().map(String::as_str).chain(["!", "AAA", "QUJD\nQUJD"]) {
        let expected = if req_info.is_empty() { Refusal::MissingReqInfo } else { Refusal::UndecryptableReqInfo };
        assert_eq!(keys.verify_v2_refund(notice(req_info).as_bytes()), Err(expected), "{req_info}");
    }
}
