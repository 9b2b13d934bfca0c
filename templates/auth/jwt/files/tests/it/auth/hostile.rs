//! Tokens that somebody made up, bent or kept too long.

use serde_json::{Value, json};
use service::app::caller::Anonymous;
use temp_dir::TempDir;

use super::{
    authenticator, identify, is_known,
    issuer::{Key, base64, claims, claims_with, claims_without, hs256, key_set, now, unsigned},
};

/// Of the key pair that RFC 7515, appendix A.2, publishes; it expires in 2100.
const RS256: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tLyIsI\
    mF1ZCI6Imh0dHBzOi8vYXBpLmV4YW1wbGUuY29tIiwic3ViIjoiYWRhIiwiZXhwIjo0MTAyNDQ0ODAwfQ.OXICSo1EtSQP7k3z\
    Qt-bJLFUAhEQIwHdH9KlMr7_vYP68KL7_qgRaZUzVBkcd9NYsbDKhiu2Q03yUGpbXVOfLWh-1BE5DDMOz1GkoH0CpboC_6QTY0\
    YuaA8jWf8tG9EgptIfe3JY6Z-y1uUK2C6jiv21HVE37ITBHfJ0D4pJR9TJi7HkDOA2j6N7cUxSoZAfs5w9pvxXDBe36lrOedGu\
    jGKrbIXiH7wG-yo-4rDpwKXRy00jJSK57fW3ozBy6GcIEUqgPW00kSnF-XJsqldWS5JWjLVcDtV2CdXkSmvhVM_05NEkPLj6-o\
    jCEPBHnXfpWjpXuBwcXQdpjo7fRPBjFQ";

const RSA_MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrc\
    S2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSX\
    ndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxX\
    FvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";

/// A key set of two keys, as a file.
struct Scene {
    ed: Key,
    ec: Key,
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        let (ed, ec) = (Key::ed25519("ed"), Key::p256("ec"));
        let folder = folder(&key_set(&[&ed, &ec]));
        Self { ed, ec, folder }
    }

    fn jwks(&self) -> String {
        in_folder(&self.folder)
    }

    /// Asserts that good tokens are accepted, and each of `tokens` is refused.
    async fn refuses<Name: AsRef<str>>(&self, tokens: impl IntoIterator<Item = (Name, String)>) {
        let authenticator = authenticator(&self.jwks(), &[]).await;
        for key in [&self.ed, &self.ec] {
            assert!(is_known(&authenticator, &key.token(&claims())).await);
        }
        for (name, token) in tokens {
            let refused = identify(&authenticator, &token).await;
            let name = name.as_ref();
            assert!(
                matches!(refused, Err(Anonymous::Invalid(_))),
                "{name}: {refused:?}"
            );
        }
    }
}

const KEY_SET: &str = "keys.json";

fn in_folder(folder: &TempDir) -> String {
    folder.child(KEY_SET).to_str().expect("UTF-8").to_owned()
}

/// A folder with this key set in it.
fn folder(key_set: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.child(KEY_SET), key_set).expect("a file");
    folder
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    let scene = Scene::new();
    let header = scene.ed.header();
    let mut tokens = vec![("empty", unsigned(&header, &claims(), b""))];
    for none in ["none", "None", "NONE", "nOnE", ""] {
        for signature in [b"".as_slice(), b"anything"] {
            let header = json!({ "alg": none, "kid": "ed" });
            tokens.push((none, unsigned(&header, &claims(), signature)));
        }
    }
    let missing = json!({ "kid": "ed" });
    tokens.push(("no algorithm", unsigned(&missing, &claims(), b"")));
    scene.refuses(tokens).await;
}

#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    let scene = Scene::new();
    let mut tokens = Vec::new();
    for key in [&scene.ed, &scene.ec] {
        let secrets = [
            key.public().to_vec(),
            key.public()[1..].to_vec(),
            base64(key.public()).into_bytes(),
            key.jwk().to_string().into_bytes(),
            Vec::new(),
        ];
        let mut header = key.header();
        for algorithm in ["HS256", key.algorithm()] {
            header["alg"] = json!(algorithm);
            let token = |secret: &Vec<u8>| (algorithm, hs256(&header, &claims(), secret));
            tokens.extend(secrets.iter().map(token));
        }
    }
    scene.refuses(tokens).await;
}

