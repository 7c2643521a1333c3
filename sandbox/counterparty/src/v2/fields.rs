//! The fields of a V2 message: their order, their signature, their XML.

use aws_lc_rs::hmac;
use md5::{Digest as _, Md5};
use quick_xml::events::{BytesCData, BytesText, Event};
use quick_xml::{Reader, Writer};

use crate::Error;

/// The two algorithms of `sign` (<https://pay.weixin.qq.com/doc/v2/merchant/4011985891>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignType {
    /// 32 upper-case hexadecimal digits.
    Md5,
    /// 64 upper-case hexadecimal digits.
    HmacSha256,
}

/// The children of `<xml>` in the order in which they will be written.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct V2Fields(Vec<Field>);

#[derive(Clone, PartialEq, Eq)]
struct Field {
    name: String,
    value: String,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Cdata,
    Plain,
}

impl V2Fields {
    /// No field yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field or replaces its value; written as CDATA, as WeChat writes nearly everything.
    pub fn set(&mut self, name: &str, value: &str) {
        self.put(name, value, Form::Cdata);
    }

    /// Adds or replaces a number; written as plain text, as WeChat's samples write `total_fee`.
    pub fn set_number(&mut self, name: &str, value: u64) {
        self.put(name, &value.to_string(), Form::Plain);
    }

    /// Leaves a field out.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|field| field.name != name);
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|field| field.name == name).map(|field| field.value.as_str())
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|field| (field.name.as_str(), field.value.as_str()))
    }

    /// Reads a well-formed message back: the merchant's calls, and samples in tests. Trusting, and no judge of hostile input.
    ///
    /// # Errors
    /// What the XML reader says.
    pub fn read(xml: &[u8]) -> Result<Self, Error> {
        read(xml)
    }

    /// The `sign` of these fields with a key, whatever `sign` is among them.
    #[must_use]
    pub fn signature(&self, api_v2_key: &str, sign_type: SignType) -> String {
        signature(self.iter().map(|(name, value)| (name, value.as_bytes())), api_v2_key, sign_type)
    }

    /// The XML with the given root element, one child a line.
    ///
    /// # Errors
    /// What the XML writer says.
    pub fn render(&self, root: &str) -> Result<Vec<u8>, Error> {
        let mut writer = Writer::new(Vec::new());
        writer
            .create_element(root)
            .write_inner_content(|writer| {
                for field in &self.0 {
                    write_field(writer, field)?;
                    writer.write_event(Event::Text(BytesText::new("\n")))?;
                }
                Ok(())
            })
            .map_err(Error::xml)?;
        Ok(writer.into_inner())
    }

    fn put(&mut self, name: &str, value: &str, form: Form) {
        let new = Field { name: name.to_owned(), value: value.to_owned(), form };
        match self.0.iter_mut().find(|field| field.name == name) {
            Some(field) => *field = new,
            None => self.0.push(new),
        }
    }
}

impl FromIterator<(&'static str, String)> for V2Fields {
    fn from_iter<T: IntoIterator<Item = (&'static str, String)>>(iter: T) -> Self {
        let mut fields = Self::new();
        for (name, value) in iter {
            fields.set(name, &value);
        }
        fields
    }
}

/// Sorts by name in byte order, leaves out `sign` and what is empty, appends the key, hashes.
pub(crate) fn signature<'a>(
    fields: impl Iterator<Item = (&'a str, &'a [u8])>,
    api_v2_key: &str,
    sign_type: SignType,
) -> String {
    let mut signed: Vec<_> = fields.filter(|(name, value)| *name != "sign" && !value.is_empty()).collect();
    signed.sort_unstable();
    let mut message = Vec::new();
    for (name, value) in signed {
        message.extend_from_slice(name.as_bytes());
        message.push(b'=');
        message.extend_from_slice(value);
        message.push(b'&');
    }
    message.extend_from_slice(b"key=");
    message.extend_from_slice(api_v2_key.as_bytes());
    match sign_type {
        SignType::Md5 => hex::encode_upper(Md5::digest(&message)),
        SignType::HmacSha256 => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, api_v2_key.as_bytes());
            hex::encode_upper(hmac::sign(&key, &message))
        }
    }
}

fn write_field(writer: &mut Writer<Vec<u8>>, field: &Field) -> std::io::Result<()> {
    let element = writer.create_element(field.name.as_str());
    match field.form {
        Form::Plain => element.write_text_content(BytesText::new(&field.value))?,
        // `]]>` inside a value ends a CDATA section, so such a value needs several of them.
        Form::Cdata => element.write_inner_content(|writer| {
            BytesCData::escaped(&field.value).try_for_each(|part| writer.write_event(Event::CData(part)))
        })?,
    };
    Ok(())
}

fn read(xml: &[u8]) -> Result<V2Fields, Error> {
    let text = std::str::from_utf8(xml).map_err(Error::xml)?;
    let mut reader = Reader::from_str(text);
    let mut fields = V2Fields::new();
    let mut path: Vec<String> = Vec::new();
    let mut value = String::new();
    loop {
        match reader.read_event().map_err(Error::xml)? {
            Event::Start(start) => {
                value.clear();
                path.push(start.name().as_ref().to_owned());
            }
            Event::End(_) => {
                if let (2, Some(name)) = (path.len(), path.last()) {
                    fields.set(name, &value);
                }
                path.pop();
            }
            Event::Text(text) => value.push_str(&text),
            Event::CData(text) => value.push_str(&text),
            Event::GeneralRef(reference) => value.push(resolved(&reference)?),
            Event::Eof => return Ok(fields),
            _ => {}
        }
    }
}

fn resolved(reference: &quick_xml::events::BytesRef<'_>) -> Result<char, Error> {
    if let Some(character) = reference.resolve_char_ref().map_err(Error::xml)? {
        return Ok(character);
    }
    let name: &str = reference;
    quick_xml::escape::resolve_predefined_entity(name)
        .and_then(|text| text.chars().next())
        .ok_or_else(|| Error::Xml(format!("entity {name}")))
}
