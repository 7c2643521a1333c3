//! V2 messages: one XML element with one level of fields in it, read in one pass that borrows from the body.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};

use crate::refusal::Refusal;

/// Room for the fields of most notices; just below 1 KiB, up to where allocators keep blocks at hand.
const FIELDS: usize = 21;

/// One field: its name and its raw value.
pub(crate) type Field<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The non-empty fields of a V2 message, in the ASCII order of their names (the order in which they are signed).
///
/// Values are the characters that the sender signed: unescaped, not trimmed.
#[derive(Clone, PartialEq, Eq)]
pub struct V2Fields<'a> {
    fields: Vec<Field<'a>>,
}

impl<'a> V2Fields<'a> {
    /// Reads a message **without checking its signature**: for our own requests, for tools, and for the one answer that is
    /// documented to be unsigned (`h5entrustweb`). A notification comes from [`crate::MerchantKeys::verify_v2`] alone.
    ///
    /// ```
    /// let fields = verify::V2Fields::parse_unverified(b"<xml><a><![CDATA[ 1 ]]></a><b></b></xml>")?;
    /// assert_eq!(fields.get("a"), Some(" 1 "));
    /// assert_eq!(fields.trimmed("a"), Some("1"));
    /// assert_eq!(fields.get("b"), None);
    /// # Ok::<(), verify::Refusal>(())
    /// ```
    ///
    /// # Errors
    /// The variants of [`Refusal`] about the body's form.
    pub fn parse_unverified(body: &'a [u8]) -> Result<Self, Refusal> {
        V2Fields::parse(body, "xml")
    }

    /// Reads the message if its root element has this name.
    pub(crate) fn parse(body: &'a [u8], root: &str) -> Result<Self, Refusal> {
        let mut fields = Document::open(body)?.fields(root)?;
        fields.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let repeated = fields.array_windows().any(|[one, next]| one.0 == next.0);
        if repeated {
            return Err(Refusal::RepeatedElement);
        }
        fields.retain(|field| !field.1.is_empty());
        Ok(V2Fields { fields })
    }

    /// The value of a field, if it is there and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        // Two dozen names are told apart by their lengths sooner than a binary search compares five.
        self.fields.iter().find(|field| field.0 == name).map(|field| field.1.as_ref())
    }

    /// The value without blanks around it, for comparisons: some of the official samples have blanks inside the CDATA.
    #[must_use]
    pub fn trimmed(&self, name: &str) -> Option<&str> {
        self.get(name).map(str::trim_ascii)
    }

    /// Names and raw values, in the ASCII order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// How many non-empty fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no non-empty field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The same fields without the body.
    #[must_use]
    pub fn into_owned(self) -> V2Fields<'static> {
        let owned = |(name, value): Field<'a>| (Cow::Owned(name.into_owned()), Cow::Owned(value.into_owned()));
        V2Fields { fields: self.fields.into_iter().map(owned).collect() }
    }
}

/// Names alone are printed: values hold openids.
impl std::fmt::Debug for V2Fields<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.fields.iter().map(|field| &field.0)).finish()
    }
}

/// A body while it is read.
struct Document<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
}

