//! The witness: sees every message that reaches the receiving side, and looks into the ledger; holds both to the promises.
//!
//! The first promise found broken is kept as the run's fault, in words. The witness never helps the newsroom: nothing that
//! it knows flows back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mail::dkim::{PublicKey, verify};
use newsroom::{DAY_MS, DeliveryState, DepartureId, DepartureKind, Ms, NewsletterId, ReaderId, SECOND_MS, Sums};
use seal::Purpose;
use store::ledger::{Doubt, Line};
use vault::Vault;

use crate::counters::Counters;
use crate::reading::{Mail, token_in};
use crate::standing::{Belief, Standing};

/// P24: opt-in letters to one address until it confirms.
const OPT_INS_MAX: usize = 3;

/// What the witness knows of the outlet: its keys, to check what it wrote.
pub(crate) struct Seals {
    pub(crate) vault: Arc<Vault>,
    pub(crate) public: PublicKey,
    pub(crate) domain: String,
    pub(crate) newsletter: NewsletterId,
}

/// A message as it reached the receiving side, dot and all.
pub(crate) struct Received<'a> {
    pub(crate) at: Ms,
    /// When its MAIL command came.
    pub(crate) begun: Ms,
    /// The sender's name for itself in EHLO.
    pub(crate) helo: &'a str,
    pub(crate) from: &'a str,
    pub(crate) to: &'a [String],
    pub(crate) bytes: &'a [u8],
    /// The receiving side took responsibility for it.
    pub(crate) kept: bool,
}

/// Which copy: a departure's to a reader.
pub(crate) type CopyId = (DepartureId, ReaderId);

/// Every arrival of one copy.
struct Copies {
    bytes: Vec<u8>,
    kept: u64,
    arrivals: u64,
    last_helo: String,
    last_at: Ms,
    stories: Vec<String>,
}

/// One person outside, as the witness follows them.
pub(crate) struct Person {
    pub(crate) address: String,
    pub(crate) belief: Belief,
    /// The unsubscribing that was acknowledged last, unless they asked for more since.
    pub(crate) left: Option<Ms>,
    /// They ever pressed the button behind the opt-in link.
    pub(crate) confirmed: bool,
    /// The highest rank that had left in an edition when they pressed it last: nothing up to it is news to them.
    archive: i64,
    /// They ever filled in the form.
    pub(crate) asked: bool,
    /// Opt-in letters since they last confirmed, by when they were written.
    opt_ins: BTreeMap<DepartureId, Ms>,
    reader: Option<ReaderId>,
    /// What lies in their mailbox, oldest first.
    pub(crate) mailbox: Vec<Arc<Mail>>,
}

impl Person {
    pub(crate) fn new(address: String) -> Self {
        Self {
            address,
            belief: Belief::default(),
            left: None,
            confirmed: false,
            archive: 0,
            asked: false,
            opt_ins: BTreeMap::new(),
            reader: None,
            mailbox: Vec::new(),
        }
    }
}

/// A departure as it was last seen in the ledger.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) kind: DepartureKind,
    pub(crate) audience: i64,
    /// The highest rank in its line-up.
    pub(crate) rank: i64,
    pub(crate) sums: Sums,
    pub(crate) lines: Vec<Line>,
    pub(crate) doubts: Vec<Doubt>,
}

/// What a crash may leave in doubt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restart {
    /// Doubts listed from then on are of this crash.
    pub(crate) from: Ms,
    /// Until then; later ones are of something else.
    pub(crate) to: Ms,
    /// Connections that were open at the crash.
    pub(crate) open: u64,
}

/// The cause that the ledger gives to what an ended poster left in flight.
const ENDED: &str = "the poster ended before an answer was kept";

impl Seen {
    fn doubted(&self) -> BTreeSet<ReaderId> {
        self.doubts.iter().map(|d| d.reader).collect()
    }
}

