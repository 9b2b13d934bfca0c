//! Log lines on stderr: stdout belongs to what a command prints. One event is one line, with the ids of the
//! trace that it belongs to.

use std::{
    fmt::{self, Write as _},
    io::{self, IsTerminal as _, Write as _},
};

use opentelemetry::{Context, trace::TraceContextExt as _};
use serde::Serializer as _;
use serde_json::Value;
use time::OffsetDateTime;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer};

use crate::config::LogFormat;

/// Writes each event as one line.
pub(super) struct Lines {
    format: LogFormat,
    is_coloured: bool,
}

impl Lines {
    pub(super) fn new(format: LogFormat) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            format,
            is_coloured: io::stderr().is_terminal() && !no_color,
        }
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
        let mut entry = Entry::new(OffsetDateTime::now_utc());
        event.record(&mut entry);
        entry.add_trace();
        let line = match self.format {
            LogFormat::Json => entry.json(event.metadata()),
            LogFormat::Pretty => entry.pretty(event.metadata(), self.is_coloured),
        };
        // In one call, so that lines do not mix; where there is no stderr, nobody can be told.
        io::stderr().lock().write_all(&line).ok();
    }
}

/// An event, taken apart.
struct Entry {
    timestamp: String,
    message: String,
    fields: Vec<(&'static str, Value)>,
}

impl Entry {
    fn new(at: OffsetDateTime) -> Self {
        let (date, (hour, minute, second, micros)) = (at.date(), at.time().as_hms_micro());
        Self {
            timestamp: format!("{date}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"),
            message: String::new(),
            fields: Vec::new(),
        }
    }

    /// The ids of the current span, which the layer of spans keeps in OpenTelemetry's context.
    fn add_trace(&mut self) {
        let context = Context::current();
        let span = context.span();
        let ids = span.span_context();
        if ids.is_valid() {
            self.add("trace_id", ids.trace_id().to_string());
            self.add("span_id", ids.span_id().to_string());
        }
    }

    fn add(&mut self, name: &'static str, value: impl Into<Value>) {
        self.fields.push((name, value.into()));
    }

    fn json(self, metadata: &Metadata<'_>) -> Vec<u8> {
        let head = [
            ("timestamp", self.timestamp.into()),
            ("level", metadata.level().as_str().into()),
            ("target", metadata.target().into()),
            ("message", self.message.into()),
        ];
        let mut line = Vec::with_capacity(512);
        let mut serializer = serde_json::Serializer::new(&mut line);
        // Text and numbers, written to memory: there is nothing that could fail.
        let written = serializer.collect_map(head.into_iter().chain(self.fields));
        debug_assert!(written.is_ok());
        line.push(b'\n');
        line
    }

    fn pretty(self, metadata: &Metadata<'_>, is_coloured: bool) -> Vec<u8> {
        let level = *metadata.level();
        let (colour, dim, reset) = match (is_coloured, level) {
            (false, _) => ("", "", ""),
            (true, Level::ERROR) => ("\x1b[31m", "\x1b[2m", "\x1b[0m"),
            (true, Level::WARN) => ("\x1b[33m", "\x1b[2m", "\x1b[0m"),
            (true, _) => ("\x1b[32m", "\x1b[2m", "\x1b[0m"),
        };
        let timestamp = self.timestamp;
        let message = Plain(&self.message);
        // Others are named, so that one knows what to filter.
        let (source, colon) = match metadata.target() {
            target if target.starts_with("service") => ("", ""),
            target => (target, ": "),
        };
        let mut line = format!(
            "{dim}{timestamp}{reset} {colour}{level:>5}{reset} {source}{colon}{message}{dim}"
        );
        for (name, value) in &self.fields {
            let written = match value {
                Value::String(text) if is_word(text) => write!(line, " {name}={text}"),
                value => write!(line, " {name}={value}"),
            };
            debug_assert!(written.is_ok());
        }
        line.push_str(reset);
        line.push('\n');
        line.into_bytes()
    }
}

impl Visit for Entry {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            name => self.add(name, value),
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut chain = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            chain.push_str(": ");
            chain.push_str(&error.to_string());
            cause = error.source();
        }
        self.record_str(field, &chain);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field.name(), value);
    }
}

/// Text without the characters that would end the line or steer a terminal.
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| {
            if character.is_control() {
                write!(f, "{}", character.escape_default())
            } else {
                f.write_char(character)
            }
        })
    }
}

fn is_word(text: &str) -> bool {
    let stands_alone = |character: char| !character.is_control() && !" \"=".contains(character);
    !text.is_empty() && text.chars().all(stands_alone)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::{Registry, layer::SubscriberExt as _};

    use super::*;

    /// Keeps the lines that `Lines` would write.
    struct Kept(Arc<Mutex<Vec<String>>>, LogFormat);

    impl<S: Subscriber> Layer<S> for Kept {
        fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
            let mut entry = Entry::new(OffsetDateTime::UNIX_EPOCH);
            event.record(&mut entry);
            let line = match self.1 {
                LogFormat::Json => entry.json(event.metadata()),
                LogFormat::Pretty => entry.pretty(event.metadata(), false),
            };
            let line = String::from_utf8(line).expect("a line is UTF-8");
            self.0.lock().expect("not poisoned").push(line);
        }
    }

    fn line(format: LogFormat) -> String {
        let kept = Arc::default();
        let subscriber = Registry::default().with(Kept(Arc::clone(&kept), format));
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(count = 3, name = "two words", "one\nline \x1b[31mred");
        });
        kept.lock().expect("not poisoned").remove(0)
    }

    #[test]
    fn an_event_is_one_line_whatever_it_says() {
        let pretty = "1970-01-01T00:00:00.000000Z  WARN one\\nline \\u{1b}[31mred count=3 name=\"two words\"\n";
        assert_eq!(line(LogFormat::Pretty), pretty);
        let json = line(LogFormat::Json);
        assert_eq!(json.matches('\n').count(), 1);
        let json: Value = serde_json::from_str(&json).expect("the line is JSON");
        assert_eq!(json["level"], "WARN");
        assert_eq!(json["message"], "one\nline \x1b[31mred");
        assert_eq!(json["count"], 3);
    }
}
