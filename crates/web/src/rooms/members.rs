//! Members: who works here, who may do what, invitations, and what each did.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::StatusCode;
use newsroom::{Address, Member, MemberId, Problem, Role, member_name};
use serde::Serialize;
use store::Write;
use store::members::{self, Invited};

use crate::door::{Done, Frame, Hall, Visit, see_other};
use crate::links::{INVITATION_MS, Link};
use crate::problem::Trouble;
use crate::rooms::moment;
use crate::table::{ADMIN, EDITOR, Route, get, post};

pub(crate) const ROUTES: &[Route] = &[
    get!("/members", EDITOR, list),
    post!("/members", ADMIN, add),
    post!("/members/{member}/invite", ADMIN, invite),
    post!("/members/{member}/role", ADMIN, set_role),
    post!("/members/{member}/out", ADMIN, let_go),
    post!("/members/{member}/in", ADMIN, let_in),
    get!("/members/acts", ADMIN, acts),
];

/// Acts on one page.
const ACTS: i64 = 100;

#[derive(Serialize)]
struct MembersView {
    members: Vec<MemberView>,
    name: String,
    address: String,
    role: String,
    fault: String,
}

#[derive(Serialize)]
struct MemberView {
    id: String,
    name: String,
    address: String,
    role: &'static str,
    active: bool,
    waits: bool,
    since: String,
    own: bool,
}

async fn list(hall: Arc<Hall>, visit: Visit) -> Done {
    show(&hall, &visit, StatusCode::OK, "").await
}

async fn show(hall: &Hall, visit: &Visit, status: StatusCode, fault: &str) -> Done {
    let known = hall.desk.store.read(members::list).await?;
    let member = |known: members::Known| MemberView {
        id: known.member.id.to_string(),
        own: known.member.id == visit.member().id,
        role: known.member.role.word(),
        active: known.member.active,
        waits: known.password.is_none(),
        since: moment::minute(known.member.made, &visit.outlet.zone),
        address: known.member.address.expose().to_owned(),
        name: known.member.name,
    };
    let form = &visit.sent.fields;
    let view = MembersView {
        members: known.into_iter().map(member).collect(),
        name: form.one("name").to_owned(),
        address: form.one("address").to_owned(),
        role: form.one("role").to_owned(),
        fault: fault.to_owned(),
    };
    hall.pages.show_as(status, &Frame::of(visit), "/members", "members.html", "Members", &view)
}

async fn add(hall: Arc<Hall>, visit: Visit) -> Done {
    let form = &visit.sent.fields;
    let parsed = (member_name(form.one("name")), Address::parse(form.one("address")), Role::of_word(form.one("role")));
    let (name, address, role) = match parsed {
        (Some(name), Ok(address), Some(role)) => (name, address, role),
        (None, _, _) => return show(&hall, &visit, Trouble::UNFIT, "Type the member's name.").await,
        (_, Err(fault), _) => {
            return show(&hall, &visit, Trouble::UNFIT, &format!("This is no mail address: {fault}.")).await;
        }
        (_, _, None) => return show(&hall, &visit, Trouble::UNFIT, "Choose what the member may do.").await,
    };
    let id = MemberId(hall.desk.world.mint());
    let member = Member { id, name: name.clone(), address, role, active: true, made: visit.now };
    let (link, hash) = fresh_link(&hall, &visit);
    let (act, expires) = (hall.act(&visit, "added a member", &name), visit.now + INVITATION_MS);
    let added = hall.desk.store.write(move |tx: &Write<'_>| {
        let added = members::add(tx, &member)?;
        if added {
            members::invite(tx, &hash, Invited::Join(id), expires)?;
            members::note(tx, &act)?;
        }
        Ok(added)
    });
    if !added.await? {
        return show(&hall, &visit, Trouble::UNFIT, "There is a member of this name or address already.").await;
    }
    show_link(&hall, &visit, &name, &link)
}

/// The link goes to the address that the admin is reached at: it is theirs to hand on.
fn fresh_link(hall: &Hall, visit: &Visit) -> (Link, Vec<u8>) {
    let set = visit.kept.get(crate::ADDRESS_SETTING).map_or("", String::as_str);
    Link::fresh(&hall.desk.world, &crate::address(set, hall.desk.listen))
}

#[derive(Serialize)]
struct LinkView<'a> {
    name: &'a str,
    link: &'a str,
    until: String,
}

fn show_link(hall: &Hall, visit: &Visit, name: &str, link: &Link) -> Done {
    let until = moment::minute(visit.now + INVITATION_MS, &visit.outlet.zone);
    let view = LinkView { name, link: link.show(), until };
    hall.pages.show(&Frame::of(visit), "/members", "link.html", "Their link", &view)
}

