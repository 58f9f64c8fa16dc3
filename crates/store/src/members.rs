//! Members of the desk: who they are, their one-time links, who is signed in, and what each did.
//!
//! Passwords come in as their hash and links and sessions as the hash of their token: nothing that is kept here lets
//! anyone in.

use newsroom::{Address, Member, MemberId, Ms, Role, name_key};

use crate::engine::Row;
use crate::{Read, Result, Write, args, sql};

/// Browsers remembered for one member; beyond it the oldest is forgotten, and only its own budget with it.
const DEVICES_MAX: i64 = 20;

macro_rules! member_columns {
    ($rest:literal) => {
        concat!("SELECT m.id, m.name, m.address, m.role, m.active, m.made, m.password ", $rest)
    };
}

const LIST: &str = member_columns!("FROM member AS m ORDER BY m.id");
const BY_ID: &str = member_columns!("FROM member AS m WHERE m.id = $1");
const BY_NAME: &str = member_columns!("FROM member AS m WHERE m.name_key = $1");
const BY_ADDRESS: &str = member_columns!("FROM member AS m WHERE m.address = $1");
const ADD: &str = sql!(
    "INSERT INTO member (id, name, name_key, address, role, active, made) VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT DO NOTHING"
);
const SET_ROLE: &str = sql!("UPDATE member SET role = $2 WHERE id = $1");
const SET_ACTIVE: &str = sql!("UPDATE member SET active = $2 WHERE id = $1");
const SET_PASSWORD: &str = sql!("UPDATE member SET password = $2 WHERE id = $1");
const ADMINS: &str = sql!("SELECT count(*) FROM member WHERE role = 2 AND active = 1 AND id <> $1");
const FOUNDED: &str = sql!("SELECT count(*) FROM member WHERE password IS NOT NULL");

fn member(row: &Row) -> Member {
    Member {
        id: MemberId(row.int(0)),
        name: row.text(1),
        address: Address::parse(&row.text(2)).expect("only parsed addresses are kept"),
        role: Role::from_raw(row.int(3)),
        active: row.int(4) == 1,
        made: row.int(5),
    }
}

/// A member, and the hash of their password once they have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Who.
    pub member: Member,
    /// Their password, hashed; in the PHC's string form.
    pub password: Option<String>,
}

fn known(row: &Row) -> Known {
    Known { member: member(row), password: row.text_or_none(6) }
}

/// Adds a member. `false` when the name or the address is another member's.
///
/// # Errors
/// [`crate::Error`].
pub fn add(tx: &Write, m: &Member) -> Result<bool> {
    let (key, address) = (name_key(&m.name), m.address.expose());
    Ok(tx.execute(ADD, args![m.id.0, &m.name, key, address, m.role as i64, m.active, m.made])? == 1)
}

/// Every member, the first one first.
///
/// # Errors
/// [`crate::Error`].
pub fn list(tx: &Read) -> Result<Vec<Known>> {
    Ok(tx.query(LIST, args![])?.iter().map(known).collect())
}

/// A member by their id.
///
/// # Errors
/// [`crate::Error`].
pub fn by_id(tx: &Read, id: MemberId) -> Result<Option<Known>> {
    Ok(tx.first(BY_ID, args![id.0])?.as_ref().map(known))
}

/// The member who signs in with `typed`: their address, or their name.
///
/// # Errors
/// [`crate::Error`].
pub fn by_typed(tx: &Read, typed: &str) -> Result<Option<Known>> {
    if let Ok(address) = Address::parse(typed) {
        return Ok(tx.first(BY_ADDRESS, args![address.expose()])?.as_ref().map(known));
    }
    Ok(tx.first(BY_NAME, args![name_key(typed)])?.as_ref().map(known))
}

/// Whether anybody has set a password yet: without one nobody can sign in.
///
/// # Errors
/// [`crate::Error`].
pub fn founded(tx: &Read) -> Result<bool> {
    Ok(tx.first(FOUNDED, args![])?.is_some_and(|row| row.int(0) > 0))
}

/// Whether there is another active admin than `member`: the last one stays.
///
/// # Errors
/// [`crate::Error`].
pub fn other_admin(tx: &Read, member: MemberId) -> Result<bool> {
    Ok(tx.first(ADMINS, args![member.0])?.is_some_and(|row| row.int(0) > 0))
}

/// Gives a member a role.
///
/// # Errors
/// [`crate::Error`].
pub fn set_role(tx: &Write, member: MemberId, role: Role) -> Result<()> {
    tx.execute(SET_ROLE, args![member.0, role as i64])?;
    Ok(())
}

