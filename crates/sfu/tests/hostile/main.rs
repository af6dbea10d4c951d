//! The fuzzers' targets in short, the same at each run: every seed, and some thousands of mutations of the seeds.
//!
//! In length, led by coverage: `make fuzz`. What it finds is kept among the seeds in `fuzz/seeds/<target>/`.

mod mutate;
mod open;
mod stage;
#[path = "../engine/world.rs"]
mod world;

use mutate::{mutate, Random};

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Every seed, then so many mutations.
fn inputs(target: &str, mutations: usize) -> impl Iterator<Item = Vec<u8>> {
    let seeds = seeds(target);
    let mut random = Random::new(target.len() as u64);
    let bent = seeds.clone();
    let mutated = (0..mutations).map(move |_| {
        let mut bytes = bent[random.below(bent.len())].clone();
        let other = &bent[random.below(bent.len())];
        mutate(&mut bytes, other, &mut random);
        bytes
    });
    seeds.into_iter().chain(mutated)
}

#[test]
fn whatever_a_data_packet_is_it_leaves_with_its_true_sender_or_not_at_all() {
    inputs("data", 20_000).for_each(|bytes| sfu::fuzzing::data(&bytes));
}

#[test]
fn whatever_a_header_says_it_is_read_within_its_bounds() {
    inputs("headers", 20_000).for_each(|bytes| sfu::fuzzing::headers(&bytes));
}

#[test]
fn whatever_a_description_says_it_is_refused_or_taken() {
    inputs("descriptions", 200).for_each(|bytes| sfu::fuzzing::descriptions(&bytes));
}

#[test]
fn whatever_two_clients_send_the_other_room_goes_on_and_nothing_is_left() {
    inputs("engine", 100).for_each(|bytes| {
        stage::engine(&bytes);
    });
}
