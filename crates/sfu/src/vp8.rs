//! VP8's picture numbers, kept continuous for a subscriber when its source changes.
//!
//! Lives here: the three counters of the payload descriptor and their offsets.
//! Not here: reading and writing the descriptor's bytes (str0m's `Vp8Descriptor`, `Vp8Patch`).
//! Source: RFC 7741 §4.2.

use str0m::rtp::{Vp8Descriptor, Vp8Patch};

/// The counters of one VP8 payload descriptor; absent where the descriptor lacks them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PictureIds {
    /// PictureID, taken as 15 bits.
    pub(crate) picture: Option<u16>,
    /// TL0PICIDX, 8 bits.
    pub(crate) tl0: Option<u8>,
    /// KEYIDX, 5 bits.
    pub(crate) key: Option<u8>,
}

impl PictureIds {
    pub(crate) fn of(descriptor: &Vp8Descriptor) -> Self {
        PictureIds {
            picture: descriptor.picture_id(),
            tl0: descriptor.tl0_pic_idx(),
            key: descriptor.key_idx(),
        }
    }

    /// The bytes to change so that `descriptor` carries these counters; `None` if they do not fit it.
    pub(crate) fn patch(self, descriptor: &Vp8Descriptor) -> Option<Vp8Patch> {
        let mut patch = descriptor.patch();
        if let Some(v) = self.picture {
            patch = patch.picture_id(v);
        }
        if let Some(v) = self.tl0 {
            patch = patch.tl0_pic_idx(v);
        }
        if let Some(v) = self.key {
            patch = patch.key_idx(v);
        }
        patch.build().ok()
    }
}

/// Offsets between a source's counters and those its subscriber sees.
#[derive(Debug, Default)]
pub(crate) struct PictureCounters {
    offset: (u16, u8, u8),
    last: Option<(u16, u8, u8)>,
}

impl PictureCounters {
    /// Let the source that begins with `ids` continue where the last one stopped.
    ///
    /// The first source keeps its own counters.
    pub(crate) fn switch(&mut self, ids: PictureIds) {
        if let Some((picture, tl0, key)) = self.last {
            self.offset = (
                picture.wrapping_add(1).wrapping_sub(ids.picture.unwrap_or(0)),
                tl0.wrapping_add(1).wrapping_sub(ids.tl0.unwrap_or(0)),
                key.wrapping_add(1).wrapping_sub(ids.key.unwrap_or(0)),
            );
        }
    }

    /// The counters to send for `ids`; `None` if they stay as they are.
    ///
    /// newest: no later packet was sent yet. One that comes late, or was resent, is not where the next source goes on.
    pub(crate) fn map(&mut self, ids: PictureIds, newest: bool) -> Option<PictureIds> {
        let out = PictureIds {
            picture: ids.picture.map(|v| v.wrapping_add(self.offset.0) & 0x7fff),
            tl0: ids.tl0.map(|v| v.wrapping_add(self.offset.1)),
            key: ids.key.map(|v| v.wrapping_add(self.offset.2) & 0x1f),
        };
        if newest {
            let last = self.last.unwrap_or_default();
            self.last =
                Some((out.picture.unwrap_or(last.0), out.tl0.unwrap_or(last.1), out.key.unwrap_or(last.2)));
        }
        (out != ids).then_some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(picture: u16, tl0: u8, key: u8) -> PictureIds {
        PictureIds { picture: Some(picture), tl0: Some(tl0), key: Some(key) }
    }

    #[test]
    fn the_first_source_keeps_its_counters() {
        let mut counters = PictureCounters::default();
        counters.switch(ids(100, 7, 3));
        assert_eq!(counters.map(ids(100, 7, 3), true), None);
    }

    #[test]
    fn the_next_source_continues_and_wraps_as_the_fields_do() {
        let mut counters = PictureCounters::default();
        counters.switch(ids(0x7fff, 255, 31));
        counters.map(ids(0x7fff, 255, 31), true);
        counters.switch(ids(500, 9, 2));
        assert_eq!(counters.map(ids(500, 9, 2), true), Some(ids(0, 0, 0)));
        assert_eq!(counters.map(ids(501, 10, 2), true), Some(ids(1, 1, 0)));
    }

    #[test]
    fn the_next_source_continues_after_the_newest_picture_not_after_a_late_one() {
        let mut counters = PictureCounters::default();
        counters.switch(ids(100, 7, 3));
        counters.map(ids(100, 7, 3), true);
        counters.map(ids(103, 9, 3), true);
        counters.map(ids(101, 8, 3), false);
        counters.switch(ids(500, 1, 1));
        assert_eq!(counters.map(ids(500, 1, 1), true), Some(ids(104, 10, 4)));
    }

    #[test]
    fn a_patch_changes_the_counters_alone() {
        // X, then I, L and T: a 15-bit picture id, TL0PICIDX and TID, no KEYIDX.
        let payload = [0x90, 0xe0, 0x80 | 0x01, 0x02, 0x05, 0x40, 1, 2];
        let descriptor = Vp8Descriptor::parse(&payload).unwrap();
        assert_eq!(PictureIds::of(&descriptor), PictureIds { picture: Some(0x102), tl0: Some(5), key: None });
        assert!(PictureIds { picture: Some(9), tl0: Some(1), key: None }.patch(&descriptor).is_some());
        assert!(PictureIds { picture: Some(9), tl0: Some(1), key: Some(1) }.patch(&descriptor).is_none());
    }
}