async fn named(hall: &Hall, visit: &Visit) -> Result<Member, Trouble> {
    let id: MemberId = visit.place("member")?;
    let known = hall.desk.store.read(move |tx| members::by_id(tx, id)).await?;
    known.map(|known| known.member).ok_or_else(Trouble::not_found)
}

async fn invite(hall: Arc<Hall>, visit: Visit) -> Done {
    let member = named(&hall, &visit).await?;
    if !member.active {
        return Err(Trouble::refused(Problem::new(
            format!("{} cannot sign in.", member.name),
            "No link was made.",
            "Let them in again first.",
        )));
    }
    let (link, hash) = fresh_link(&hall, &visit);
    let (act, expires) = (hall.act(&visit, "made a link for a member", &member.name), visit.now + INVITATION_MS);
    let made = hall.desk.store.write(move |tx: &Write<'_>| {
        members::invite(tx, &hash, Invited::Join(member.id), expires)?;
        members::note(tx, &act)
    });
    made.await?;
    show_link(&hall, &visit, &member.name, &link)
}

fn last_admin() -> Trouble {
    Trouble::refused(Problem::new(
        "This is the outlet's last admin.",
        "Nothing was changed: without one nobody could change the settings or let anyone in.",
        "Make another member an admin first.",
    ))
}

/// Changes a member unless they are the last admin; gives whether it was done.
async fn change(
    hall: &Hall,
    visit: &Visit,
    member: Member,
    act: &str,
    change: impl FnOnce(&Write<'_>) -> store::Result<()> + Send + 'static,
) -> Result<(), Trouble> {
    let act = hall.act(visit, act, &member.name);
    let done = hall.desk.store.write(move |tx: &Write<'_>| {
        if member.role == Role::Admin && member.active && !members::other_admin(tx, member.id)? {
            return Ok(false);
        }
        change(tx)?;
        members::note(tx, &act)?;
        Ok(true)
    });
    if done.await? { Ok(()) } else { Err(last_admin()) }
}

async fn set_role(hall: Arc<Hall>, visit: Visit) -> Done {
    let member = named(&hall, &visit).await?;
    let Some(role) = Role::of_word(visit.sent.fields.one("role")) else {
        return show(&hall, &visit, Trouble::UNFIT, "Choose what the member may do.").await;
    };
    let (id, act) = (member.id, format!("made a member {}", role.word()));
    if member.role != role {
        change(&hall, &visit, member, &act, move |tx| members::set_role(tx, id, role)).await?;
    }
    Ok(see_other("/members?told=role"))
}

async fn let_go(hall: Arc<Hall>, visit: Visit) -> Done {
    let member = named(&hall, &visit).await?;
    let id = member.id;
    change(&hall, &visit, member, "shut a member out", move |tx| members::set_active(tx, id, false)).await?;
    Ok(see_other("/members?told=out"))
}

async fn let_in(hall: Arc<Hall>, visit: Visit) -> Done {
    let member = named(&hall, &visit).await?;
    let (id, act) = (member.id, hall.act(&visit, "let a member in", &member.name));
    let done = hall.desk.store.write(move |tx: &Write<'_>| {
        members::set_active(tx, id, true)?;
        members::note(tx, &act)
    });
    done.await?;
    Ok(see_other("/members?told=in"))
}

#[derive(Serialize)]
struct ActsView {
    acts: Vec<ActView>,
    older: Option<String>,
}

#[derive(Serialize)]
struct ActView {
    at: String,
    who: String,
    act: String,
    subject: String,
}

async fn acts(hall: Arc<Hall>, visit: Visit) -> Done {
    let below = visit.query.one("before").parse().unwrap_or(i64::MAX);
    let read = hall.desk.store.read(move |tx| Ok((members::acts(tx, below, ACTS)?, members::list(tx)?)));
    let (acts, known) = read.await?;
    let names: BTreeMap<MemberId, String> = known.into_iter().map(|k| (k.member.id, k.member.name)).collect();
    let older = acts.last().filter(|_| acts.len() as i64 == ACTS).map(|last| last.id.to_string());
    let act = |act: members::Act| ActView {
        at: moment::minute(act.at, &visit.outlet.zone),
        who: act.member.and_then(|id| names.get(&id).cloned()).unwrap_or_else(|| "Somebody not signed in".to_owned()),
        act: act.act,
        subject: act.subject,
    };
    let view = ActsView { acts: acts.into_iter().map(act).collect(), older };
    hall.pages.show(&Frame::of(&visit), "/members", "acts.html", "Who did what", &view)
}
