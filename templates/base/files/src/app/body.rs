//! A JSON body, read whole, with every field that does not hold reported at once.

use axum::{
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    data::idempotency::Fingerprint,
    edge::{
        body,
        problem::{FieldError, Problem},
    },
};

/// RFC 5321 §4.5.3.1.3, without the angle brackets.
const LONGEST_EMAIL: usize = 254;

/// A value that is read from the fields of a JSON object.
pub trait FromFields: Sized {
    fn from_fields(fields: &mut Fields) -> Self;
}

/// The parsed body, and what identifies the request for `app::idempotency`.
pub struct Body<T> {
    pub value: T,
    pub fingerprint: Fingerprint,
}

/// The body as it came, for who verifies it before it is parsed.
pub struct Raw(pub Bytes);

/// The fields of an object and what was wrong with them. A field that does not hold reads as empty; the
/// value that is made of it is never used.
pub struct Fields {
    given: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// A text of `shortest` to `longest` characters.
    pub fn text(&mut self, name: &str, shortest: usize, longest: usize) -> String {
        match self.given.remove(name) {
            Some(Value::String(text)) => {
                let length = text.chars().count();
                if !(shortest..=longest).contains(&length) {
                    let detail =
                        format!("must have {shortest} to {longest} characters, has {length}");
                    self.refuse(name, detail);
                }
                // No text to many who store or show it.
                if text.contains('\0') {
                    self.refuse(name, "must not have the character U+0000".to_owned());
                }
                text
            }
            Some(_) => {
                self.refuse(name, "must be text".to_owned());
                String::new()
            }
            None => {
                self.refuse(name, "is missing".to_owned());
                String::new()
            }
        }
    }

    /// The same of a text that may be left out, or null.
    pub fn optional_text(&mut self, name: &str, shortest: usize, longest: usize) -> Option<String> {
        match self.given.get(name) {
            None => None,
            Some(Value::Null) => self.given.remove(name).and(None),
            Some(_) => Some(self.text(name, shortest, longest)),
        }
    }

    /// A list of up to `most` ids; an empty one where there is no such field.
    pub fn ids(&mut self, name: &str, most: usize) -> Vec<Uuid> {
        let given = self
            .given
            .remove(name)
            .map(serde_json::from_value::<Vec<Uuid>>);
        match given {
            Some(Ok(ids)) if ids.len() > most => {
                let detail = format!("must have at most {most} ids, has {}", ids.len());
                self.refuse(name, detail);
            }
            Some(Err(_)) => self.refuse(name, "must be a list of ids".to_owned()),
            Some(Ok(ids)) => return ids,
            None => {}
        }
        Vec::new()
    }

    /// The address of a mailbox, as far as it shows without a mail: the rest is the provider's to find out.
    pub fn optional_email(&mut self, name: &str) -> Option<String> {
        let address = self.optional_text(name, 3, LONGEST_EMAIL)?;
        let is_one = address.split_once('@').is_some_and(|(who, domain)| {
            !who.is_empty() && domain.contains('.') && !domain.contains('@')
        });
        if !is_one || address.contains(|c: char| c.is_whitespace() || "<>,;\"\\".contains(c)) {
            self.refuse(name, "must be an email address".to_owned());
        }
        Some(address)
    }

    fn refuse(&mut self, name: &str, detail: String) {
        // RFC 6901 §3
        let escaped = name.replace('~', "~0").replace('/', "~1");
        self.errors.push(FieldError {
            pointer: format!("/{escaped}"),
            detail,
        });
    }

    /// Refuses what nobody read: a misspelt field would be lost in silence.
    fn finish(mut self) -> Result<(), Problem> {
        let unknown: Vec<String> = self.given.keys().cloned().collect();
        for name in unknown {
            self.refuse(&name, "is not a field of this resource".to_owned());
        }
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(self.errors))
        }
    }
}

/// Reads `T` from the text of a JSON object.
pub fn parse<T: FromFields>(json: &[u8]) -> Result<T, Problem> {
    let value = serde_json::from_slice(json)
        .map_err(|error| Problem::bad_request(format!("the body is not JSON: {error}")))?;
    let Value::Object(given) = value else {
        let error = FieldError {
            pointer: String::new(),
            detail: "must be an object".to_owned(),
        };
        return Err(Problem::invalid(vec![error]));
    };
    let mut fields = Fields {
        given,
        errors: Vec::new(),
    };
    let value = T::from_fields(&mut fields);
    fields.finish()?;
    Ok(value)
}

