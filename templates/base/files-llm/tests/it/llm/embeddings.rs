//! Texts as vectors.

use service::{edge::deadline::Deadline, external::llm::Embeddings};

use super::{Asking, PATIENCE};

async fn embed(asking: &Asking, texts: &[&str]) -> Embeddings {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let embedded = asking.llm.embed(&texts, Deadline::after(PATIENCE)).await;
    embedded.expect("vectors")
}

#[tokio::test]
async fn texts_that_say_the_same_are_near() {
    let asking = Asking::start().await;
    let texts = [
        "How can I return a parcel?",
        "Which pears are green?",
        "Can a parcel be returned?",
    ];
    let embedded = embed(&asking, &texts).await;
    let config = &asking.server.app.config.embeddings;
    assert_eq!(embedded.model, config.model);
    assert!(embedded.usage.input_tokens > 0 && !embedded.usage.is_estimated);
    let [one, other, same] = embedded.vectors.as_slice() else {
        panic!("a vector a text: {}", embedded.vectors.len());
    };
    assert_eq!(one.len(), config.dimensions as usize);
    let near = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    assert!(near(one, same) > near(one, other) + 0.3);
}

#[tokio::test]
async fn the_same_text_has_the_same_vector() {
    let asking = Asking::start().await;
    let once = embed(&asking, &["a parcel"]).await;
    let again = embed(&asking, &["pears", "a parcel"]).await;
    assert_eq!(once.vectors[0], again.vectors[1]);
}
