//! What the newsroom may rightly believe of one person, as the person sees it: the model that the store is held against.
//!
//! A request that was answered has happened; one that was not may or may not have; a sign-up takes effect some time after it
//! was taken, when its seal is opened. So the model is a set of standings, and the store must show one of them. It knows
//! nothing of how the newsroom works inside.

use std::collections::BTreeSet;

use newsroom::SubscriptionState;

/// Where a person stands with the newsletter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// Not known.
    Stranger,
    /// Asked, not confirmed.
    Pending,
    /// Gets editions.
    Active,
    /// Ended it.
    Gone,
}

impl From<Option<SubscriptionState>> for Standing {
    fn from(kept: Option<SubscriptionState>) -> Self {
        match kept {
            None => Self::Stranger,
            Some(SubscriptionState::Pending) => Self::Pending,
            Some(SubscriptionState::Active) => Self::Active,
            Some(SubscriptionState::Unsubscribed | SubscriptionState::Suppressed) => Self::Gone,
        }
    }
}

/// What a person asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    SignUp,
    Confirm,
    Unsubscribe,
    Undo,
}

impl Act {
    /// What it makes of a standing. A sign-up makes nothing of it at once.
    fn of(self, standing: Standing) -> Standing {
        match (self, standing) {
            (Self::Confirm, Standing::Pending) | (Self::Undo, Standing::Gone) => Standing::Active,
            (Self::Unsubscribe, Standing::Pending | Standing::Active) => Standing::Gone,
            _ => standing,
        }
    }
}

/// The set of standings that may be, and what may still change it.
#[derive(Clone, Debug)]
pub(crate) struct Belief {
    may_be: BTreeSet<Standing>,
    /// What may have been when the act under way began.
    before: Option<BTreeSet<Standing>>,
    /// A sign-up may lie sealed in the inbox.
    wish: bool,
    /// A sign-up was acknowledged: the person can never again be a stranger with an empty inbox.
    wished: bool,
    /// Their server once said that there is no such mailbox: the newsroom may end it, at once or by a person's word.
    no_mailbox: bool,
    /// Rises with every act: to tell whether anything happened between two looks.
    version: u64,
}

impl Default for Belief {
    fn default() -> Self {
        let may_be = BTreeSet::from([Standing::Stranger]);
        Self { may_be, before: None, wish: false, wished: false, no_mailbox: false, version: 0 }
    }
}

impl Belief {
    /// A request is about to leave.
    pub(crate) fn begin(&mut self, act: Act) {
        let before = self.possible();
        self.may_be = before.iter().flat_map(|s| [*s, act.of(*s)]).collect();
        self.before = Some(before);
        self.wish |= act == Act::SignUp;
        self.version += 1;
    }

    /// It was answered: it has happened.
    pub(crate) fn acknowledged(&mut self, act: Act) {
        if let Some(before) = self.before.take() {
            self.may_be = before.into_iter().map(|s| act.of(s)).collect();
            self.may_be = self.possible();
        }
        self.wished |= act == Act::SignUp;
        self.version += 1;
    }

    /// No answer came, or a refusal: it may have happened.
    pub(crate) fn unanswered(&mut self) {
        self.before = None;
        self.version += 1;
    }

    /// Their server said that there is no such mailbox.
    pub(crate) fn turned_away(&mut self) {
        self.no_mailbox = true;
        self.version += 1;
    }

    /// Everything it may be, with what a waiting sign-up may make of it.
    pub(crate) fn possible(&self) -> BTreeSet<Standing> {
        let mut possible = self.may_be.clone();
        if self.wish && possible.iter().any(|s| matches!(s, Standing::Stranger | Standing::Gone)) {
            possible.insert(Standing::Pending);
            // A confirm or an undo under way may come after it.
            possible.extend(self.before.iter().flatten().copied());
        }
        if self.no_mailbox && possible.iter().any(|s| matches!(s, Standing::Pending | Standing::Active)) {
            possible.insert(Standing::Gone);
        }
        possible
    }

