//! Datagrams in a stream of bytes, each behind its length.
//!
//! Lives here: reading and writing frames. Not here: connections (`tcp`).
//!
//! Spec: RFC 4571 §2.
//! ```text
//! | length, 2, most significant byte first | that many bytes | length, 2 | …
//! ```

use std::collections::VecDeque;

use sfu::MAX_DATAGRAM_BYTES;

/// A frame is empty or longer than any datagram: whoever sends it does not speak this protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Misframed;

/// Frames as they come in pieces.
#[derive(Default)]
pub(crate) struct Frames {
    /// The beginning of a frame whose rest has not come.
    begun: Vec<u8>,
}

impl Frames {
    /// Take a piece, and hand on each frame that it ends. Errors: `Misframed`, after which there are no more.
    pub(crate) fn take(&mut self, mut piece: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), Misframed> {
        while !piece.is_empty() {
            if self.begun.is_empty() {
                // The common case: whole frames in one piece are not copied.
                match whole(piece)? {
                    Some((frame, rest)) => {
                        each(frame);
                        piece = rest;
                    }
                    None => {
                        self.begun.extend_from_slice(piece);
                        return Ok(());
                    }
                }
                continue;
            }
            let due = match self.begun[..] {
                [_] => 2,
                [high, low, ..] => 2 + checked(high, low)?,
                [] => unreachable!("something has begun"),
            };
            let (more, rest) = piece.split_at(piece.len().min(due - self.begun.len()));
            self.begun.extend_from_slice(more);
            piece = rest;
            if self.begun.len() > 2 && self.begun.len() == due {
                each(&self.begun[2..]);
                self.begun.clear();
            }
        }
        Ok(())
    }
}

fn checked(high: u8, low: u8) -> Result<usize, Misframed> {
    match usize::from(u16::from_be_bytes([high, low])) {
        0 => Err(Misframed),
        n if n > MAX_DATAGRAM_BYTES => Err(Misframed),
        n => Ok(n),
    }
}

/// What lies behind a length, and what is left after it.
type Cut<'a> = (&'a [u8], &'a [u8]);

fn whole(bytes: &[u8]) -> Result<Option<Cut<'_>>, Misframed> {
    let [high, low, rest @ ..] = bytes else { return Ok(None) };
    Ok(rest.split_at_checked(checked(*high, *low)?))
}

/// Append a frame.
pub(crate) fn put(datagram: &[u8], out: &mut VecDeque<u8>) {
    out.extend((datagram.len() as u16).to_be_bytes());
    out.extend(datagram);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Result<(), Misframed>) {
        let (mut frames, mut got) = (Frames::default(), vec![]);
        for piece in pieces {
            if let Err(e) = frames.take(piece, |f| got.push(f.to_vec())) {
                return (got, Err(e));
            }
        }
        (got, Ok(()))
    }

    #[test]
    fn frames_are_the_same_however_the_stream_is_cut() {
        let sent: Vec<Vec<u8>> =
            [1usize, 2, 700, 1, MAX_DATAGRAM_BYTES, 3].iter().map(|n| vec![*n as u8; *n]).collect();
        let mut stream = VecDeque::new();
        sent.iter().for_each(|d| put(d, &mut stream));
        let stream: Vec<u8> = stream.into();
        for size in [1, 2, 3, 5, 7, 701, 1460, stream.len()] {
            let pieces: Vec<&[u8]> = stream.chunks(size).collect();
            assert_eq!(read(&pieces), (sent.clone(), Ok(())), "in pieces of {size}");
        }
        for cut in 0..stream.len() {
            assert_eq!(read(&[&stream[..cut], &stream[cut..]]), (sent.clone(), Ok(())), "cut at {cut}");
        }
    }

    #[test]
    fn a_length_that_no_datagram_has_ends_the_stream() {
        let long = (MAX_DATAGRAM_BYTES as u16 + 1).to_be_bytes();
        for head in [[0, 0], long, *b"GE", [0x16, 0x03]] {
            let whole = [&[0, 1, 9], &head[..], &[1, 2, 3]].concat();
            assert_eq!(read(&[&whole]), (vec![vec![9]], Err(Misframed)));
            let bytes: Vec<&[u8]> = whole.chunks(1).collect();
            assert_eq!(read(&bytes), (vec![vec![9]], Err(Misframed)));
        }
    }
}
