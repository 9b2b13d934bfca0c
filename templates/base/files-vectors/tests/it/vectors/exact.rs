//! A tenant with few chunks has all of them compared.

use ring::rand::{SecureRandom as _, SystemRandom};
use uuid::Uuid;

use super::{
    connection,
    table::{SPACE, ids, nearest, stored},
};
use crate::support::Server;

pub(super) fn random(dimensions: u32) -> Vec<f32> {
    let mut bytes = vec![0; dimensions as usize];
    SystemRandom::new().fill(&mut bytes).expect("random bytes");
    bytes
        .into_iter()
        .map(|byte| f32::from(byte) - 127.5)
        .collect()
}

fn distance(one: &[f32], other: &[f32]) -> f64 {
    let dot = |one: &[f32], other: &[f32]| -> f64 {
        one.iter()
            .zip(other)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum()
    };
    1.0 - dot(one, other) / (dot(one, one).sqrt() * dot(other, other).sqrt())
}

#[tokio::test]
async fn what_is_found_is_exactly_what_is_nearest() {
    let server = Server::start().await;
    let connection = &mut connection(&server.app).await;
    let mut all = Vec::new();
    for _ in 0..300 {
        let embedding = random(SPACE.dimensions);
        all.push((stored(connection, "a", &embedding).await, embedding));
    }
    for _ in 0..20 {
        let question = random(SPACE.dimensions);
        all.sort_by(|(_, one), (_, other)| {
            distance(&question, one).total_cmp(&distance(&question, other))
        });
        let expected: Vec<Uuid> = all[..10].iter().map(|(id, _)| *id).collect();
        let near = nearest(connection, &question, 10).await;
        assert_eq!(ids(&near), expected);
        for (near, (_, embedding)) in near.iter().zip(&all) {
            assert!((near.distance - distance(&question, embedding)).abs() < 1e-4);
        }
    }
}
