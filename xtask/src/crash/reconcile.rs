//! Holds the sink's receipts against the ledger of a departure: who was missed, who has it twice, and what nobody ordered.
//!
//! A pure function of what both say. It believes neither: a receipt counts only if its marks can be read with the vault's
//! own key and it went to the right reader, and the ledger's `accepted` only if a receipt says that a 250 was given.

use crate::founding::Newsroom;
use crate::sink::receipts::{Outcome, Receipt};
use newsroom::{DeliveryState, DepartureId, ReaderId};
use seal::PostKey;
use std::collections::{BTreeMap, BTreeSet};
use store::Store;
use store::ledger::{self, Doubt, Line};

/// How many faults are told one by one; a real defect makes thousands.
pub const TOLD_MAX: usize = 20;

/// How many rows of the ledger are read at once.
const PAGE: i64 = 5_000;

/// A departure's whole ledger, and its list of doubts.
pub async fn proof(store: &Store, departure: DepartureId) -> store::Result<(Vec<Line>, Vec<Doubt>)> {
    let (mut lines, mut after) = (Vec::new(), (-1, -1));
    loop {
        let page = store.read(move |tx| ledger::lines(tx, departure, after, PAGE)).await?;
        let Some(last) = page.last() else { break };
        after = (last.key.lane, last.key.position);
        lines.extend(page);
    }
    let doubts = store.read(move |tx| ledger::doubtful(tx, departure)).await?;
    Ok((lines, doubts))
}

/// What a departure's receipts and ledger come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Readers in the ledger.
    pub audience: usize,
    /// Readers in each of the states that matter to a table.
    pub accepted: usize,
    /// Refused for good.
    pub refused: usize,
    /// Not to be sent, or too late.
    pub excluded: usize,
    /// The dot left and no answer came.
    pub uncertain: usize,
    /// Of these, how many have the mail all the same.
    pub uncertain_with_mail: usize,
    /// Accepted by the ledger although no 250 was ever given, or in no terminal state.
    pub missed: usize,
    /// Readers who have it more than once and are not in doubt.
    pub twice: usize,
    /// Readers in doubt who have it more than once: sent again by policy.
    pub twice_in_doubt: usize,
    /// Mail that nobody ordered: to the wrong reader, under unknown marks, or to one whom the ledger says was spared.
    pub strays: usize,
    /// Readers in doubt who are not listed.
    pub unlisted: usize,
    /// Copies of which two tries were not the same octets.
    pub altered: usize,
    /// The first of these, in words.
    pub told: Vec<String>,
}

impl Balance {
    /// How many promises were broken.
    pub fn breaches(&self) -> usize {
        self.missed + self.twice + self.strays + self.unlisted + self.altered
    }

    fn tell(&mut self, what: String) {
        if self.told.len() < TOLD_MAX {
            self.told.push(what);
        }
    }
}

/// Reads the marks of receipts.
pub struct Marks<'a> {
    /// The key of Message-IDs and envelope senders.
    pub key: &'a PostKey,
    /// The domain they are at.
    pub domain: &'a str,
    /// Every reader's address.
    pub addresses: &'a BTreeMap<ReaderId, String>,
}

/// The receipts of each copy, and those that are of none, in words.
#[derive(Debug, Default)]
pub struct Sorted {
    copies: BTreeMap<(DepartureId, ReaderId), Vec<Receipt>>,
    /// What could not be told to be a copy of ours.
    pub strays: Vec<String>,
}

