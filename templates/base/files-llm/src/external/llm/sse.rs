//! A stream of events as its bytes arrive: `text/event-stream` of the HTML standard, section 9.2.6.

use std::collections::VecDeque;

use super::Error;

/// No provider's event comes near this; what does is not an event.
const LARGEST: usize = 1024 * 1024;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// Empty where it has none.
    pub(super) name: String,
    pub(super) data: String,
}

/// What has arrived and was not taken yet.
#[derive(Debug, Default)]
pub(super) struct Events {
    whole: VecDeque<Event>,
    /// The lines of the next one.
    next: Event,
    has_data: bool,
    line: Vec<u8>,
    /// A line feed that follows belongs to the same line's end.
    after_return: bool,
}

impl Events {
    pub(super) fn take(&mut self) -> Option<Event> {
        self.whole.pop_front()
    }

    /// Bytes as they came, wherever they were cut.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        for byte in bytes {
            let after_return = std::mem::replace(&mut self.after_return, *byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => self.end_line(),
                byte => self.line.push(*byte),
            }
        }
        if self.line.len() + self.next.data.len() > LARGEST {
            return Err(Error::Broken("an event has no end".to_owned()));
        }
        Ok(())
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        if line.is_empty() {
            return self.end_event();
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.next.name),
            "data" => {
                if self.has_data {
                    self.next.data.push('\n');
                }
                self.has_data = true;
                self.next.data.push_str(value);
            }
            // Comments, and fields that nobody sends here.
            _ => {}
        }
    }

    fn end_event(&mut self) {
        let event = std::mem::take(&mut self.next);
        if std::mem::take(&mut self.has_data) {
            self.whole.push_back(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(chunks: &[&[u8]]) -> Vec<(String, String)> {
        let mut events = Events::default();
        for chunk in chunks {
            events.feed(chunk).expect("it is short");
        }
        std::iter::from_fn(|| events.take())
            .map(|event| (event.name, event.data))
            .collect()
    }

    fn event(name: &str, data: &str) -> (String, String) {
        (name.to_owned(), data.to_owned())
    }

    #[test]
    fn events_are_read_as_the_standard_says() {
        let text = b": hello\n\nevent: one\ndata:a\ndata:  b\nid: 7\n\ndata: c\n\nevent: empty\n\ndata: cut";
        assert_eq!(read(&[text]), [event("one", "a\n b"), event("", "c")]);
    }

    #[test]
    fn it_does_not_matter_where_the_bytes_are_cut_nor_how_lines_end() {
        let text = "event: é\r\ndata: ü\r\n\r\ndata: 2\rdata: 3\r\rdata: 4\n\n";
        let expected = [event("é", "ü"), event("", "2\n3"), event("", "4")];
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(read(&bytes), expected);
        assert_eq!(read(&[text.as_bytes()]), expected);
    }

    #[test]
    fn an_event_without_an_end_is_refused() {
        let mut events = Events::default();
        let fed = (0..LARGEST).try_for_each(|_| events.feed(b"data: 0123456789\n"));
        assert!(matches!(fed, Err(Error::Broken(_))));
    }
}