/// See the module.
pub(crate) struct Witness {
    seals: Seals,
    pub(crate) people: Vec<Person>,
    by_address: BTreeMap<String, usize>,
    copies: BTreeMap<CopyId, Copies>,
    departures: BTreeMap<DepartureId, Seen>,
    /// Copies whose envelope was seen, whatever came of them.
    tried: BTreeSet<CopyId>,
    /// How many copies a restart may leave in doubt, and from when to when that counts.
    restarts: Vec<Restart>,
    /// How many connections the post office may have.
    connections: u64,
    /// Departures that are paused, since when that is acknowledged, and whose copies were in flight then: those alone may
    /// still come, over a slow line however late.
    pub(crate) paused: BTreeMap<DepartureId, (Ms, BTreeSet<ReaderId>)>,
    /// Poster names whose lease was taken over, and since when.
    pub(crate) fenced: BTreeMap<String, Ms>,
    /// Copies that arrived from a fenced poster: they must be listed as doubtful in the end.
    from_fenced: BTreeSet<CopyId>,
    pub(crate) counters: Counters,
    pub(crate) fault: Option<String>,
}

impl Witness {
    pub(crate) fn new(seals: Seals, addresses: Vec<String>, connections: u64) -> Self {
        let by_address = addresses.iter().cloned().zip(0..).collect();
        Self {
            seals,
            people: addresses.into_iter().map(Person::new).collect(),
            by_address,
            copies: BTreeMap::new(),
            departures: BTreeMap::new(),
            tried: BTreeSet::new(),
            restarts: Vec::new(),
            connections,
            paused: BTreeMap::new(),
            fenced: BTreeMap::new(),
            from_fenced: BTreeSet::new(),
            counters: Counters::default(),
            fault: None,
        }
    }

    /// A promise is broken.
    pub(crate) fn broken(&mut self, what: String) {
        self.fault.get_or_insert(what);
    }

    pub(crate) fn person_at(&self, address: &str) -> Option<usize> {
        self.by_address.get(address).copied()
    }

    /// A departure or reader that the envelope sender names, if the post office wrote it.
    pub(crate) fn copy_of(&self, from: &str) -> Option<CopyId> {
        let (local, domain) = from.rsplit_once('@')?;
        self.seals.vault.post_key().check_verp(local).filter(|_| domain == self.seals.domain)
    }

    /// An envelope sender came in.
    pub(crate) fn begun(&mut self, from: &str) {
        match self.copy_of(from) {
            Some(copy) => drop(self.tried.insert(copy)),
            None => self.broken(format!("an envelope sender that is not ours: {from:?}")),
        }
    }

    /// Letters whose envelope was seen.
    pub(crate) fn letters(&self) -> BTreeSet<DepartureId> {
        let is_edition = |id: &DepartureId| self.departures.get(id).is_some_and(|d| d.kind == DepartureKind::Edition);
        self.tried.iter().map(|(departure, _)| *departure).filter(|id| !is_edition(id)).collect()
    }

    /// The newsroom comes back from a crash at which so many connections were open.
    pub(crate) fn restarted(&mut self, mut restart: Restart) {
        // Seed 538: a life that ended while it waited for a held lease has listed nothing of the crash before it.
        restart.open += self.restarts.last().filter(|last| last.to > restart.from).map_or(0, |last| last.open);
        self.restarts.push(restart);
    }

    /// Takes note of a message; gives the person whose mailbox it lies in, if it was kept.
    pub(crate) fn receive(&mut self, received: &Received<'_>) -> Option<usize> {
        match self.judge(received) {
            Ok(person) => received.kept.then_some(person),
            Err(why) => {
                self.broken(format!("a message from {} to {:?}: {why}", received.helo, received.to));
                None
            }
        }
    }

