//! Embeddings as they are stored, and how near two of them are.

/// The cosine of the angle between the two: 1 in the same direction, 0 where they have nothing in common, and where
/// they cannot be compared.
pub fn likeness(one: &[f32], other: &[f32]) -> f32 {
    if one.len() != other.len() {
        return 0.0;
    }
    let dot =
        |one: &[f32], other: &[f32]| -> f32 { one.iter().zip(other).map(|(a, b)| a * b).sum() };
    let lengths = (dot(one, one) * dot(other, other)).sqrt();
    let cosine = dot(one, other) / lengths;
    // A vector without length has no direction, and one of a broken answer no number.
    if cosine.is_finite() { cosine } else { 0.0 }
}

/// Four bytes a number, the lowest first.
pub(super) fn write(vector: &[f32]) -> Vec<u8> {
    vector
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

pub(super) fn read(bytes: &[u8]) -> Vec<f32> {
    let numbers = bytes
        .chunks_exact(4)
        .filter_map(|bytes| bytes.try_into().ok());
    numbers.map(f32::from_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_read_as_it_was_written() {
        let vector = [0.0, -1.5, f32::MIN_POSITIVE, f32::MAX];
        assert_eq!(read(&write(&vector)), vector);
        assert!(read(&[]).is_empty());
    }

    #[test]
    fn likeness_is_of_directions() {
        let near = |one: &[f32], other: &[f32], expected: f32| {
            let likeness = likeness(one, other);
            assert!(
                (likeness - expected).abs() < 1e-6,
                "{one:?} {other:?}: {likeness}"
            );
        };
        near(&[1.0, 2.0], &[2.0, 4.0], 1.0);
        near(&[1.0, 0.0], &[0.0, 1.0], 0.0);
        near(&[1.0, 0.0], &[-1.0, 0.0], -1.0);
        near(&[1.0, 0.0], &[1.0, 1.0], 0.5_f32.sqrt());
    }

    #[test]
    fn what_has_no_direction_is_near_to_nothing() {
        for (one, other) in [
            (&[0.0, 0.0][..], &[1.0, 1.0][..]),
            (&[], &[]),
            (&[1.0], &[1.0, 1.0]),
            (&[f32::NAN, 1.0], &[1.0, 1.0]),
            (&[f32::INFINITY, 1.0], &[1.0, 1.0]),
        ] {
            assert!(
                likeness(one, other).abs() < f32::EPSILON,
                "{one:?} {other:?}"
            );
        }
    }
}
