//! Log lines on stderr: stdout belongs to what a command prints. One event is one line, with the ids of the
//! trace that it belongs to.

use std::{
    fmt::{self, Write as _},
    io::{self, IsTerminal as _, Write as _},
};

use opentelemetry::{Context, trace::TraceContextExt as _};
use serde::Serialize;
use time::OffsetDateTime;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer};

use crate::config::LogFormat;

const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const RESET: &str = "\x1b[0m";

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
        let now = OffsetDateTime::now_utc();
        let line = line(self.format, self.is_coloured, now, event);
        // In one call, so that lines do not mix; where there is no stderr, nobody can be told.
        io::stderr().lock().write_all(&line).ok();
    }
}

/// The whole line, written once, field by field: it is made for every request.
fn line(format: LogFormat, is_coloured: bool, now: OffsetDateTime, event: &Event<'_>) -> Vec<u8> {
    let mut line = Line {
        format,
        is_coloured,
        text: Vec::with_capacity(512),
    };
    line.begin(now, event.metadata());
    event.record(&mut line);
    line.trace();
    line.end();
    line.text
}

/// A line that is being written. Writing to memory does not fail.
struct Line {
    format: LogFormat,
    is_coloured: bool,
    text: Vec<u8>,
}

impl Line {
    /// Writes what every line begins with.
    fn begin(&mut self, now: OffsetDateTime, metadata: &Metadata<'_>) {
        let (level, target) = (*metadata.level(), metadata.target());
        match self.format {
            LogFormat::Json => {
                self.text.extend_from_slice(b"{\"timestamp\":\"");
                self.timestamp(now);
                write!(self.text, "\",\"level\":\"{level}\",\"target\":").ok();
                self.json(target);
            }
            LogFormat::Pretty => {
                self.colour(DIM);
                self.timestamp(now);
                self.colour(RESET);
                self.text.push(b' ');
                self.colour(match level {
                    Level::ERROR => RED,
                    Level::WARN => YELLOW,
                    _ => GREEN,
                });
                write!(self.text, "{level:>5}").ok();
                self.colour(RESET);
                // Others are named, so that one knows what to filter.
                if !target.starts_with("service") {
                    write!(self.text, " {target}:").ok();
                }
            }
        }
    }

    fn colour(&mut self, code: &str) {
        if self.is_coloured {
            self.text.extend_from_slice(code.as_bytes());
        }
    }

    fn timestamp(&mut self, now: OffsetDateTime) {
        let (year, month, day) = (now.year(), u8::from(now.month()), now.day());
        let (hour, minute, second, micros) = now.time().as_hms_micro();
        write!(
            self.text,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"
        )
        .ok();
    }

    /// The ids of the current span, which the layer of spans keeps in OpenTelemetry's context.
    fn trace(&mut self) {
        let context = Context::current();
        let span = context.span();
        let ids = span.span_context();
        if ids.is_valid() {
            self.text_field("trace_id", &ids.trace_id().to_string());
            self.text_field("span_id", &ids.span_id().to_string());
        }
    }

    fn end(&mut self) {
        match self.format {
            LogFormat::Json => self.text.push(b'}'),
            LogFormat::Pretty => self.colour(RESET),
        }
        self.text.push(b'\n');
    }

    fn message(&mut self, message: &str) {
        match self.format {
            LogFormat::Json => self.field("message", message),
            LogFormat::Pretty => {
                write!(self.text, " {}", Plain(message)).ok();
                self.colour(DIM);
            }
        }
    }

    fn field<V: Serialize + ?Sized>(&mut self, name: &str, value: &V) {
        match self.format {
            LogFormat::Json => {
                self.text.push(b',');
                self.json(name);
                self.text.push(b':');
                self.json(value);
            }
            LogFormat::Pretty => {
                write!(self.text, " {name}=").ok();
                self.json(value);
            }
        }
    }

    fn text_field(&mut self, name: &str, value: &str) {
        if self.format == LogFormat::Pretty && is_word(value) {
            write!(self.text, " {name}={value}").ok();
        } else {
            self.field(name, value);
        }
    }

    fn json<V: Serialize + ?Sized>(&mut self, value: &V) {
        let written = serde_json::to_writer(&mut self.text, value);
        debug_assert!(written.is_ok());
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message(value),
            name => self.text_field(name, value),
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
        self.field(field.name(), &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field.name(), &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field.name(), &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.field(field.name(), &value);
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

    use serde_json::Value;
    use tracing_subscriber::{Registry, layer::SubscriberExt as _};

    use super::*;

    /// Keeps the lines that `Lines` would write.
    struct Kept(Arc<Mutex<Vec<String>>>, LogFormat);

    impl<S: Subscriber> Layer<S> for Kept {
        fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
            let line = super::line(self.1, false, OffsetDateTime::UNIX_EPOCH, event);
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