    fn judge(&mut self, received: &Received<'_>) -> Result<usize, String> {
        let [to] = received.to else { return Err("it has not exactly one recipient".into()) };
        let place = self.person_at(to).ok_or("nobody there ever signed up")?;
        let copy = self.copy_of(received.from).ok_or("its envelope sender is not ours")?;
        let mail = Mail::read(received.bytes)?;
        let written = self.authentic(&mail, received.bytes, to, copy)?;
        let kind = if mail.has("List-Id") { DepartureKind::Edition } else { DepartureKind::Letter };
        self.belongs(place, copy.1)?;
        match kind {
            DepartureKind::Edition => self.edition(place, copy, &mail, received)?,
            DepartureKind::Letter => self.letter(place, copy, &mail, written)?,
        }
        self.once(copy, kind, &mail, received)?;
        if received.kept {
            self.people[place].mailbox.push(Arc::new(mail));
        }
        Ok(place)
    }

    /// P20: To, Message-ID and signature are as they should be. Gives when it was written, in milliseconds.
    fn authentic(&self, mail: &Mail, bytes: &[u8], to: &str, copy: CopyId) -> Result<Ms, String> {
        let shown = mail.field("To")?.trim_matches(['<', '>']);
        if shown != to {
            return Err(format!("its To is {shown}"));
        }
        let id = format!("<{}@{}>", self.seals.vault.post_key().message_id(copy.0, copy.1), self.seals.domain);
        if mail.field("Message-ID")? != id {
            return Err("its Message-ID is not that of its envelope".into());
        }
        let signed = verify(bytes, &self.seals.public).map_err(|fault| format!("DKIM: {fault}"))?;
        if signed.domain != self.seals.domain {
            return Err(format!("signed for {}", signed.domain));
        }
        for name in ["from", "to", "subject", "date", "message-id", "list-unsubscribe", "list-unsubscribe-post"] {
            if mail.has(name) && !signed.signed.iter().any(|n| n == name) {
                return Err(format!("{name} is not signed"));
            }
        }
        let seconds = signed.t_seconds.ok_or("signed at no time")?;
        Ok(Ms::try_from(seconds).map_err(|_| "signed at no time")? * SECOND_MS)
    }

    /// A reader's copies go to one address for ever.
    fn belongs(&mut self, place: usize, reader: ReaderId) -> Result<(), String> {
        match self.people[place].reader.replace(reader) {
            Some(other) if other != reader => Err("it is for another reader than before".into()),
            _ => Ok(()),
        }
    }

    fn edition(&mut self, place: usize, copy: CopyId, mail: &Mail, received: &Received<'_>) -> Result<(), String> {
        if !self.people[place].confirmed {
            return Err("an edition to somebody who never confirmed".into());
        }
        // P7: nothing begins after the unsubscribing was acknowledged.
        if let Some(left) = self.people[place].left.filter(|left| received.begun > *left) {
            return Err(format!("it began {} ms after the unsubscribing was acknowledged", received.begun - left));
        }
        if let Some((paused, flying)) = self.paused.get(&copy.0)
            && received.begun > *paused
            && !flying.contains(&copy.1)
        {
            return Err(format!("it began {} ms after its departure was paused", received.begun - paused));
        }
        if mail.field("List-Unsubscribe-Post")? != "List-Unsubscribe=One-Click" {
            return Err("it cannot be ended by one click".into());
        }
        let linked = token_in(mail.field("List-Unsubscribe")?, "/unsubscribe/").ok_or("it has no unsubscribe link")?;
        let shown = mail.token("/unsubscribe/").ok_or("its text has no unsubscribe link")?;
        let html = token_in(mail.part("text/html")?, "/unsubscribe/").ok_or("its HTML has no unsubscribe link")?;
        if [&shown, &html].iter().any(|token| **token != linked) {
            return Err("its unsubscribe links differ".into());
        }
        self.token_is(&linked, Purpose::Unsubscribe, copy.1)?;
        let stories = mail.stories();
        if stories.is_empty() {
            return Err("an edition without a story".into());
        }
        let archive = self.people[place].archive;
        if let Some(old) = stories.iter().find(|story| rank_of(story).is_none_or(|rank| rank <= archive)) {
            return Err(format!("{old} is of the archive to who confirmed when rank {archive} had left"));
        }
        let others = self.copies.iter().filter(|((d, r), c)| *r == copy.1 && *d != copy.0 && c.kept > 0);
        let repeated = others.flat_map(|(_, c)| &c.stories).find(|story| stories.contains(story));
        match repeated.filter(|_| received.kept) {
            Some(story) => Err(format!("{story} was in an earlier edition to the same reader")),
            None => Ok(()),
        }
    }