#[tokio::test]
async fn the_token_does_not_choose_its_algorithm() {
    let scene = Scene::new();
    let algorithms = [
        "ES256", "ES384", "RS256", "PS256", "HS256", "EdDSA", "Ed25519", "eddsa",
    ];
    let tokens = [&scene.ed, &scene.ec].into_iter().flat_map(|key| {
        let others = algorithms.into_iter();
        let others = others.filter(|other| *other != key.algorithm());
        others.map(|other| {
            let header = json!({ "alg": other, "kid": key.header()["kid"] });
            (other, key.token_with(&header, &claims()))
        })
    });
    scene.refuses(tokens).await;
}

#[tokio::test]
async fn the_token_does_not_choose_its_key() {
    let scene = Scene::new();
    let foreign = Key::ed25519("ed");
    let with = |name: &str, value: Value| {
        let mut header = foreign.header();
        header[name] = value;
        foreign.token_with(&header, &claims())
    };
    let unnamed = json!({ "alg": "EdDSA" });
    scene
        .refuses([
            ("foreign", foreign.token(&claims())),
            ("brought along", with("jwk", foreign.jwk())),
            ("linked", with("jku", json!("http://127.0.0.1:1/keys"))),
            ("certified", with("x5c", json!([base64(b"certificate")]))),
            ("unknown", with("kid", json!("another"))),
            ("a path", with("kid", json!("../../../dev/null"))),
            ("a number", with("kid", json!(1))),
            ("nothing", with("kid", Value::Null)),
            ("unnamed", scene.ed.token_with(&unnamed, &claims())),
            (
                "of the other",
                scene.ed.token_with(&scene.ec.header(), &claims()),
            ),
        ])
        .await;
}

#[tokio::test]
async fn no_character_of_a_token_can_be_changed() {
    let scene = Scene::new();
    for key in [&scene.ed, &scene.ec] {
        let token = key.token(&claims());
        let tokens = (0..token.len()).map(|index| {
            let mut bytes = token.clone().into_bytes();
            // The neighbour in the alphabet, so that unused bits at the end of a part differ too.
            bytes[index] = match bytes[index] {
                b'.' => b'A',
                b'A' => b'B',
                b'z' | b'Z' | b'9' | b'_' | b'-' => b'A',
                byte => byte + 1,
            };
            let changed = String::from_utf8(bytes).expect("ASCII");
            (format!("character {index}"), changed)
        });
        scene.refuses(tokens).await;
    }
}

#[tokio::test]
async fn parts_of_good_tokens_make_no_good_token() {
    let scene = Scene::new();
    let token = scene.ed.token(&claims());
    let other = scene.ed.token(&claims_with("sub", "eve"));
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else {
        panic!("a token has three parts")
    };
    let other = other.split('.').nth(1).expect("a payload");
    scene
        .refuses([
            ("another's payload", format!("{header}.{other}.{signature}")),
            ("two parts", format!("{header}.{payload}")),
            ("four parts", format!("{token}.{signature}")),
            ("five parts", format!("{token}.{payload}.{signature}")),
            ("dots", "..".to_owned()),
            ("padding", format!("{token}==")),
            ("half a signature", token[..token.len() - 43].to_owned()),
            ("two signatures", format!("{token}{signature}")),
            ("no header", format!(".{payload}.{signature}")),
        ])
        .await;
}

#[tokio::test]
async fn a_signature_of_zeros_does_not_hold() {
    let scene = Scene::new();
    let tokens = [&scene.ed, &scene.ec].map(|key| {
        let zeros = unsigned(&key.header(), &claims(), &[0; 64]);
        (key.algorithm(), zeros)
    });
    scene.refuses(tokens).await;
}

