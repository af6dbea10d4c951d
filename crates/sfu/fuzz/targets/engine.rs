//! The engine among hostile clients, under libFuzzer.
#![no_main]

#[path = "../../tests/hostile/open.rs"]
mod open;
#[path = "../../tests/hostile/stage.rs"]
mod stage;
#[path = "../../tests/engine/world.rs"]
mod world;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    stage::engine(bytes);
});