    fn letter(&mut self, place: usize, copy: CopyId, mail: &Mail, written: Ms) -> Result<(), String> {
        if !self.people[place].asked {
            return Err("a letter to somebody who never asked".into());
        }
        let token = mail.token("/confirm/").ok_or("a letter without a link to confirm")?;
        self.token_is(&token, Purpose::Confirm, copy.1)?;
        let letters = &mut self.people[place].opt_ins;
        letters.insert(copy.0, written);
        let times: BTreeSet<Ms> = letters.values().copied().collect();
        let close = times.iter().zip(times.iter().skip(1)).any(|(one, next)| next - one < DAY_MS - SECOND_MS);
        if close || letters.len() > OPT_INS_MAX {
            return Err(format!("P24: {} opt-in letters, written at {times:?}", letters.len()));
        }
        Ok(())
    }

    /// The button behind the opt-in link is about to be pressed: the counting of opt-in letters begins anew, and what
    /// editions have carried is the archive.
    pub(crate) fn confirming(&mut self, place: usize) {
        let departures = self.departures.values().filter(|d| d.kind == DepartureKind::Edition);
        let archive = departures.map(|d| d.rank).max().unwrap_or(0);
        let person = &mut self.people[place];
        // Pressed once more by somebody who is in already, it changes nothing; and who had no answer may be in.
        if !person.belief.possible().contains(&Standing::Active) {
            person.archive = archive;
        }
        person.opt_ins.clear();
    }

    fn token_is(&self, token: &str, purpose: Purpose, reader: ReaderId) -> Result<(), String> {
        match self.seals.vault.token_key().check(token, purpose) {
            Some((whose, what)) if whose == reader && what == self.seals.newsletter.0 => Ok(()),
            _ => Err(format!("its {purpose:?} link is not its reader's")),
        }
    }

    /// P3: once, and byte-identical whenever it comes.
    fn once(&mut self, copy: CopyId, kind: DepartureKind, mail: &Mail, received: &Received<'_>) -> Result<(), String> {
        let fenced = self.fenced.get(received.helo).is_some_and(|since| received.at > *since);
        let known = self.copies.entry(copy).or_insert_with(|| Copies {
            bytes: received.bytes.to_vec(),
            kept: 0,
            arrivals: 0,
            last_helo: String::new(),
            last_at: 0,
            stories: mail.stories(),
        });
        if known.bytes != received.bytes {
            return Err("a retry differs from the first try".into());
        }
        known.arrivals += 1;
        known.kept += u64::from(received.kept);
        if known.kept > 1 {
            let (at, by) = (known.last_at, &known.last_helo);
            return Err(format!("kept twice: at {at} from {by}, at {} from {}", received.at, received.helo));
        }
        if known.arrivals > 1 {
            self.counters.count("retries");
        }
        (known.last_at, known.last_helo) = (received.at, received.helo.into());
        if fenced {
            self.counters.count("arrivals from a fenced poster");
            self.from_fenced.insert(copy);
        }
        let what = match (kind, received.kept) {
            (DepartureKind::Edition, true) => "editions kept",
            (DepartureKind::Letter, true) => "letters kept",
            (_, false) => "messages not kept",
        };
        self.counters.count(what);
        Ok(())
    }

