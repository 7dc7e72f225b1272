//! Experiments that try to break a server, as programs: short in the tests, long by `cargo xtask torture`.

pub mod field;
pub mod hostile;
pub mod kill;
pub mod load;
pub mod slow;

/// The same numbers in each run of a seed: xorshift.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// 0 to `sides` - 1.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    /// Bytes that nobody else has.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length.div_ceil(8)).flat_map(|_| (self.roll(u64::MAX)).to_le_bytes()).take(length).collect()
    }
}

/// The value in the middle, and the largest.
pub fn middle_and_most(values: &[f64]) -> (f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted.get(sorted.len() / 2).copied().unwrap_or_default(), sorted.last().copied().unwrap_or_default())
}
