//! The four layers, drawn with what was chosen.

use std::fmt::Write as _;

use crate::{
    answers::Answers,
    catalog::{Catalog, Layer},
};

pub(super) fn draw(catalog: &Catalog, answers: &Answers) -> String {
    let layers: Vec<(&str, String)> =
        Layer::ALL.iter().map(|layer| (layer.name(), chosen_in(catalog, answers, *layer))).collect();
    let width = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or_default();
    let names = width(&mut layers.iter().map(|(name, _)| name.len()));
    let wide = width(&mut layers.iter().map(|(_, text)| text.chars().count()));
    let line = |left: char, middle: char, right: char| {
        format!("  {left}{}{middle}{}{right}\n", "─".repeat(names + 2), "─".repeat(wide + 2))
    };
    let mut picture = format!("  {}\n{}", answers.name(), line('┌', '┬', '┐'));
    for (at, (name, text)) in layers.iter().enumerate() {
        if at > 0 {
            picture.push_str(&line('├', '┼', '┤'));
        }
        let _ = writeln!(picture, "  │ {name:names$} │ {text:wide$} │");
    }
    picture + &line('└', '┴', '┘')
}

fn chosen_in(catalog: &Catalog, answers: &Answers, layer: Layer) -> String {
    let slots = catalog.slots().iter().filter(|slot| slot.layer == layer);
    let titles = slots.filter_map(|slot| {
        let option = slot.option(answers.option(&slot.name)?)?;
        Some(format!("{}: {}", slot.title.to_lowercase(), option.title))
    });
    titles.collect::<Vec<_>>().join(" · ")
}
