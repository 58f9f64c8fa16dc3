//! Sessions: who a browser is signed in as, and for how long.
//!
//! A browser holds 256 random bits in a cookie that no script can read; the store keeps their hash. A session ends after
//! twelve hours without a sign of life, after fourteen days in any case (ASVS V7.3), and at once when its member signs out,
//! changes their password, or is let go.

use axum::http::{HeaderMap, HeaderValue, header};
use newsroom::{DAY_MS, HOUR_MS, MINUTE_MS, Member, MemberId, Ms};
use store::{Read, Write, members};
use zeroize::Zeroizing;

use crate::token::{self, Kind};

/// Without a sign of life for this long, a session is over: a working day and the way home.
pub(crate) const IDLE_MS: Ms = 12 * HOUR_MS;
/// After this long it is over in any case.
pub(crate) const WHOLE_MS: Ms = 14 * DAY_MS;
/// How often a sign of life is written down: finer would be a write for each page.
const TOUCH_MS: Ms = 5 * MINUTE_MS;
/// How long a browser is remembered as one that its member signs in from.
const DEVICE_MS: Ms = 180 * DAY_MS;

/// A session that holds.
#[derive(Clone)]
pub(crate) struct Signed {
    /// Who.
    pub(crate) member: Member,
    /// What their browser holds.
    pub(crate) token: Zeroizing<String>,
    /// What the store keeps of it.
    pub(crate) hash: Vec<u8>,
    /// Whether it is time to write down that they were seen.
    pub(crate) touch: bool,
}

/// The names of the two cookies, by how the desk is reached. Over https the name itself keeps other hosts and plain http
/// from setting them (RFC 6265bis §4.1.3.2).
fn names(secure: bool) -> (&'static str, &'static str) {
    if secure { ("__Host-coranto", "__Host-coranto-known") } else { ("coranto-desk", "coranto-known") }
}

/// The token in a cookie, when there is one that could be.
fn held(headers: &HeaderMap, name: &str) -> Option<Zeroizing<String>> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let value = pairs.find(|(known, _)| *known == name)?.1;
    token::well_formed(value).then(|| Zeroizing::new(value.to_owned()))
}

/// The session token that a browser sent.
pub(crate) fn sent(headers: &HeaderMap, secure: bool) -> Option<Zeroizing<String>> {
    held(headers, names(secure).0)
}

/// Whether the browser runs our script: the script says so. It decides nothing but whether a page loads itself anew.
pub(crate) fn runs_script(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).any(|pair| pair.trim() == "coranto-script=on")
}

/// The token of a known browser that it sent.
pub(crate) fn sent_device(headers: &HeaderMap, secure: bool) -> Option<Zeroizing<String>> {
    held(headers, names(secure).1)
}

/// Who is signed in with this token, while it holds.
pub(crate) fn look(tx: &Read, sent: Zeroizing<String>, now: Ms) -> store::Result<Option<Signed>> {
    let hash = token::hash(Kind::Session, &sent);
    let found = members::session(tx, &hash)?;
    let holds = |s: &members::Session| now - s.seen < IDLE_MS && now - s.made < WHOLE_MS;
    Ok(found.filter(holds).map(|s| Signed { touch: now - s.seen >= TOUCH_MS, member: s.member, token: sent, hash }))
}

/// Signs a member in under a fresh token; what is over is swept out.
pub(crate) fn open(tx: &Write, fresh: &str, member: MemberId, now: Ms) -> store::Result<()> {
    members::sweep(tx, now - WHOLE_MS, now - IDLE_MS, now)?;
    members::open_session(tx, &token::hash(Kind::Session, fresh), member, now)
}

/// The cookie that gives a browser its session.
pub(crate) fn cookie(token: &str, secure: bool) -> HeaderValue {
    written(names(secure).0, token, WHOLE_MS, secure)
}

/// The cookie that takes it away.
pub(crate) fn no_cookie(secure: bool) -> HeaderValue {
    written(names(secure).0, "", 0, secure)
}

/// The cookie by which a browser is known the next time.
pub(crate) fn device_cookie(token: &str, secure: bool) -> HeaderValue {
    written(names(secure).1, token, DEVICE_MS, secure)
}

/// `Lax`: a member who follows a link in a reminder arrives signed in. What changes something is guarded by more.
fn written(name: &str, value: &str, lives: Ms, secure: bool) -> HeaderValue {
    let (age, secure) = (lives / 1_000, if secure { "; Secure" } else { "" });
    let text = format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).expect("our own names, a number and a token of base64url")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sending(cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(cookie).unwrap())])
    }

    #[test]
    fn the_cookie_of_https_is_bound_to_its_host() {
        let token = "t".repeat(token::TOKEN_CHARS);
        let secure = cookie(&token, true);
        assert_eq!(
            secure.to_str().unwrap(),
            format!("__Host-coranto={token}; Path=/; Max-Age=1209600; HttpOnly; SameSite=Lax; Secure")
        );
        assert!(!cookie(&token, false).to_str().unwrap().contains("Secure"));
        let both = sending(&format!("a=b; coranto-desk={token}; __Host-coranto=short"));
        assert_eq!(sent(&both, false).as_deref().map(String::as_str), Some(token.as_str()));
        assert!(sent(&both, true).is_none(), "the cookie of plain http is none over https");
    }
}
