//! One JSON object; docs/check.md describes its fields.

use super::Report;

pub fn render(report: &Report) -> String {
    // Strings, numbers and lists only: there is nothing in a report that JSON cannot hold.
    serde_json::to_string_pretty(report).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
}