impl<S: Send + Sync, T: FromFields> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(Problem::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
                .detail("send application/json")
                .into_response());
        }
        let bytes = whole(body).await?;
        let fingerprint = fingerprint(&parts, &bytes);
        let value = parse(&bytes).map_err(IntoResponse::into_response)?;
        Ok(Self { value, fingerprint })
    }
}

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        whole(request.into_body()).await.map(Self)
    }
}

async fn whole(body: axum::body::Body) -> Result<Bytes, Response> {
    match body.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) => Err(body::problem(&error).into_response()),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.split(';').next())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// What makes two requests with one key the same request: method, target and body, byte for byte.
fn fingerprint(parts: &http::request::Parts, body: &Bytes) -> Fingerprint {
    let target = parts
        .uri
        .path_and_query()
        .map_or("", |target| target.as_str());
    let message = [
        parts.method.as_str().as_bytes(),
        b" ",
        target.as_bytes(),
        b"\n",
        body,
    ]
    .concat();
    let mut fingerprint = Fingerprint::default();
    fingerprint.copy_from_slice(digest(&SHA256, &message).as_ref());
    fingerprint
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug)]
    struct Two;

    impl FromFields for Two {
        fn from_fields(fields: &mut Fields) -> Self {
            fields.text("first", 1, 3);
            fields.text("second", 0, 3);
            fields.optional_text("third", 1, 3);
            Self
        }
    }

    fn pointers(json: &str) -> Vec<String> {
        let problem = parse::<Two>(json.as_bytes()).expect_err("refused");
        problem
            .errors
            .into_iter()
            .map(|error| error.pointer)
            .collect()
    }

    #[test]
    fn every_field_is_reported_at_once() {
        assert!(parse::<Two>(br#"{"first":"abc","second":""}"#).is_ok());
        assert_eq!(
            pointers(r#"{"first":"","second":7,"a/b~c":1}"#),
            ["/first", "/second", "/a~1b~0c"]
        );
        assert_eq!(
            pointers(r#"{"first":"","second":"","third":"long"}"#),
            ["/first", "/third"]
        );
        assert!(parse::<Two>(br#"{"first":"a","second":"","third":null}"#).is_ok());
        assert_eq!(pointers("{}"), ["/first", "/second"]);
        assert_eq!(pointers("[]"), [""]);
    }

    #[test]
    fn a_list_of_ids_is_bounded_and_may_be_left_out() {
        let read = |json: Value| {
            let Value::Object(given) = json else {
                panic!("no object");
            };
            let errors = Vec::new();
            let mut fields = Fields { given, errors };
            (fields.ids("ids", 2), fields.errors.len())
        };
        let id = Uuid::nil();
        assert_eq!(read(json!({})), (vec![], 0));
        assert_eq!(read(json!({ "ids": [] })), (vec![], 0));
        assert_eq!(read(json!({ "ids": [id, id] })), (vec![id, id], 0));
        for refused in [json!([id, id, id]), json!(["x"]), json!(id), json!(null)] {
            assert_eq!(read(json!({ "ids": refused })), (vec![], 1));
        }
    }

    #[test]
    fn an_email_address_is_one_mailbox_and_nothing_else() {
        struct One;

        impl FromFields for One {
            fn from_fields(fields: &mut Fields) -> Self {
                fields.optional_email("to");
                Self
            }
        }

        let holds = |to: &str| parse::<One>(json!({ "to": to }).to_string().as_bytes()).is_ok();
        for address in [
            "a@example.com",
            "a.b+c@mail.example.com",
            "jörg@bücher.example",
        ] {
            assert!(holds(address), "{address}");
        }
        for address in [
            "",
            "a@b",
            "@example.com",
            "a@b@example.com",
            "A <a@example.com>",
            "a@example.com, b@example.com",
            "a@example.com\r\nBcc: b@example.com",
        ] {
            assert!(!holds(address), "{address}");
        }
        assert!(parse::<One>(b"{}").is_ok());
    }

    #[test]
    fn what_is_not_json_is_a_bad_request() {
        assert_eq!(parse::<Two>(b"{").expect_err("refused").status, 400);
    }
}