impl<'a> Marks<'a> {
    /// Of a newsroom that a rig founded.
    pub fn of(newsroom: &'a Newsroom) -> Marks<'a> {
        let house = &newsroom.house;
        Marks { key: house.vault.post_key(), domain: house.settings.get("mail.domain"), addresses: &newsroom.addresses }
    }

    /// Sorts receipts by the copy they are of.
    pub fn sort(&self, receipts: Vec<Receipt>) -> Sorted {
        let mut sorted = Sorted::default();
        for receipt in receipts {
            match self.read(&receipt) {
                Ok(copy) => sorted.copies.entry(copy).or_default().push(receipt),
                Err(why) => sorted.strays.push(format!("receipt {}: {why}", receipt.number)),
            }
        }
        sorted
    }

    fn read(&self, receipt: &Receipt) -> Result<(DepartureId, ReaderId), String> {
        let (local, domain) = receipt.from.rsplit_once('@').ok_or("no envelope sender")?;
        let (departure, reader) = self.key.check_verp(local).ok_or("an envelope sender that is not ours")?;
        if domain != self.domain {
            return Err(format!("an envelope sender at {domain}"));
        }
        let id = format!("<{}@{}>", self.key.message_id(departure, reader), self.domain);
        if is_whole(receipt) && receipt.message_id != id {
            return Err(format!("reader {}'s copy under another's Message-ID", reader.0));
        }
        let right = self.addresses.get(&reader).is_some_and(|address| receipt.to == [address.as_str()]);
        if !right {
            return Err(format!("reader {}'s copy went elsewhere", reader.0));
        }
        Ok((departure, reader))
    }
}

/// Whether the message came whole, dot and all.
fn is_whole(receipt: &Receipt) -> bool {
    receipt.digest != 0
}

/// Holds the receipts of `departure` against its ledger and the list of those in doubt.
pub fn hold(departure: DepartureId, lines: &[Line], doubts: &[Doubt], sorted: &Sorted) -> Balance {
    let doubtful: BTreeSet<ReaderId> = doubts.iter().map(|doubt| doubt.reader).collect();
    let mut balance = Balance { audience: lines.len(), ..Balance::default() };
    for line in lines {
        let receipts = sorted.copies.get(&(departure, line.reader)).map_or(&[][..], Vec::as_slice);
        judge(&mut balance, line, doubtful.contains(&line.reader), receipts);
    }
    let known: BTreeSet<ReaderId> = lines.iter().map(|line| line.reader).collect();
    let of_departure = (departure, ReaderId(i64::MIN))..=(departure, ReaderId(i64::MAX));
    for ((_, reader), _) in sorted.copies.range(of_departure).filter(|((_, reader), _)| !known.contains(reader)) {
        balance.strays += 1;
        balance.tell(format!("reader {} is not in the departure and was tried", reader.0));
    }
    balance
}

fn judge(balance: &mut Balance, line: &Line, in_doubt: bool, receipts: &[Receipt]) {
    let reader = line.reader.0;
    let held = receipts.iter().filter(|receipt| receipt.outcome.holds()).count();
    let told = |outcome| receipts.iter().any(|receipt| receipt.outcome == outcome);
    match line.state {
        DeliveryState::Accepted => {
            balance.accepted += 1;
            if !told(Outcome::Accepted) {
                balance.missed += 1;
                balance.tell(format!("reader {reader} is accepted in the ledger, and no 250 was given"));
            }
        }
        DeliveryState::Uncertain => {
            balance.uncertain += 1;
            balance.uncertain_with_mail += usize::from(held > 0);
            if !in_doubt {
                balance.unlisted += 1;
                balance.tell(format!("reader {reader} is uncertain and not listed"));
            }
        }
        DeliveryState::Refused | DeliveryState::Excluded | DeliveryState::Expired => {
            let refused = line.state == DeliveryState::Refused;
            balance.refused += usize::from(refused);
            balance.excluded += usize::from(!refused);
            if held > 0 && !in_doubt {
                balance.strays += 1;
                balance.tell(format!("reader {reader} is {:?} in the ledger, and has the mail", line.state));
            }
            if refused && !told(Outcome::Refused) {
                balance.missed += 1;
                balance.tell(format!("reader {reader} is refused in the ledger, and nobody refused them"));
            }
        }
        DeliveryState::Queued | DeliveryState::Leased | DeliveryState::InFlight | DeliveryState::Deferred => {
            balance.missed += 1;
            balance.tell(format!("reader {reader} is still {:?}", line.state));
        }
    }
    let is_listed = in_doubt || line.state == DeliveryState::Uncertain;
    if !is_listed && receipts.iter().any(|receipt| matches!(receipt.outcome, Outcome::Kept | Outcome::Lost)) {
        balance.unlisted += 1;
        balance.tell(format!("reader {reader}'s answer was lost, and they are not listed"));
    }
    if held > 1 && in_doubt {
        balance.twice_in_doubt += 1;
    } else if held > 1 {
        balance.twice += 1;
        balance.tell(format!("reader {reader} has it {held} times and is not in doubt"));
    }
    let digests: BTreeSet<(u32, usize)> =
        receipts.iter().filter(|receipt| is_whole(receipt)).map(|receipt| (receipt.digest, receipt.bytes)).collect();
    if digests.len() > 1 {
        balance.altered += 1;
        balance.tell(format!("reader {reader}'s copy was not the same at every try"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use newsroom::DeliveryKey;
    use seal::{KEY_BYTES, Secret};

    const DEPARTURE: DepartureId = DepartureId(7);

    struct Desk {
        key: PostKey,
        addresses: BTreeMap<ReaderId, String>,
    }

    fn desk() -> Desk {
        let addresses = (1..=4).map(|n| (ReaderId(n), format!("r{n}@example.org"))).collect();
        Desk { key: PostKey::new(&Secret::new([1; KEY_BYTES])), addresses }
    }

    impl Desk {
        fn receipt(&self, outcome: Outcome, reader: i64) -> Receipt {
            let whole = matches!(outcome, Outcome::Accepted | Outcome::Kept | Outcome::Lost);
            let id = self.key.message_id(DEPARTURE, ReaderId(reader));
            Receipt {
                number: 1,
                connection: 1,
                outcome,
                code: 0,
                bytes: 5,
                digest: if whole { 9 } else { 0 },
                message_id: if whole { format!("<{id}@news.example>") } else { String::new() },
                from: format!("{}@news.example", self.key.verp(DEPARTURE, ReaderId(reader))),
                to: vec![self.addresses[&ReaderId(reader)].clone()],
            }
        }

        fn balance(&self, states: &[DeliveryState], doubtful: &[i64], receipts: Vec<Receipt>) -> Balance {
            let marks = Marks { key: &self.key, domain: "news.example", addresses: &self.addresses };
            let key = |position| DeliveryKey { departure: DEPARTURE, lane: 0, position };
            let line = |(position, state): (i64, &DeliveryState)| Line {
                key: key(position),
                reader: ReaderId(position + 1),
                state: *state,
                why: 0,
                attempts: 1,
            };
            let lines: Vec<Line> = (0..).zip(states).map(line).collect();
            let doubt = |reader: &i64| Doubt {
                key: key(reader - 1),
                reader: ReaderId(*reader),
                since: 1,
                cause: String::new(),
                resolution: None,
            };
            let doubts: Vec<Doubt> = doubtful.iter().map(doubt).collect();
            let sorted = marks.sort(receipts);
            let mut balance = hold(DEPARTURE, &lines, &doubts, &sorted);
            balance.strays += sorted.strays.len();
            balance
        }
    }

    #[test]
    fn what_agrees_is_no_breach() {
        let desk = desk();
        let states =
            [DeliveryState::Accepted, DeliveryState::Uncertain, DeliveryState::Refused, DeliveryState::Excluded];
        let receipts = vec![
            desk.receipt(Outcome::Deferred, 1),
            desk.receipt(Outcome::Accepted, 1),
            desk.receipt(Outcome::Kept, 2),
            desk.receipt(Outcome::Refused, 3),
        ];
        let balance = desk.balance(&states, &[2], receipts);
        assert_eq!(balance.breaches(), 0, "{balance:?}");
        assert_eq!((balance.accepted, balance.uncertain_with_mail, balance.refused, balance.excluded), (1, 1, 1, 1));
    }

    #[test]
    fn every_broken_promise_is_counted_under_its_name() {
        use DeliveryState::{Accepted, Leased, Refused, Uncertain};
        let desk = desk();
        let of = |states: &[DeliveryState], doubtful: &[i64], receipts: &[Receipt]| {
            let b = desk.balance(states, doubtful, receipts.to_vec());
            [b.missed, b.twice, b.strays, b.unlisted, b.altered]
        };
        let (taken, kept) = (desk.receipt(Outcome::Accepted, 1), desk.receipt(Outcome::Kept, 1));
        assert_eq!(of(&[Accepted], &[], &[]), [1, 0, 0, 0, 0], "no receipt");
        assert_eq!(of(&[Accepted], &[], std::slice::from_ref(&kept)), [1, 0, 0, 1, 0], "kept, and no 250 given");
        assert_eq!(of(&[Leased], &[], &[]), [1, 0, 0, 0, 0], "never settled");
        assert_eq!(of(&[Refused], &[], &[]), [1, 0, 0, 0, 0], "refused by nobody");
        assert_eq!(of(&[Accepted], &[], &[taken.clone(), taken.clone()]), [0, 1, 0, 0, 0]);
        assert_eq!(of(&[Accepted], &[], &[taken.clone(), kept.clone()]), [0, 1, 0, 1, 0], "an answer was lost");
        assert_eq!(of(&[Accepted], &[1], &[taken.clone(), kept.clone()]), [0, 0, 0, 0, 0], "in doubt, and listed");
        assert_eq!(of(&[Uncertain], &[], std::slice::from_ref(&kept)), [0, 0, 0, 1, 0]);
        assert_eq!(of(&[Refused], &[], &[desk.receipt(Outcome::Refused, 1), taken.clone()]), [0, 0, 1, 0, 0]);
        assert_eq!(of(&[], &[], std::slice::from_ref(&taken)), [0, 0, 1, 0, 0], "to one who was not in it");
        let other = Receipt { digest: 8, outcome: Outcome::Lost, ..taken.clone() };
        assert_eq!(of(&[Accepted], &[1], &[taken, other]), [0, 0, 0, 0, 1]);
    }

    #[test]
    fn a_receipt_with_wrong_marks_is_astray() {
        let desk = desk();
        let right = desk.receipt(Outcome::Accepted, 1);
        let wrong = [
            Receipt { from: "news@news.example".into(), ..right.clone() },
            Receipt { from: right.from.replace("news.example", "other.example"), ..right.clone() },
            Receipt { message_id: "<1@news.example>".into(), ..right.clone() },
            Receipt { to: vec!["r2@example.org".into()], ..right.clone() },
            Receipt { to: vec!["r1@example.org".into(), "r2@example.org".into()], ..right.clone() },
        ];
        for receipt in wrong {
            let said = format!("{receipt:?}");
            assert_eq!(desk.balance(&[], &[], vec![receipt]).strays, 1, "{said}");
        }
    }
}
