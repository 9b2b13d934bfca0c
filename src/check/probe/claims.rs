//! What a service claims: the extension `x-formwork` of its OpenAPI document.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::Finding;

const EXTENSION: &str = "x-formwork";
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

#[derive(Clone, Debug)]
pub struct Claims {
    /// Promises of the service as a whole.
    pub promises: BTreeSet<String>,
    pub credential: Option<Credential>,
    pub operations: Vec<Operation>,
}

/// How to get a credential that the service accepts.
#[derive(Clone, Debug, Deserialize)]
pub struct Credential {
    /// Arguments of the binary, with `{subject}`, `{tenant}` and `{scope}` to fill in.
    pub command: Vec<String>,
    #[serde(default)]
    pub scope: String,
    pub header: String,
    /// The header's value, with the command's `{output}`.
    pub value: String,
}

#[derive(Clone, Debug)]
pub struct Operation {
    pub method: String,
    pub path: String,
    pub promises: BTreeSet<String>,
    /// Two valid bodies that differ.
    pub example: Option<Value>,
    pub variant: Option<Value>,
    /// Whether a caller must say who it is.
    pub is_secured: bool,
    /// Whether it is asked for with something after the `?`.
    needs_query: bool,
}

#[derive(Deserialize, Default)]
struct Extension {
    #[serde(default)]
    promises: BTreeSet<String>,
    credential: Option<Credential>,
    example: Option<Value>,
    variant: Option<Value>,
}

impl Claims {
    pub fn read(document: &[u8]) -> Finding<Self> {
        let document: Value =
            serde_json::from_slice(document).map_err(|error| format!("it prints no JSON: {error}"))?;
        let root = extension(&document, "the document's root")?;
        let mut operations = Vec::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            let item = item.as_object().into_iter().flatten();
            for (method, operation) in item.filter(|(method, _)| METHODS.contains(&method.as_str())) {
                operations.push(read_operation(method, path, operation, &document["security"])?);
            }
        }
        Ok(Self { promises: root.promises, credential: root.credential, operations })
    }

    /// The operations that claim a promise.
    pub fn of<'a>(&'a self, promise: &'a str) -> impl Iterator<Item = &'a Operation> {
        self.operations.iter().filter(move |operation| operation.promises.contains(promise))
    }

    pub fn is_claimed(&self, promise: &str) -> bool {
        self.promises.contains(promise) || self.of(promise).next().is_some()
    }

    /// Everything that anybody claims.
    pub fn all(&self) -> BTreeSet<&str> {
        let claimed = self.operations.iter().flat_map(|operation| &operation.promises);
        self.promises.iter().chain(claimed).map(String::as_str).collect()
    }
}

impl Operation {
    /// `POST /v1/documents`
    pub fn name(&self) -> String {
        format!("{} {}", self.method.to_uppercase(), self.path)
    }

    /// Whether more than the path as it stands is needed to call it.
    pub fn has_parameters(&self) -> bool {
        self.path.contains('{') || self.needs_query
    }

    pub fn example(&self) -> Finding<&Value> {
        self.example.as_ref().ok_or_else(|| format!("{} claims, but gives no `example` body", self.name()))
    }

    pub fn variant(&self) -> Finding<&Value> {
        match &self.variant {
            Some(variant) if self.variant != self.example => Ok(variant),
            Some(_) => Err(format!("`variant` of {} is the same as its `example`", self.name())),
            None => Err(format!("{} claims, but gives no `variant` body", self.name())),
        }
    }
}

fn read_operation(method: &str, path: &str, operation: &Value, default: &Value) -> Finding<Operation> {
    let name = format!("{} {path}", method.to_uppercase());
    let claims = extension(operation, &name)?;
    let security = match &operation["security"] {
        Value::Null => default,
        own => own,
    };
    Ok(Operation {
        method: method.to_owned(),
        path: path.to_owned(),
        promises: claims.promises,
        example: claims.example,
        variant: claims.variant,
        is_secured: demands_a_caller(security),
        needs_query: demands_a_query(&operation["parameters"]),
    })
}

