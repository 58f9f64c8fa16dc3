//! A copy that outlives the borrow of its cohort: its own octets alone, joined to the shared ones when they are sent.

use super::{BODY_SEGMENTS, CopyBody, SharedBody};
use crate::wire::Piece;

/// What one reader's copy adds to the cohort's body.
#[derive(Debug)]
pub struct Tails {
    bytes: Vec<u8>,
    ends: [usize; 2],
}

impl CopyBody<'_> {
    /// The copy's own octets; [`SharedBody::pieces`] joins them to the body they were made from.
    pub fn into_tails(self) -> Tails {
        Tails { bytes: self.tails, ends: self.ends }
    }
}

impl SharedBody {
    /// SHA-256 over the body of one copy, as [`CopyBody::hash`] gives it. `tails` must have been made from this body.
    pub fn hash(&self, tails: &Tails) -> [u8; 32] {
        self.hash_of(&self.pieces(tails).map(Piece::bytes))
    }

    /// The first segment is hashed already.
    pub(super) fn hash_of(&self, segments: &[&[u8]; BODY_SEGMENTS]) -> [u8; 32] {
        let mut state = self.state.clone();
        for segment in &segments[1..] {
            state.update(segment);
        }
        state.finish().as_ref().try_into().expect("SHA-256 is 32 octets")
    }

    /// The body of one copy in order, for `writev`. `tails` must have been made from this body.
    pub fn pieces<'a>(&'a self, tails: &'a Tails) -> [Piece<'a>; BODY_SEGMENTS] {
        let shared = |at: usize| self.shared.get(at).map_or(Piece::Fresh(b""), Piece::Checked);
        let [first, second] = tails.ends;
        let second_tail = if self.tails.len() == 2 { &tails.bytes[first..second] } else { b"" };
        [shared(0), Piece::Fresh(&tails.bytes[..first]), shared(1), Piece::Fresh(second_tail), shared(2)]
    }
}