    /// Holds what the store shows of a person against what they were told.
    pub(crate) fn check_person(&mut self, place: usize, kept: Standing, reader: Option<ReaderId>, inbox_empty: bool) {
        let person = &mut self.people[place];
        if let (Some(reader), Some(known)) = (reader, person.reader)
            && reader != known
        {
            let what = format!("{} is reader {reader} in the store and got copies of {known}", person.address);
            return self.broken(what);
        }
        person.reader = reader.or(person.reader);
        if let Err(why) = person.belief.check(kept, inbox_empty) {
            let what = format!("{}: {why}", person.address);
            self.broken(what);
        }
    }

    /// Holds a departure against its own past: its audience is frozen, its sum is never short, what has ended has ended,
    /// and doubt is never erased.
    pub(crate) fn check_departure(&mut self, id: DepartureId, now: Seen) {
        if let Err(why) = self.advanced(id, &now) {
            return self.broken(format!("departure {id}: {why}"));
        }
        self.departures.insert(id, now);
    }

    fn advanced(&self, id: DepartureId, now: &Seen) -> Result<(), String> {
        let lines = i64::try_from(now.lines.len()).expect("a short list");
        if now.sums.total() != now.audience || lines != now.audience {
            let (sum, audience) = (now.sums.total(), now.audience);
            return Err(format!("its states sum to {sum}, it has {lines} lines, its audience is {audience}"));
        }
        let uncertain = now.lines.iter().filter(|l| l.state == DeliveryState::Uncertain);
        let doubted = now.doubted();
        if let Some(line) = uncertain.into_iter().find(|line| !doubted.contains(&line.reader)) {
            return Err(format!("reader {} is uncertain and not listed in doubt", line.reader));
        }
        let Some(before) = self.departures.get(&id) else { return Ok(()) };
        if before.audience != now.audience {
            return Err(format!("its audience was {} and is {}", before.audience, now.audience));
        }
        if !before.doubted().is_subset(&doubted) {
            return Err("a doubt was erased".into());
        }
        let pairs = before.lines.iter().zip(&now.lines);
        for (was, is) in pairs {
            if (was.key, was.reader) != (is.key, is.reader) {
                return Err(format!("{:?} was {:?}", is.key, was.key));
            }
            if was.state.terminal() && was.state != is.state {
                return Err(format!("reader {} was {:?} and is {:?}", is.reader, was.state, is.state));
            }
        }
        Ok(())
    }

    /// Everyone who stood certainly active before a cut and at its end must be in it; nobody who certainly did not may be.
    pub(crate) fn check_cut(
        &mut self,
        id: DepartureId,
        before: &[(u64, Option<Standing>)],
        readers: &BTreeMap<ReaderId, usize>,
    ) {
        let Some(seen) = self.departures.get(&id) else { return };
        let taken: BTreeSet<usize> = seen.lines.iter().filter_map(|l| readers.get(&l.reader).copied()).collect();
        let mut faults = Vec::new();
        if taken.len() != seen.lines.len() {
            faults.push(format!("departure {id} holds a reader who is nobody"));
        }
        for (place, (version, standing)) in before.iter().enumerate() {
            let person = &self.people[place];
            let quiet = person.belief.version() == *version;
            let Some(standing) = standing.filter(|s| quiet && person.belief.certain() == Some(*s)) else { continue };
            if (standing == Standing::Active) != taken.contains(&place) {
                let verb = if taken.contains(&place) { "is" } else { "is not" };
                faults.push(format!("{} is {standing:?} and {verb} in departure {id}", person.address));
            }
        }
        faults.into_iter().for_each(|fault| self.broken(fault));
    }

    /// Whether a copy that was seen in the ledger is still on its way.
    pub(crate) fn moves(&self) -> bool {
        self.departures.values().flat_map(|seen| &seen.lines).any(|line| !line.state.terminal())
    }

    /// What everyone's standing is before a cut.
    pub(crate) fn standings(&self) -> Vec<(u64, Option<Standing>)> {
        self.people.iter().map(|p| (p.belief.version(), p.belief.certain())).collect()
    }

