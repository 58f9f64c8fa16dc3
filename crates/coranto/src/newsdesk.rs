//! The desk, wired: what it is given of the house, its settings' table, and the links by which members first come in.

use std::net::SocketAddr;
use std::sync::Arc;

use newsroom::{Address, Member, MemberId, Outlet, Problem, Role};
use store::Write;
use store::members::{self, Invited};
use web::{Desk, Link, Shape};

use crate::house::{House, store_problem};
use crate::office::{self, sealed_text};
use crate::settings::{Kind, SETTINGS, Settings, check};
use crate::{hold, relay, ways};

/// The routes of the desk that listens on `listen`.
pub fn routes(house: &House, listen: SocketAddr) -> axum::Router {
    let desk = Desk {
        world: house.world.clone(),
        store: house.store.clone(),
        vault: house.vault.clone(),
        site_folder: house.site_folder(),
        newsletter: house.newsletter.clone(),
        gatherer: house.gatherer.clone(),
        listen,
        settings: web::Settings {
            table: table(),
            check: |name, value| check(name, value).map(drop),
            outlet: |kept| Settings::new(kept.clone()).outlet(),
            seal: |desk, name, value| {
                let (kid, sealed) = desk.vault.seal_setting(name, value, &mut |bytes| desk.world.fill(bytes));
                sealed_text(kid, &sealed)
            },
            records: records(house),
        },
        office: post_office(house),
    };
    desk.routes()
}

/// The DNS records of this newsroom's mail, for the outlet as given: its settings may have changed since the house was
/// opened.
pub fn dns_records(house: &House, outlet: &Outlet) -> Vec<web::DnsRecord> {
    // A fault of the key is the doctor's to say, in its own words.
    let own = house.settings.signs().then(|| office::signer(house).ok()).flatten();
    let dkim = own.map(|signer| (signer.dns_name(), signer.dns_record()));
    let hosts: Vec<String> = ways::every(house).into_iter().filter(|w| w.active).map(|w| w.host).collect();
    crate::dns::records(outlet, &hosts, dkim)
}

fn records(house: &House) -> web::Records {
    let house = house.clone();
    Arc::new(move |outlet| {
        let house = house.clone();
        Box::pin(async move { Ok(dns_records(&house.refreshed().await?, &outlet)) })
    })
}

/// The doors to the post office, by the settings and the relays as they stand when they are asked.
fn post_office(house: &House) -> web::Office {
    let (for_orders, for_route, for_opening, for_trial) = (house.clone(), house.clone(), house.clone(), house.clone());
    let for_sending = house.clone();
    web::Office {
        orders: Arc::new(move || {
            let house = for_orders.clone();
            Box::pin(async move {
                let house = house.refreshed().await?;
                hold::refuse_if_held(&house).await?;
                // A test copy is one transaction: nobody has to call it home.
                let (_tell, stop) = tokio::sync::watch::channel(false);
                office::orders(&house, post::Until::Stopped, stop)
            })
        }),
        route: Arc::new(move |departure| {
            let house = for_route.clone();
            Box::pin(async move {
                let house = house.refreshed().await?;
                let (ways, now) = (ways::capacities(&house), house.world.now());
                let found = post::carry::of_departure(&house.store, ways, departure, now).await;
                found.map_err(|fault| store_problem(&fault))
            })
        }),
        open: Arc::new(move |departure, choice| {
            let house = for_opening.clone();
            Box::pin(async move { relay::open(&house.refreshed().await?, departure, choice).await.map(drop) })
        }),
        may_send: Arc::new(move || {
            let house = for_sending.clone();
            Box::pin(async move { hold::refuse_if_held(&house.refreshed().await?).await })
        }),
        first: |kept| ways::first(&Settings::new(kept.clone())),
        password_name: ways::password_name,
        greet: Arc::new(move |route| {
            let house = for_trial.clone();
            Box::pin(async move {
                let house = house.refreshed().await?;
                let terms = ways::every(&house).into_iter().find(|terms| terms.id == route);
                relay::greet(&house, &terms.ok_or_else(|| ways::unknown(&route.to_string()))?).await
            })
        }),
    }
}

/// The settings as the desk's form needs them.
fn table() -> Vec<web::Setting> {
    let setting = |s: &crate::settings::Setting| web::Setting {
        name: s.name,
        shape: shape(s.kind),
        default: s.default,
        sentence: s.sentence,
    };
    SETTINGS.iter().map(setting).collect()
}

/// Longest values of settings that say no length themselves: a host name and a scheme, a mail address.
const LINE_CHARS_MAX: usize = 260;
/// A topic of SNS has 256 characters and the words before.
const TOPIC_CHARS_MAX: usize = 400;

fn shape(kind: Kind) -> Shape {
    match kind {
        Kind::Line(chars) => Shape::Line(chars),
        Kind::Number(from, to) => Shape::Number(from, to),
        Kind::Topic => Shape::Line(TOPIC_CHARS_MAX),
        Kind::Address | Kind::HostAddress | Kind::HostName | Kind::Site | Kind::MaybeSite | Kind::Zone | Kind::Time => {
            Shape::Line(LINE_CHARS_MAX)
        }
        Kind::Word(words) => Shape::Choice(words.iter().map(|word| (*word).to_owned()).collect()),
        Kind::Secret => Shape::Secret,
    }
}

/// The desk's address, as members type it.
pub fn address(house: &House) -> String {
    web::address(house.settings.get(web::ADDRESS_SETTING), house.config.desk)
}

/// The link that makes the first member; `None` once somebody can sign in.
///
/// # Errors
/// A [`Problem`] when the store fails.
pub async fn first_link(house: &House) -> Result<Option<Link>, Problem> {
    web::found(&house.world, &house.store, &address(house)).await.map_err(|fault| store_problem(&fault))
}

/// A link by which `member` chooses a password.
///
/// # Errors
/// A [`Problem`] when the store fails.
pub async fn link(house: &House, member: MemberId) -> Result<Link, Problem> {
    let what = Invited::Join(member);
    let made = web::invite(&house.world, &house.store, &address(house), what, web::INVITATION_MS).await;
    made.map_err(|fault| store_problem(&fault))
}

/// Who plays the editor in the demo.
const DEMO_EDITOR: &str = "Demo Editor";

/// The demo's desk with a link that signs its editor in, once, without a password.
///
/// # Errors
/// A [`Problem`] when the store fails.
pub async fn demo_link(house: &House, listen: SocketAddr) -> Result<String, Problem> {
    let editor = Member {
        id: MemberId(house.world.mint()),
        name: DEMO_EDITOR.to_owned(),
        address: Address::parse("editor@courier.example").expect("a plain address"),
        role: Role::Admin,
        active: true,
        made: house.world.now(),
    };
    let known = house.store.write(move |tx: &Write<'_>| match members::by_typed(tx, DEMO_EDITOR)? {
        Some(known) => Ok(known.member.id),
        None => members::add(tx, &editor).map(|_| editor.id),
    });
    let member = known.await.map_err(|fault| store_problem(&fault))?;
    let address = web::address("", listen);
    let link = web::invite(&house.world, &house.store, &address, Invited::Enter(member), web::ENTER_MS).await;
    Ok(link.map_err(|fault| store_problem(&fault))?.show().to_owned())
}