fn extension(of: &Value, place: &str) -> Finding<Extension> {
    match of.get(EXTENSION) {
        Some(value) => serde_json::from_value(value.clone())
            .map_err(|error| format!("`{EXTENSION}` of {place} does not read: {error}")),
        None => Ok(Extension::default()),
    }
}

fn demands_a_query(parameters: &Value) -> bool {
    let parameters = parameters.as_array().map(Vec::as_slice).unwrap_or_default();
    parameters.iter().any(|parameter| parameter["in"] == "query" && parameter["required"] == true)
}

/// An empty alternative, `{}`, lets everybody in.
fn demands_a_caller(security: &Value) -> bool {
    let alternatives = security.as_array().map(Vec::as_slice).unwrap_or_default();
    let is_open = |alternative: &Value| alternative.as_object().is_none_or(serde_json::Map::is_empty);
    !alternatives.is_empty() && !alternatives.iter().any(is_open)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(document: &Value) -> Finding<Claims> {
        Claims::read(document.to_string().as_bytes())
    }

    fn document() -> Value {
        json!({
            "openapi": "3.1.0",
            "x-formwork": {
                "promises": ["P11"],
                "credential": { "command": ["token", "--scope", "{scope}"], "scope": "a:read", "header": "authorization", "value": "Bearer {output}" }
            },
            "paths": {
                "/v1/things": {
                    "summary": "not an operation",
                    "get": { "security": [{ "bearer": [] }] },
                    "post": {
                        "security": [{ "bearer": ["a:write"] }],
                        "x-formwork": { "promises": ["P1", "P3"], "example": { "a": 1 }, "variant": { "a": 2 } }
                    }
                },
                "/v1/open/{id}": { "get": { "security": [{}] } }
            }
        })
    }

    #[test]
    fn claims_stand_on_the_root_and_on_operations() {
        let claims = read(&document()).expect("claims");
        assert_eq!(claims.all().into_iter().collect::<Vec<_>>(), ["P1", "P11", "P3"]);
        let names: Vec<_> = claims.of("P3").map(Operation::name).collect();
        assert_eq!(names, ["POST /v1/things"]);
        assert!(!claims.is_claimed("P9"));
        let secured: Vec<_> = claims.operations.iter().map(|operation| operation.is_secured).collect();
        assert_eq!(secured, [true, true, false]);
        assert_eq!(claims.credential.expect("a credential").scope, "a:read");
    }

    #[test]
    fn what_is_searched_for_is_a_parameter_too() {
        let has_parameters = |parameter: Value| {
            let mut document = document();
            document["paths"] = json!({ "/v1/search": { "get": { "parameters": [parameter] } } });
            read(&document).expect("claims").operations[0].has_parameters()
        };
        assert!(has_parameters(json!({ "in": "query", "name": "q", "required": true })));
        assert!(!has_parameters(json!({ "in": "query", "name": "limit", "required": false })));
        assert!(!has_parameters(json!({ "in": "header", "name": "idempotency-key", "required": true })));
    }

    #[test]
    fn security_of_the_root_holds_where_an_operation_is_silent() {
        let mut document = document();
        document["security"] = json!([{ "bearer": [] }]);
        document["paths"]["/v1/silent"] = json!({ "get": {} });
        let claims = read(&document).expect("claims");
        let silent = claims.operations.iter().find(|operation| operation.path == "/v1/silent");
        assert!(silent.expect("the operation").is_secured);
    }

    #[test]
    fn a_variant_must_differ() {
        let mut document = document();
        document["paths"]["/v1/things"]["post"]["x-formwork"]["variant"] = json!({ "a": 1 });
        let claims = read(&document).expect("claims");
        let operation = claims.of("P3").next().expect("the operation");
        assert!(operation.variant().expect_err("an error").contains("POST /v1/things"));
    }

    #[test]
    fn a_malformed_extension_names_its_operation() {
        let mut document = document();
        document["paths"]["/v1/things"]["post"]["x-formwork"]["promises"] = json!("P1");
        let error = read(&document).expect_err("an error");
        assert!(error.contains("POST /v1/things"), "{error}");
    }
}