    /// The only thing it can be, if there is but one.
    pub(crate) fn certain(&self) -> Option<Standing> {
        let possible = self.possible();
        possible.first().copied().filter(|_| possible.len() == 1)
    }

    /// A sign-up was ever acknowledged.
    pub(crate) fn is_wished(&self) -> bool {
        self.wished
    }

    /// Changes whenever something may have happened.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Holds what the store shows against it; `inbox_empty` when no sealed sign-up waits there.
    pub(crate) fn check(&mut self, kept: Standing, inbox_empty: bool) -> Result<(), String> {
        let possible = self.possible();
        if !possible.contains(&kept) {
            return Err(format!("the store says {kept:?}, acknowledged was one of {possible:?}"));
        }
        if self.before.is_some() {
            return Ok(());
        }
        if inbox_empty {
            if kept == Standing::Stranger && self.wished {
                return Err("an acknowledged sign-up is gone".into());
            }
            self.wish = false;
        }
        // What was read is committed, and what is committed is durable.
        self.may_be = BTreeSet::from([kept]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(belief: &mut Belief, act: Act) {
        belief.begin(act);
        belief.acknowledged(act);
    }

    #[test]
    fn only_a_mailbox_that_does_not_exist_may_end_without_a_word() {
        let mut belief = Belief::default();
        done(&mut belief, Act::SignUp);
        let mut unseen = belief.clone();
        unseen.turned_away();
        unseen.check(Standing::Gone, true).expect("opened, written to and ended between two looks");
        belief.check(Standing::Pending, true).expect("opened");
        done(&mut belief, Act::Confirm);
        assert!(belief.clone().check(Standing::Gone, true).is_err());
        belief.turned_away();
        belief.clone().check(Standing::Active, true).expect("held for a person");
        belief.check(Standing::Gone, true).expect("ended");
        assert!(belief.check(Standing::Active, true).is_err());
    }

    #[test]
    fn what_was_acknowledged_must_be_there() {
        let mut belief = Belief::default();
        done(&mut belief, Act::SignUp);
        belief.check(Standing::Stranger, false).expect("it waits in the inbox");
        assert!(belief.clone().check(Standing::Stranger, true).is_err());
        belief.check(Standing::Pending, true).expect("it was opened");
        assert!(belief.clone().check(Standing::Stranger, true).is_err());
        done(&mut belief, Act::Confirm);
        assert!(belief.clone().check(Standing::Pending, true).is_err());
        belief.check(Standing::Active, true).expect("confirmed");
        done(&mut belief, Act::Unsubscribe);
        assert!(belief.clone().check(Standing::Active, true).is_err());
        belief.check(Standing::Gone, true).expect("ended");
        done(&mut belief, Act::Undo);
        assert_eq!(belief.certain(), Some(Standing::Active));
    }

    #[test]
    fn what_was_not_answered_may_be_either() {
        let mut belief = Belief::default();
        done(&mut belief, Act::SignUp);
        belief.check(Standing::Pending, true).expect("opened");
        belief.begin(Act::Confirm);
        belief.check(Standing::Pending, true).expect("not yet");
        belief.check(Standing::Active, true).expect("already");
        belief.unanswered();
        assert_eq!(belief.certain(), None);
        belief.clone().check(Standing::Pending, true).expect("it may not have come");
        belief.check(Standing::Active, true).expect("it may have come");
        assert!(belief.check(Standing::Pending, true).is_err(), "once seen it is durable");
    }

    #[test]
    fn a_waiting_sign_up_may_bring_back_who_left() {
        let mut belief = Belief::default();
        done(&mut belief, Act::SignUp);
        belief.check(Standing::Pending, true).expect("opened");
        done(&mut belief, Act::Unsubscribe);
        assert_eq!(belief.certain(), Some(Standing::Gone));
        done(&mut belief, Act::SignUp);
        assert_eq!(belief.certain(), None);
        belief.check(Standing::Gone, false).expect("still sealed");
        belief.check(Standing::Pending, true).expect("opened");
        assert!(belief.check(Standing::Gone, true).is_err());
    }
}