/// Lets a member in, or keeps them out: then they are signed out at once and their links end.
///
/// # Errors
/// [`crate::Error`].
pub fn set_active(tx: &Write, member: MemberId, active: bool) -> Result<()> {
    tx.execute(SET_ACTIVE, args![member.0, active])?;
    if !active {
        end_sessions(tx, member)?;
        tx.execute(END_INVITATIONS, args![member.0])?;
        tx.execute(END_DEVICES, args![member.0])?;
    }
    Ok(())
}

/// Keeps a member's password, hashed. Whoever is signed in as them is signed out at once.
///
/// # Errors
/// [`crate::Error`].
pub fn set_password(tx: &Write, member: MemberId, hash: &str) -> Result<()> {
    tx.execute(SET_PASSWORD, args![member.0, hash])?;
    end_sessions(tx, member)
}

/// Keeps a password under newer costs; the same password, so that nobody is signed out.
///
/// # Errors
/// [`crate::Error`].
pub fn rehash(tx: &Write, member: MemberId, hash: &str) -> Result<()> {
    tx.execute(SET_PASSWORD, args![member.0, hash])?;
    Ok(())
}

/// What a one-time link does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invited {
    /// Whoever opens it becomes the first member.
    Found,
    /// Its member sets a password.
    Join(MemberId),
    /// Its member is signed in without one: the demo's.
    Enter(MemberId),
}

const INVITE: &str = sql!("INSERT INTO invitation (hash, kind, member, expires) VALUES ($1, $2, $3, $4)");
const INVITED: &str = sql!("SELECT kind, member FROM invitation WHERE hash = $1 AND expires > $2");
const USE: &str = sql!("DELETE FROM invitation WHERE hash = $1 AND expires > $2");
const END_INVITATIONS: &str = sql!("DELETE FROM invitation WHERE member = $1");
const END_FOUNDINGS: &str = sql!("DELETE FROM invitation WHERE kind = 1");
const SWEEP_INVITATIONS: &str = sql!("DELETE FROM invitation WHERE expires <= $1");

/// Keeps a one-time link by the hash of its token. Earlier links to the same end no longer hold.
///
/// # Errors
/// [`crate::Error`].
pub fn invite(tx: &Write, hash: &[u8], what: Invited, expires: Ms) -> Result<()> {
    let (kind, member): (i64, Option<i64>) = match what {
        Invited::Found => (1, None),
        Invited::Join(member) => (2, Some(member.0)),
        Invited::Enter(member) => (3, Some(member.0)),
    };
    match member {
        Some(member) => tx.execute(END_INVITATIONS, args![member])?,
        None => tx.execute(END_FOUNDINGS, args![])?,
    };
    tx.execute(INVITE, args![hash, kind, member, expires])?;
    Ok(())
}

/// What the link of this hash does, while it holds.
///
/// # Errors
/// [`crate::Error`].
pub fn invited(tx: &Read, hash: &[u8], now: Ms) -> Result<Option<Invited>> {
    Ok(tx.first(INVITED, args![hash, now])?.map(|row| {
        let member = || MemberId(row.int(1));
        match row.int(0) {
            1 => Invited::Found,
            2 => Invited::Join(member()),
            _ => Invited::Enter(member()),
        }
    }))
}

/// Uses a link up. `false` when it did not hold any more: then nothing may be done by it.
///
/// # Errors
/// [`crate::Error`].
pub fn use_up(tx: &Write, hash: &[u8], now: Ms) -> Result<bool> {
    Ok(tx.execute(USE, args![hash, now])? == 1)
}

/// Somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub member: Member,
    /// When they signed in.
    pub made: Ms,
    /// When they were last seen.
    pub seen: Ms,
}

const OPEN: &str = sql!("INSERT INTO session (hash, member, made, seen) VALUES ($1, $2, $3, $4)");
const SESSION: &str = member_columns!(
    ", s.made, s.seen
     FROM session AS s
     JOIN member AS m ON m.id = s.member
     WHERE s.hash = $1 AND m.active = 1"
);
const TOUCH: &str = sql!("UPDATE session SET seen = $2 WHERE hash = $1");
const END: &str = sql!("DELETE FROM session WHERE hash = $1");
const END_ALL: &str = sql!("DELETE FROM session WHERE member = $1");
const SWEEP: &str = sql!("DELETE FROM session WHERE made < $1 OR seen < $2");

