//! No two requests that could be answered differently share an entry: tried on many that are drawn from few words, so
//! that they are often nearly the same.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use service::{
    app::caller::Caller,
    data::{
        answer_cache::{Asked, Key},
        cache_key::Scope,
    },
};
use uuid::Uuid;

/// Words that run into one another when they are only joined.
const WORDS: [&str; 12] = [
    "", "a", "b", "ab", ":", "1:", "1:a", "0:", "/", "1", "\0", "ä",
];

/// The same numbers each time (xorshift): a test that fails, fails again.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }

    fn text(&mut self) -> String {
        (0..self.below(3))
            .map(|_| WORDS[self.below(WORDS.len())])
            .collect()
    }

    fn texts(&mut self) -> Vec<String> {
        (0..self.below(3)).map(|_| self.text()).collect()
    }

    fn documents(&mut self) -> Vec<(Uuid, i64)> {
        let document = |draw: &mut Self| {
            let id = Uuid::from_u128(draw.below(3) as u128);
            (id, draw.below(12).try_into().expect("a version"))
        };
        (0..self.below(3)).map(|_| document(self)).collect()
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Request {
    tenant: String,
    models: Vec<String>,
    system: String,
    question: String,
    max_tokens: u32,
    tools: Vec<String>,
    documents: Vec<(Uuid, i64)>,
    passages: Vec<String>,
}

impl Request {
    fn draw(draw: &mut Draw) -> Self {
        let mut request = Self {
            tenant: String::new(),
            models: Vec::new(),
            system: String::new(),
            question: String::new(),
            max_tokens: 0,
            tools: Vec::new(),
            documents: Vec::new(),
            passages: Vec::new(),
        };
        for dimension in 0..DIMENSIONS {
            request.redraw(dimension, draw);
        }
        request
    }

    fn redraw(&mut self, dimension: usize, draw: &mut Draw) {
        match dimension {
            0 => self.tenant = draw.text(),
            1 => self.models = draw.texts(),
            2 => self.system = draw.text(),
            3 => self.question = draw.text(),
            4 => self.max_tokens = draw.below(12).try_into().expect("a count"),
            5 => self.tools = draw.texts(),
            6 => self.documents = draw.documents(),
            _ => self.passages = draw.texts(),
        }
    }

    fn key(&self) -> Key {
        self.key_as("somebody")
    }

    fn key_as(&self, subject: &str) -> Key {
        let caller = Caller {
            subject: subject.to_owned(),
            tenant: self.tenant.clone(),
            scopes: Arc::default(),
        };
        let asked = Asked {
            models: &self.models,
            system: &self.system,
            question: &self.question,
            max_tokens: self.max_tokens,
            tools: &self.tools,
            documents: &self.documents,
            passages: &self.passages,
        };
        Key::new(Scope::Tenant(&caller), &asked)
    }
}

const DIMENSIONS: usize = 8;

/// Each of the requests against all the others.
#[test]
fn of_many_requests_only_equal_ones_share_a_key() {
    let mut draw = Draw(0x9e37_79b9_7f4a_7c15);
    let mut known = HashMap::new();
    for _ in 0..20_000 {
        let request = Request::draw(&mut draw);
        match known.entry(request.key()) {
            Entry::Vacant(entry) => drop(entry.insert(request)),
            Entry::Occupied(entry) => assert_eq!(*entry.get(), request),
        }
    }
}

#[test]
fn two_requests_that_differ_in_one_thing_share_no_key() {
    let mut draw = Draw(0x2545_f491_4f6c_dd1d);
    let (mut equal, mut different) = (0, 0);
    for _ in 0..5_000 {
        let one = Request::draw(&mut draw);
        for dimension in 0..DIMENSIONS {
            let mut other = one.clone();
            other.redraw(dimension, &mut draw);
            assert_eq!(one == other, one.key() == other.key(), "{one:?} {other:?}");
            match one == other {
                true => equal += 1,
                false => different += 1,
            }
        }
    }
    assert!(equal > 100 && different > 10_000, "{equal} {different}");
}

/// Only the question's own part may differ between questions that are compared by what they mean.
#[test]
fn questions_of_one_scope_differ_in_nothing_else() {
    let mut draw = Draw(0xd134_2543_de82_ef95);
    for _ in 0..5_000 {
        let one = Request::draw(&mut draw);
        for dimension in 0..DIMENSIONS {
            let mut other = one.clone();
            other.redraw(dimension, &mut draw);
            let differs = one != other && dimension != 3;
            let is_apart = one.key().scope != other.key().scope;
            assert_eq!(differs, is_apart, "{one:?} {other:?}");
        }
    }
}

/// Documents belong to a tenant, and so do answers that were made of them.
#[test]
fn callers_of_one_tenant_share() {
    let request = Request::draw(&mut Draw(1));
    assert_eq!(request.key_as("one"), request.key_as("another"));
}