    /// P3: a poster that ends leaves no more in doubt than it had connections open.
    fn check_restarts(&mut self) {
        let mut groups: BTreeMap<Ms, u64> = BTreeMap::new();
        let doubts = self.departures.values().flat_map(|seen| &seen.doubts);
        doubts.filter(|d| d.cause == ENDED).for_each(|d| *groups.entry(d.since).or_default() += 1);
        for (since, count) in groups {
            let crash = self.restarts.iter().rfind(|r| (r.from..r.to).contains(&since));
            let most = crash.map_or(self.connections, |r| r.open.min(self.connections));
            self.counters.add("left in doubt by a crash", count);
            if count > most {
                self.broken(format!("P3: {count} copies in doubt since {since}, with {most} connections open"));
            }
        }
    }

    /// Everyone whose sign-up was acknowledged is a reader and was written to.
    fn check_letters(&mut self) {
        let written: BTreeSet<ReaderId> = self.tried.iter().map(|(_, reader)| *reader).collect();
        let missed = |p: &&Person| p.belief.is_wished() && !p.reader.is_some_and(|r| written.contains(&r));
        let missed: Vec<String> = self.people.iter().filter(missed).map(|p| p.address.clone()).collect();
        if !missed.is_empty() {
            self.broken(format!("signed up and never written to: {missed:?}"));
        }
    }

    /// P2 and P3 at the end of the run: nobody missed, nobody twice, everyone accounted for.
    pub(crate) fn settle(&mut self) {
        self.check_restarts();
        self.check_letters();
        let mut lines: BTreeMap<CopyId, DeliveryState> = BTreeMap::new();
        let mut doubted: BTreeSet<CopyId> = BTreeSet::new();
        let mut faults = Vec::new();
        for (id, seen) in &self.departures {
            doubted.extend(seen.doubts.iter().map(|d| (*id, d.reader)));
            for line in &seen.lines {
                if !line.state.terminal() {
                    faults.push(format!("{:?} is still {:?} at the end", line.key, line.state));
                }
                if lines.insert((*id, line.reader), line.state).is_some() {
                    faults.push(format!("reader {} stands twice in departure {id}", line.reader));
                }
            }
        }
        for (copy, state) in &lines {
            self.counters.count(state_name(*state));
            let kept = self.copies.get(copy).map_or(0, |c| c.kept);
            let fits = match state {
                DeliveryState::Accepted => kept == 1,
                _ if doubted.contains(copy) => kept <= 1,
                _ => kept == 0,
            };
            if !fits {
                faults.push(format!("departure {}, reader {}: {state:?}, kept {kept} times", copy.0, copy.1));
            }
        }
        faults.extend(self.copies.keys().filter(|c| !lines.contains_key(c)).map(|c| format!("{c:?} is in no ledger")));
        let unlisted = self.from_fenced.iter().filter(|copy| !doubted.contains(copy));
        faults.extend(unlisted.map(|copy| format!("{copy:?} came from a fenced poster and is not listed in doubt")));
        let twice_in_doubt = doubted.iter().filter(|c| self.copies.get(c).is_some_and(|c| c.kept > 1)).count();
        self.counters.add("twice, listed in doubt", twice_in_doubt as u64);
        faults.into_iter().for_each(|fault| self.broken(fault));
    }
}

/// The simulated editor publishes its stories in the order of their numbers, from 0.
fn rank_of(story: &str) -> Option<i64> {
    story.strip_prefix("story-")?.parse::<i64>().ok().map(|number| number + 1)
}

fn state_name(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Queued => "queued",
        DeliveryState::Leased => "leased",
        DeliveryState::InFlight => "in flight",
        DeliveryState::Accepted => "accepted",
        DeliveryState::Deferred => "deferred",
        DeliveryState::Refused => "refused",
        DeliveryState::Uncertain => "uncertain",
        DeliveryState::Excluded => "excluded",
        DeliveryState::Expired => "expired",
    }
}
