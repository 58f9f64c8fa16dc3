//! Where a one-time link leads: the first member into an empty newsroom, an invited one to their password.
//!
//! Opening the link changes nothing (scanners open every link); the form on its page does, once.

use std::sync::Arc;

use axum::http::StatusCode;
use newsroom::{Address, Member, MemberId, Problem, Role, member_name};
use serde::Serialize;
use store::Write;
use store::members::{self, Act, Invited};

use crate::budget::Whose;
use crate::door::{Done, Frame, Hall, Visit, see_other};
use crate::password;
use crate::problem::Trouble;
use crate::rooms::sign_in;
use crate::table::{ANYONE, Route, get, post};
use crate::token::{self, Kind};

pub(crate) const ROUTES: &[Route] =
    &[get!("/welcome/{link}", ANYONE, welcome_page), post!("/welcome/{link}", ANYONE, welcome)];

#[derive(Serialize)]
struct WelcomeView {
    /// `found`, `join` or `enter`.
    kind: &'static str,
    /// The member whose link it is.
    who: String,
    name: String,
    address: String,
    chars_min: usize,
    fault: String,
}

/// A link that holds: its hash, what it does, whose it is.
struct Held {
    hash: Vec<u8>,
    what: Invited,
    member: Option<Member>,
}

async fn held(hall: &Hall, visit: &Visit) -> Result<Held, Trouble> {
    let link: String = visit.place("link")?;
    if !token::well_formed(&link) {
        return Err(gone());
    }
    let (hash, now) = (token::hash(Kind::Link, &link), visit.now);
    let looked = hash.clone();
    let read = hall.desk.store.read(move |tx| {
        let Some(what) = members::invited(tx, &looked, now)? else { return Ok(None) };
        let member = match crate::links::member_of(what) {
            Some(id) => members::by_id(tx, id)?.map(|known| known.member),
            None => None,
        };
        Ok(Some((what, member)))
    });
    let (what, member) = read.await?.ok_or_else(gone)?;
    Ok(Held { hash, what, member })
}

fn gone() -> Trouble {
    Trouble::Said(
        StatusCode::GONE,
        Problem::new(
            "This link holds no longer.",
            "Nothing was changed. A link works once, and for three days.",
            "Ask an admin of the outlet for a new one, or make one on the server with `coranto member invite`.",
        ),
    )
}

async fn welcome_page(hall: Arc<Hall>, visit: Visit) -> Done {
    let held = held(&hall, &visit).await?;
    show(&hall, &visit, StatusCode::OK, &held, "")
}

fn show(hall: &Hall, visit: &Visit, status: StatusCode, held: &Held, fault: &str) -> Done {
    let (kind, title) = match held.what {
        Invited::Found => ("found", "Welcome to your newsroom"),
        Invited::Join(_) => ("join", "Welcome"),
        Invited::Enter(_) => ("enter", "Welcome"),
    };
    let view = WelcomeView {
        kind,
        who: held.member.as_ref().map(|member| member.name.clone()).unwrap_or_default(),
        name: visit.sent.fields.one("name").to_owned(),
        address: visit.sent.fields.one("address").to_owned(),
        chars_min: password::CHARS_MIN,
        fault: fault.to_owned(),
    };
    hall.pages.show_as(status, &Frame::of(visit), "", "welcome.html", title, &view)
}

async fn welcome(hall: Arc<Hall>, visit: Visit) -> Done {
    let held = held(&hall, &visit).await?;
    if !hall.budget.take(&[Whose::Everyones, Whose::Network(visit.visitor.map(front::Network::of))], visit.now) {
        return show(
            &hall,
            &visit,
            StatusCode::TOO_MANY_REQUESTS,
            &held,
            "Too many tries. Wait a minute, then try again.",
        );
    }
    match held.what {
        Invited::Enter(member) => come_in(&hall, visit, held.hash, member, None, "signed in by a link").await,
        Invited::Join(member) => {
            let named = held.member.as_ref().map(|m| [m.name.clone(), m.address.expose().to_owned()]);
            let [name, address] = named.unwrap_or_default();
            match sign_in::fresh_password(&hall, &visit.sent.fields, &[&name, &address, &visit.outlet.name]).await {
                Ok(hash) => come_in(&hall, visit, held.hash, member, Some(hash), "set their password").await,
                Err(fault) => show(&hall, &visit, Trouble::UNFIT, &held, &fault),
            }
        }
        Invited::Found => found(&hall, visit, held).await,
    }
}

/// The link's member is in, with the password they set, if one was asked for.
async fn come_in(
    hall: &Hall,
    mut visit: Visit,
    link: Vec<u8>,
    member: MemberId,
    password: Option<String>,
    how: &'static str,
) -> Done {
    let (now, act) = (visit.now, Act { member: Some(member), ..hall.act(&visit, how, "") });
    let done = hall.desk.store.write(move |tx: &Write<'_>| {
        let holds = members::use_up(tx, &link, now)?;
        if let Some(password) = password.filter(|_| holds) {
            members::set_password(tx, member, &password)?;
        }
        if holds {
            members::note(tx, &act)?;
        }
        Ok(holds)
    });
    if !done.await? {
        return Err(gone());
    }
    let entered = sign_in::enter(hall, &mut visit, member, "signed in").await?;
    Ok(entered.onto(see_other("/")))
}

/// The first member: an admin, since there is nobody else who could make one.
async fn found(hall: &Hall, mut visit: Visit, held: Held) -> Done {
    let form = visit.sent.fields.clone();
    let (name, address) = match (member_name(form.one("name")), Address::parse(form.one("address"))) {
        (Some(name), Ok(address)) => (name, address),
        (None, _) => return show(hall, &visit, Trouble::UNFIT, &held, "Type your name, as colleagues write it."),
        (_, Err(fault)) => {
            return show(hall, &visit, Trouble::UNFIT, &held, &format!("This is no mail address: {fault}."));
        }
    };
    let names = [name.as_str(), address.expose(), &visit.outlet.name];
    let password = match sign_in::fresh_password(hall, &form, &names).await {
        Ok(password) => password,
        Err(fault) => return show(hall, &visit, Trouble::UNFIT, &held, &fault),
    };
    let id = MemberId(hall.desk.world.mint());
    let member = Member { id, name, address, role: Role::Admin, active: true, made: visit.now };
    let (now, act) = (visit.now, Act { member: Some(id), ..hall.act(&visit, "founded the desk", "") });
    let link = held.hash.clone();
    let made = hall.desk.store.write(move |tx: &Write<'_>| {
        // Somebody else may have been faster: then the desk is theirs, and the link holds no longer.
        if members::founded(tx)? || !members::use_up(tx, &link, now)? {
            return Ok(None);
        }
        let added = members::add(tx, &member)?;
        if added {
            members::set_password(tx, id, &password)?;
            members::note(tx, &act)?;
        } else {
            members::invite(tx, &link, Invited::Found, now + crate::INVITATION_MS)?;
        }
        Ok(Some(added))
    });
    match made.await? {
        None => Err(gone()),
        Some(false) => {
            let fault = "There is a member of this name or address already. Take another, or use their own link.";
            show(hall, &visit, Trouble::UNFIT, &held, fault)
        }
        Some(true) => Ok(sign_in::enter(hall, &mut visit, id, "signed in").await?.onto(see_other("/"))),
    }
}