impl<'a> Document<'a> {
    fn open(body: &'a [u8]) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(body).map_err(|_| Refusal::NotUtf8)?;
        // One byte order mark is allowed by XML. quick-xml would drop another one and lose count of the bytes.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim_ascii().is_empty() {
            return Err(Refusal::Empty);
        }
        if text.starts_with('\u{feff}') || has_forbidden_control(text) {
            return Err(Refusal::MalformedXml("control character"));
        }
        Ok(Document { text, reader: Reader::from_str(text) })
    }

    fn fields(mut self, root: &str) -> Result<Vec<Field<'a>>, Refusal> {
        let mut fields = Vec::with_capacity(FIELDS);
        let has_content = self.open_root(root)?;
        if has_content {
            self.read_fields(&mut fields)?;
        }
        self.expect_end()?;
        Ok(fields)
    }

    /// Reads up to the root's start tag. `false` for `<xml/>`.
    fn open_root(&mut self, root: &str) -> Result<bool, Refusal> {
        let mut first = true;
        loop {
            match self.event()? {
                Event::Decl(declaration) if first => check_encoding(&declaration)?,
                Event::Start(start) => {
                    return self.name(&start, ">").and_then(|name| check_root(name, root)).map(|()| true);
                }
                Event::Empty(start) => {
                    return self.name(&start, "/>").and_then(|name| check_root(name, root)).map(|()| false);
                }
                Event::Text(text) if is_blank(&text) => {}
                Event::Comment(_) => {}
                Event::Decl(_) => return Err(Refusal::ProcessingInstruction),
                Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => {
                    return Err(Refusal::MalformedXml("text outside the fields"));
                }
                Event::End(_) | Event::Eof | Event::PI(_) | Event::DocType(_) => {
                    return Err(Refusal::MalformedXml("no root element"));
                }
            }
            first = false;
        }
    }

    /// Reads fields up to the root's end tag. Blanks between fields make no events, blanks inside them are part of the value.
    fn read_fields(&mut self, fields: &mut Vec<Field<'a>>) -> Result<(), Refusal> {
        loop {
            self.skip_blanks(true);
            match self.event()? {
                Event::Start(start) => {
                    let name = self.name(&start, ">")?;
                    self.skip_blanks(false);
                    fields.push((Cow::Borrowed(name), self.value()?));
                }
                Event::End(_) => return Ok(()),
                Event::Empty(start) => fields.push((Cow::Borrowed(self.name(&start, "/>")?), Cow::Borrowed(""))),
                Event::Comment(_) => {}
                Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => {
                    return Err(Refusal::MalformedXml("text outside the fields"));
                }
                Event::Decl(_) | Event::PI(_) | Event::DocType(_) => return Err(Refusal::ProcessingInstruction),
                Event::Eof => return Err(Refusal::MalformedXml("unfinished")),
            }
        }
    }

    /// Reads a field's value up to its end tag: text, CDATA and references, put together as they stand.
    fn value(&mut self) -> Result<Cow<'a, str>, Refusal> {
        let mut value = Cow::Borrowed("");
        loop {
            match self.event()? {
                Event::CData(part) => append(&mut value, part.into_inner()),
                Event::Text(part) => append(&mut value, part.into_inner()),
                Event::End(_) => return Ok(value),
                Event::GeneralRef(reference) => value.to_mut().push(resolved(&reference)?),
                Event::Start(_) | Event::Empty(_) => return Err(Refusal::Nested),
                // Two readers could disagree on whether it ends the text.
                Event::Comment(_) => return Err(Refusal::MalformedXml("comment inside a field")),
                Event::Decl(_) | Event::PI(_) | Event::DocType(_) => return Err(Refusal::ProcessingInstruction),
                Event::Eof => return Err(Refusal::MalformedXml("unfinished")),
            }
        }
    }

    /// After the root nothing may follow but blanks and comments.
    fn expect_end(&mut self) -> Result<(), Refusal> {
        loop {
            match self.event()? {
                Event::Eof => return Ok(()),
                Event::Text(text) if is_blank(&text) => {}
                Event::Comment(_) => {}
                Event::Start(_)
                | Event::End(_)
                | Event::Empty(_)
                | Event::Text(_)
                | Event::CData(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_)
                | Event::GeneralRef(_) => return Err(Refusal::MalformedXml("something after the root element")),
            }
        }
    }

    fn skip_blanks(&mut self, skip: bool) {
        self.reader.config_mut().trim_text_start = skip;
    }

    /// The next event, unless it is one that is refused everywhere.
    fn event(&mut self) -> Result<Event<'a>, Refusal> {
        let event = self.reader.read_event().map_err(|_| Refusal::MalformedXml("syntax"))?;
        if matches!(event, Event::DocType(_)) {
            return Err(Refusal::Doctype);
        }
        if matches!(event, Event::PI(_)) {
            return Err(Refusal::ProcessingInstruction);
        }
        Ok(event)
    }

    /// The name in the tag that was read last, borrowed from the body; an event only lends its own copy.
    ///
    /// Names are limited to what WeChat uses: with `=` or `&` in a name, a signed text could be cut into fields in a second way.
    fn name(&self, tag: &BytesStart<'_>, closing: &str) -> Result<&'a str, Refusal> {
        let name_len = tag.name().as_ref().len();
        if tag.len() != name_len && !is_blank(tag.attributes_raw()) {
            return Err(Refusal::MalformedXml("attribute"));
        }
        let end = usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX);
        let start = end.saturating_sub(closing.len()).saturating_sub(tag.len());
        let name = self.text.get(start..start.saturating_add(name_len)).unwrap_or_default();
        debug_assert_eq!(name, tag.name().as_ref(), "the reader's position is just after the tag");
        let fits = name.bytes().fold(!name.is_empty(), |fits, byte| fits & is_name_byte(byte));
        if fits { Ok(name) } else { Err(Refusal::MalformedXml("element name")) }
    }
}

fn append<'a>(value: &mut Cow<'a, str>, part: Cow<'a, str>) {
    if value.is_empty() {
        *value = part;
    } else if !part.is_empty() {
        value.to_mut().push_str(&part);
    }
}

fn resolved(reference: &BytesRef<'_>) -> Result<char, Refusal> {
    let character = match reference.resolve_char_ref() {
        Ok(Some(character)) => Some(character),
        Ok(None) => resolve_predefined_entity(reference).and_then(|text| text.chars().next()),
        Err(_) => None,
    };
    character.filter(|character| is_xml_character(*character)).ok_or(Refusal::Entity)
}

fn check_encoding(declaration: &BytesDecl<'_>) -> Result<(), Refusal> {
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(encoding)) if encoding.eq_ignore_ascii_case("utf-8") => Ok(()),
        Some(_) => Err(Refusal::Encoding),
    }
}

fn check_root(name: &str, expected: &str) -> Result<(), Refusal> {
    if name == expected { Ok(()) } else { Err(Refusal::MalformedXml("root element")) }
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

/// Looks at every byte without stopping at the first hit, which lets the compiler look at many at once.
fn has_forbidden_control(text: &str) -> bool {
    let forbidden = |byte: u8| (byte < b' ') & (byte != b'\t') & (byte != b'\r') & (byte != b'\n');
    text.bytes().fold(false, |found, byte| found | forbidden(byte))
}

/// XML 1.0, production `Char`.
fn is_xml_character(character: char) -> bool {
    matches!(character, '\t' | '\r' | '\n' | ' '..='\u{fffd}' | '\u{10000}'..)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}