/// Signs a member in, by the hash of what their browser will hold.
///
/// # Errors
/// [`crate::Error`].
pub fn open_session(tx: &Write, hash: &[u8], member: MemberId, now: Ms) -> Result<()> {
    tx.execute(OPEN, args![hash, member.0, now, now])?;
    Ok(())
}

/// Who is signed in under this hash, however long ago; only active members.
///
/// # Errors
/// [`crate::Error`].
pub fn session(tx: &Read, hash: &[u8]) -> Result<Option<Session>> {
    let row = tx.first(SESSION, args![hash])?;
    Ok(row.map(|row| Session { member: member(&row), made: row.int(7), seen: row.int(8) }))
}

/// Notes that they were seen.
///
/// # Errors
/// [`crate::Error`].
pub fn touch(tx: &Write, hash: &[u8], now: Ms) -> Result<()> {
    tx.execute(TOUCH, args![hash, now])?;
    Ok(())
}

/// Signs one browser out.
///
/// # Errors
/// [`crate::Error`].
pub fn end_session(tx: &Write, hash: &[u8]) -> Result<()> {
    tx.execute(END, args![hash])?;
    Ok(())
}

/// Signs a member out everywhere.
///
/// # Errors
/// [`crate::Error`].
pub fn end_sessions(tx: &Write, member: MemberId) -> Result<()> {
    tx.execute(END_ALL, args![member.0])?;
    Ok(())
}

/// Forgets sessions made or seen before these moments, and links that have run out.
///
/// # Errors
/// [`crate::Error`].
pub fn sweep(tx: &Write, made_before: Ms, seen_before: Ms, now: Ms) -> Result<()> {
    tx.execute(SWEEP, args![made_before, seen_before])?;
    tx.execute(SWEEP_INVITATIONS, args![now])?;
    Ok(())
}

const KEEP_DEVICE: &str = sql!("INSERT INTO device (hash, member, made) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING");
const DEVICE: &str = sql!("SELECT member FROM device WHERE hash = $1 AND member = $2");
const END_DEVICES: &str = sql!("DELETE FROM device WHERE member = $1");
const TRIM_DEVICES: &str = sql!(
    "DELETE FROM device
     WHERE member = $1 AND hash NOT IN (SELECT hash FROM device WHERE member = $1 ORDER BY made DESC, hash LIMIT $2)"
);

/// Remembers a browser that a member signed in from.
///
/// # Errors
/// [`crate::Error`].
pub fn keep_device(tx: &Write, hash: &[u8], member: MemberId, now: Ms) -> Result<()> {
    tx.execute(KEEP_DEVICE, args![hash, member.0, now])?;
    tx.execute(TRIM_DEVICES, args![member.0, DEVICES_MAX])?;
    Ok(())
}

/// Whether this member has signed in from this browser before.
///
/// # Errors
/// [`crate::Error`].
pub fn knows_device(tx: &Read, hash: &[u8], member: MemberId) -> Result<bool> {
    Ok(tx.first(DEVICE, args![hash, member.0])?.is_some())
}

/// One act of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Its id.
    pub id: i64,
    /// When.
    pub at: Ms,
    /// Who; `None`: somebody who was not signed in.
    pub member: Option<MemberId>,
    /// What was done: a verb and its object, from the code.
    pub act: String,
    /// To what: an id, a name, never a reader's address.
    pub subject: String,
}

const NOTE: &str = sql!("INSERT INTO audit (id, at, member, act, subject) VALUES ($1, $2, $3, $4, $5)");
const ACTS: &str = sql!("SELECT id, at, member, act, subject FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2");

/// Writes an act down.
///
/// # Errors
/// [`crate::Error`].
pub fn note(tx: &Write, act: &Act) -> Result<()> {
    tx.execute(NOTE, args![act.id, act.at, act.member.map(|m| m.0), &act.act, &act.subject])?;
    Ok(())
}

/// What was done, the latest first: pages by key, start with `i64::MAX`.
///
/// # Errors
/// [`crate::Error`].
pub fn acts(tx: &Read, below: i64, limit: i64) -> Result<Vec<Act>> {
    let act = |row: &Row| Act {
        id: row.int(0),
        at: row.int(1),
        member: row.int_or_none(2).map(MemberId),
        act: row.text(3),
        subject: row.text(4),
    };
    Ok(tx.query(ACTS, args![below, limit])?.iter().map(act).collect())
}
