//! `coranto member`: who works at the desk, and the one-time links that let them in.

use newsroom::{Address, Member, MemberId, Problem, Role, member_name};
use serde_json::json;
use store::Write;
use store::members::{self, Act, Known};

use super::house;
use crate::answer::Answer;
use crate::cli;
use crate::house::{House, store_problem};
use crate::newsdesk;

pub async fn run(of: cli::Member) -> Result<Answer, Problem> {
    match of {
        cli::Member::Add { name, address, admin, common } => add(&house(&common).await?, &name, &address, admin).await,
        cli::Member::Invite { member, common } => invite(&house(&common).await?, &member).await,
        cli::Member::List(of) => list(&house(&of.common).await?).await,
    }
}

fn refused(what: String, act: &str) -> Problem {
    Problem::new(what, "Nothing was changed.", act)
}

async fn add(house: &House, name: &str, address: &str, admin: bool) -> Result<Answer, Problem> {
    let name = member_name(name).ok_or_else(|| {
        refused(format!("{name:?} is no member's name."), "Give up to 80 characters, without line ends or @.")
    })?;
    let address = Address::parse(address)
        .map_err(|fault| refused(format!("That is no mail address: {fault}."), "Write it as name@example.org."))?;
    let id = MemberId(house.world.mint());
    let mut member = Member { id, name, address, role: Role::Editor, active: true, made: house.world.now() };
    let act = act(house, "added a member at the terminal", &member.name);
    let named = member.name.clone();
    let added = house.store.write(move |tx: &Write<'_>| {
        // Somebody must be able to let the others in.
        if admin || members::list(tx)?.is_empty() {
            member.role = Role::Admin;
        }
        let added = members::add(tx, &member)?;
        if added {
            members::note(tx, &act)?;
        }
        Ok(added.then_some(member.role))
    });
    let Some(role) = added.await.map_err(|fault| store_problem(&fault))? else {
        return Err(refused(
            format!("There is a member called {named:?}, or one of this address, already."),
            "`coranto member list` shows them; `coranto member invite` makes a new link.",
        ));
    };
    told(house, id, &named, role).await
}

async fn told(house: &House, id: MemberId, name: &str, role: Role) -> Result<Answer, Problem> {
    let link = newsdesk::link(house, id).await?;
    let text = format!(
        "{name} is {}. This link lets them choose a password. It works once, for three days, while `coranto run` is up:\n{}",
        if role == Role::Admin { "an admin" } else { "an editor" },
        link.show()
    );
    Ok(Answer::new(json!({"member": id.to_string(), "role": role.word(), "link": link.show()}), text))
}

fn act(house: &House, act: &str, subject: &str) -> Act {
    let (id, at) = (house.world.mint(), house.world.now());
    Act { id, at, member: None, act: act.to_owned(), subject: subject.to_owned() }
}

async fn invite(house: &House, typed: &str) -> Result<Answer, Problem> {
    let asked = typed.to_owned();
    let known =
        house.store.read(move |tx| members::by_typed(tx, &asked)).await.map_err(|fault| store_problem(&fault))?;
    let Some(Known { member, .. }) = known.filter(|known| known.member.active) else {
        return Err(refused(
            format!("There is no member {typed:?} who may sign in."),
            "`coranto member list` shows the members with their names and addresses.",
        ));
    };
    let act = act(house, "made a link for a member at the terminal", &member.name);
    let noted = house.store.write(move |tx: &Write<'_>| members::note(tx, &act)).await;
    noted.map_err(|fault| store_problem(&fault))?;
    told(house, member.id, &member.name, member.role).await
}

async fn list(house: &House) -> Result<Answer, Problem> {
    let known = house.store.read(members::list).await.map_err(|fault| store_problem(&fault))?;
    let standing = |k: &Known| match (k.member.active, &k.password) {
        (false, _) => "shut out",
        (true, None) => "has no password yet",
        (true, Some(_)) => "may sign in",
    };
    let row = |k: &Known| {
        let m = &k.member;
        json!({"id": m.id.to_string(), "name": m.name, "address": m.address.expose(), "role": m.role.word(),
            "standing": standing(k)})
    };
    let line = |k: &Known| {
        let m = &k.member;
        format!("{}  {}  {}, {}", m.name, m.address.expose(), m.role.word(), standing(k))
    };
    let lines: Vec<String> = known.iter().map(line).collect();
    let told = if lines.is_empty() {
        "No members yet: `coranto member add NAME --address A`.".into()
    } else {
        lines.join("\n")
    };
    Ok(Answer::new(json!({"members": known.iter().map(row).collect::<Vec<_>>()}), told))
}
