//! Mutations for the short run of every day, the same at each run. libFuzzer has its own, led by coverage.

/// A small generator in place of a library.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n.max(1)
    }
}

const VALUES: [u8; 8] = [0, 1, 0x0a, 0x7f, 0x80, 0xbe, 0xfe, 0xff];

/// One to four changes of bytes; `other` is a second input to take pieces from.
pub fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let reach = 1 << random.below(8);
        let end = bytes.len().min(at + 1 + random.below(reach));
        match random.below(7) {
            0 | 1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 if at < bytes.len() => bytes[at] = VALUES[random.below(VALUES.len())],
            3 => drop(bytes.drain(at..end)),
            4 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            5 => {
                let from = random.below(other.len() + 1);
                let piece = other[from..other.len().min(from + 64)].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let noise: Vec<u8> = (0..=random.below(12)).map(|_| random.below(256) as u8).collect();
                bytes.splice(at..at, noise);
            }
        }
    }
}
