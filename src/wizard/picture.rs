//! The four layers, drawn with what was chosen, as wide as the terminal allows.

use std::fmt::Write as _;

use crate::{
    answers::Answers,
    catalog::{Catalog, Layer},
};

/// Blanks and lines of a row, beside its two cells.
const FRAME: usize = 9;
const BETWEEN: &str = " · ";

pub(super) fn draw(catalog: &Catalog, answers: &Answers, columns: usize) -> String {
    let names = Layer::ALL.iter().map(|layer| layer.name().len()).max().unwrap_or_default();
    let room = columns.saturating_sub(names + FRAME);
    let layers: Vec<(&str, Vec<String>)> = Layer::ALL
        .iter()
        .map(|layer| (layer.name(), rows(&chosen_in(catalog, answers, *layer), room)))
        .collect();
    let wide =
        layers.iter().flat_map(|(_, rows)| rows).map(|row| row.chars().count()).max().unwrap_or_default();
    let line = |left: char, middle: char, right: char| {
        format!("  {left}{}{middle}{}{right}\n", "─".repeat(names + 2), "─".repeat(wide + 2))
    };
    let mut picture = format!("  {}\n{}", answers.name(), line('┌', '┬', '┐'));
    for (at, (name, rows)) in layers.iter().enumerate() {
        if at > 0 {
            picture.push_str(&line('├', '┼', '┤'));
        }
        for (at, row) in rows.iter().enumerate() {
            let name = if at == 0 { name } else { "" };
            let _ = writeln!(picture, "  │ {name:names$} │ {row:wide$} │");
        }
    }
    picture + &line('└', '┴', '┘')
}

/// Some of the chosen beside each other in a row; at least one row.
fn rows(chosen: &[String], room: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    for one in chosen {
        let Some(row) = rows.last_mut() else { break };
        let width = row.chars().count() + BETWEEN.chars().count() + one.chars().count();
        match row.as_str() {
            "" => row.push_str(one),
            _ if width > room => rows.push(one.clone()),
            _ => *row = format!("{row}{BETWEEN}{one}"),
        }
    }
    rows
}

fn chosen_in(catalog: &Catalog, answers: &Answers, layer: Layer) -> Vec<String> {
    let slots = catalog.slots().iter().filter(|slot| slot.layer == layer);
    let titles = slots.filter_map(|slot| {
        let option = slot.option(answers.option(&slot.name)?)?;
        Some(format!("{}: {}", slot.title.to_lowercase(), option.title))
    });
    titles.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_beside_stands_below() {
        let chosen = ["storage: SQLite", "cache: None", "vectors: None"].map(str::to_owned);
        assert_eq!(rows(&chosen, 80), ["storage: SQLite · cache: None · vectors: None"]);
        assert_eq!(rows(&chosen, 44), ["storage: SQLite · cache: None", "vectors: None"]);
        assert_eq!(rows(&chosen, 3), ["storage: SQLite", "cache: None", "vectors: None"]);
        assert_eq!(rows(&[], 80), [""]);
    }
}
