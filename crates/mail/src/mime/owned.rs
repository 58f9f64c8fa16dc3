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
    /// The body of one copy in order, for `writev`. `tails` must have been made from this body.
    pub fn pieces<'a>(&'a self, tails: &'a Tails) -> [Piece<'a>; BODY_SEGMENTS] {
        let shared = |at: usize| self.shared.get(at).map_or(Piece::Fresh(b""), Piece::Checked);
        let [first, second] = tails.ends;
        let second_tail = if self.tails.len() == 2 { &tails.bytes[first..second] } else { b"" };
        [shared(0), Piece::Fresh(&tails.bytes[..first]), shared(1), Piece::Fresh(second_tail), shared(2)]
    }
}
