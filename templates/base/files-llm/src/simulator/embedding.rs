//! Vectors of texts: bags of words, hashed. Texts that share words are near one another, which is as much as a test
//! needs.

/// Where nobody asks for another size.
pub(super) const DIMENSIONS: u16 = 512;

/// Words that every text has.
const COMMON: [&str; 32] = [
    "a", "an", "and", "are", "as", "at", "be", "by", "can", "do", "does", "for", "from", "how",
    "i", "in", "is", "it", "of", "on", "or", "that", "the", "this", "to", "was", "what", "when",
    "which", "who", "with", "you",
];

/// How much the parts of a word count beside the word itself: `return` is near `returned`.
const PART: f32 = 0.4;
const PART_LENGTH: usize = 4;

/// Of length 1, or 0 for a text without words.
pub(super) fn of(text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.0; dimensions.max(1)];
    let text = text.to_lowercase();
    let words = text.split(|c: char| !c.is_alphanumeric());
    for word in words.filter(|word| !word.is_empty() && !COMMON.contains(word)) {
        add(&mut vector, word.bytes(), 1.0);
        let letters: Vec<char> = word.chars().collect();
        for part in letters.windows(PART_LENGTH) {
            let part: String = part.iter().collect();
            add(&mut vector, part.bytes().chain([0]), PART);
        }
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
    vector
}

/// The cosine of two vectors of length 1.
pub(super) fn likeness(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

fn add(vector: &mut [f32], word: impl Iterator<Item = u8>, weight: f32) {
    let hash = hash(word);
    let at = usize::try_from(hash >> 1).unwrap_or_default() % vector.len();
    // A sign of its own, so that words that share a place do not add up.
    vector[at] += if hash & 1 == 0 { weight } else { -weight };
}

/// FNV-1a, 32 bits: the same on every machine.
fn hash(bytes: impl Iterator<Item = u8>) -> u32 {
    bytes.fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_share_words_are_near() {
        let likeness = |one, other| likeness(&of(one, 512), &of(other, 512));
        let same = likeness("How can I return a parcel?", "Can a parcel be returned?");
        let other = likeness("How can I return a parcel?", "Which pears are green?");
        assert!(same > 0.6 && other < 0.2, "{same} {other}");
        let itself = likeness("parcel", "Parcel!");
        assert!((itself - 1.0).abs() < 1e-5, "{itself}");
    }
}
