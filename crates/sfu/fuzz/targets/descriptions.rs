//! `sfu::fuzzing::descriptions` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sfu::fuzzing::descriptions(bytes));