#[tokio::test]
async fn a_token_must_say_until_when_by_whom_for_whom_and_of_whom() {
    let scene = Scene::new();
    let token = |claims: Value| scene.ed.token(&claims);
    let missing = ["exp", "iss", "aud", "sub"].map(|name| (name, token(claims_without(name))));
    scene.refuses(missing).await;
    scene
        .refuses([
            ("text exp", token(claims_with("exp", "4102444800"))),
            ("no exp", token(claims_with("exp", Value::Null))),
            ("negative exp", token(claims_with("exp", -1))),
            ("endless exp", token(claims_with("exp", 1e300))),
            ("text nbf", token(claims_with("nbf", "0"))),
            (
                "another iss",
                token(claims_with("iss", "https://id.example.com")),
            ),
            (
                "another aud",
                token(claims_with("aud", "https://example.com")),
            ),
            ("other auds", token(claims_with("aud", json!(["a", "b"])))),
            ("no aud", token(claims_with("aud", json!([])))),
            ("empty sub", token(claims_with("sub", ""))),
            ("number sub", token(claims_with("sub", 1))),
            ("empty tenant", token(claims_with("tenant", ""))),
            ("number tenant", token(claims_with("tenant", 1))),
            ("list of scopes", token(claims_with("scope", json!(["a"])))),
            ("no claims", token(json!([]))),
        ])
        .await;
}

#[tokio::test]
async fn one_audience_of_several_is_enough() {
    let scene = Scene::new();
    let authenticator = authenticator(&scene.jwks(), &[]).await;
    let audiences = json!(["another", super::AUDIENCE]);
    let token = scene.ed.token(&claims_with("aud", audiences));
    assert!(is_known(&authenticator, &token).await);
}

#[tokio::test]
async fn a_claim_that_is_said_twice_is_no_claim() {
    let scene = Scene::new();
    let header = scene.ed.header().to_string();
    let claims = claims().to_string();
    let twice = |name: &str| {
        let claims = claims.replacen('{', &format!("{{\"{name}\":\"eve\","), 1);
        (name.to_owned(), scene.ed.seal(&header, &claims))
    };
    scene.refuses(["sub", "tenant", "scope"].map(twice)).await;
}

#[tokio::test]
async fn an_extension_that_must_be_understood_is_not() {
    let scene = Scene::new();
    let mut header = scene.ed.header();
    header["crit"] = json!(["b64"]);
    header["b64"] = json!(true);
    let token = scene.ed.token_with(&header, &claims());
    scene.refuses([("crit", token)]).await;
}

#[tokio::test]
async fn times_hold_within_the_leeway() {
    let scene = Scene::new();
    let authenticator = authenticator(&scene.jwks(), &[("APP__AUTH__LEEWAY", "60s")]).await;
    let token = |name, time| scene.ed.token(&claims_with(name, time));
    for good in [
        token("exp", now() - 30),
        token("exp", now() + 30),
        token("nbf", now() + 30),
    ] {
        assert!(is_known(&authenticator, &good).await);
    }
    for (why, bad) in [
        ("the token has expired", token("exp", now() - 90)),
        ("the token is not valid yet", token("nbf", now() + 90)),
    ] {
        let refused = identify(&authenticator, &bad).await;
        assert_eq!(refused, Err(Anonymous::Invalid(why)));
    }
}

#[tokio::test]
async fn an_rsa_token_is_verified_like_the_others() {
    let key = json!({ "kty": "RSA", "e": "AQAB", "kid": "rsa", "n": RSA_MODULUS });
    let folder = folder(&json!({ "keys": [key] }).to_string());
    let authenticator = authenticator(&in_folder(&folder), &[]).await;
    let caller = identify(&authenticator, RS256).await;
    assert_eq!(caller.expect("a caller").subject, "ada");

    let (message, signature) = RS256.rsplit_once('.').expect("a signature");
    let header = json!({ "alg": "HS256", "kid": "rsa" });
    for token in [
        format!("{message}.A{}", &signature[1..]),
        format!("{message}."),
        hs256(&header, &claims(), RSA_MODULUS.as_bytes()),
    ] {
        let refused = identify(&authenticator, &token).await;
        assert!(matches!(refused, Err(Anonymous::Invalid(_))), "{refused:?}");
    }
}
