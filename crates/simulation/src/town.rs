//! The people outside: they fill in the form, read their mail, press its buttons, leave and come back.
//!
//! Each is a task of its own that outlives the newsroom's crashes and asks again when nobody answers. They reach the
//! newsroom through its real routes and know nothing but what they were told and what lies in their mailbox.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use newsroom::{MINUTE_MS, Ms, SECOND_MS};
use tokio::sync::{mpsc, oneshot};
use world::World;

use crate::outside::Outside;
use crate::plan::{Fate, Regret};
use crate::reading::{Mail, token_in};
use crate::standing::Act;
use crate::temper::chance;

/// A request on its way to the newsroom, and where its answer goes.
pub(crate) struct Call {
    pub(crate) request: Request<Body>,
    pub(crate) answer: oneshot::Sender<(StatusCode, Vec<u8>)>,
}

/// The newsroom's public doors; closed while it is down.
#[derive(Clone, Default)]
pub(crate) struct Doors(Arc<Mutex<Option<mpsc::UnboundedSender<Call>>>>);

impl Doors {
    pub(crate) fn open(&self, calls: mpsc::UnboundedSender<Call>) {
        *self.0.lock().expect("nothing panics under this lock") = Some(calls);
    }

    pub(crate) fn close(&self) {
        *self.0.lock().expect("nothing panics under this lock") = None;
    }

    fn now(&self) -> Option<mpsc::UnboundedSender<Call>> {
        self.0.lock().expect("nothing panics under this lock").clone()
    }
}

/// How often an answer is lost on its way back, per mille.
const ANSWERS_LOST: u64 = 20;
/// How long a person waits before they try again, in milliseconds.
const AGAIN_MS: u64 = 12 * MINUTE_MS as u64;

/// How long they wait for the letter before they fill in the form again.
const PATIENCE: Duration = Duration::from_secs(25 * 3_600);

/// One person, alive.
pub(crate) struct Life {
    pub(crate) world: World,
    pub(crate) outside: Arc<Outside>,
    pub(crate) doors: Doors,
    /// Their place among the people.
    pub(crate) place: usize,
    pub(crate) fate: Fate,
    pub(crate) born: Ms,
}

impl Life {
    /// Lives it.
    pub(crate) async fn live(self) {
        self.world.sleep(self.born + self.fate.signs_up - self.world.now()).await;
        if !self.join(0).await {
            return;
        }
        let Some((editions, after)) = self.fate.leaves else { return };
        let Some(last) = self.nth_edition(editions).await else { return };
        self.pause(after).await;
        let back = self.leave(&last).await;
        match (self.fate.regrets, back) {
            (Regret::Undo(wait), Some(token)) => {
                self.pause(wait).await;
                self.insist(Act::Undo, &format!("/unsubscribe/{token}/undo"), String::new()).await;
                self.outside.count("undone");
            }
            (Regret::SignUpAgain(wait), _) => {
                self.pause(wait).await;
                let letters = self.letters();
                self.join(letters).await;
            }
            _ => {}
        }
    }

    async fn pause(&self, ms: Ms) {
        self.world.sleep(ms).await;
    }

    /// Fills in the form and presses the letter's button. `false`: they let it be.
    async fn join(&self, letters_before: usize) -> bool {
        let letter = self.sign_up(letters_before).await;
        let Some(wait) = self.fate.confirms_after else { return false };
        self.pause(wait).await;
        let Some(token) = letter.token("/confirm/") else { return false };
        for _ in 0..if self.fate.twice { 2 } else { 1 } {
            self.insist(Act::Confirm, &format!("/confirm/{token}"), String::new()).await;
        }
        self.outside.count("confirmed");
        true
    }

    /// Fills in the form until a letter comes; a day later again if none does.
    async fn sign_up(&self, letters_before: usize) -> Arc<Mail> {
        let mut form: Vec<String> = self.fate.topics.iter().map(|slug| format!("topics={slug}")).collect();
        form.push(format!("language={}", self.fate.language));
        form.push(format!("email={}", self.fate.address.replace('@', "%40")));
        loop {
            self.insist(Act::SignUp, "/subscribe", form.join("&")).await;
            self.outside.count("signed up");
            let letter = self.mail(move |letters, _| letters.get(letters_before).cloned());
            if let Ok(letter) = tokio::time::timeout(PATIENCE, letter).await {
                return letter;
            }
        }
    }

    /// Leaves by the links of `last`; gives the token that takes it back.
    async fn leave(&self, last: &Mail) -> Option<String> {
        let (path, body) = if self.fate.one_click {
            let url = last.field("List-Unsubscribe").ok()?;
            (format!("/unsubscribe/{}", token_in(url, "/unsubscribe/")?), "List-Unsubscribe=One-Click".to_owned())
        } else {
            let path = format!("/unsubscribe/{}", last.token("/unsubscribe/")?);
            // P23: looking changes nothing.
            self.ask(Method::GET, &path, String::new()).await;
            (path, String::new())
        };
        let page = self.insist(Act::Unsubscribe, &path, body).await;
        self.outside.count(if self.fate.one_click { "left by one click" } else { "left by the page" });
        token_in(&String::from_utf8_lossy(&page), "/unsubscribe/")
    }

    fn letters(&self) -> usize {
        let state = self.outside.lock();
        state.witness.people[self.place].mailbox.iter().filter(|mail| !mail.has("List-Id")).count()
    }

    /// Waits for what `wanted` finds among their letters and editions.
    async fn mail(&self, wanted: impl Fn(Vec<Arc<Mail>>, Vec<Arc<Mail>>) -> Option<Arc<Mail>>) -> Arc<Mail> {
        loop {
            let news = self.outside.mail.notified();
            let (editions, letters) = {
                let state = self.outside.lock();
                let mailbox = state.witness.people[self.place].mailbox.iter().cloned();
                mailbox.partition(|mail| mail.has("List-Id"))
            };
            if let Some(found) = wanted(letters, editions) {
                return found;
            }
            news.await;
        }
    }

    /// The edition after which they leave; `None` when they leave without one, which they cannot without a link.
    async fn nth_edition(&self, number: usize) -> Option<Arc<Mail>> {
        Some(self.mail(move |_, editions| editions.get(number).cloned()).await)
    }

    /// Asks until it is answered with success; gives the page.
    async fn insist(&self, act: Act, path: &str, body: String) -> Vec<u8> {
        loop {
            self.begin(act);
            let answer = self.ask(Method::POST, path, body.clone()).await;
            let taken = answer.filter(|(status, _)| *status == StatusCode::OK);
            self.end(act, taken.is_some());
            if let Some((_, page)) = taken {
                return page;
            }
            let wait = SECOND_MS + Ms::try_from(self.world.roll(AGAIN_MS)).expect("minutes");
            self.pause(wait).await;
        }
    }

    fn begin(&self, act: Act) {
        let mut state = self.outside.lock();
        if act == Act::Confirm {
            state.witness.confirming(self.place);
        }
        let person = &mut state.witness.people[self.place];
        person.belief.begin(act);
        match act {
            Act::SignUp => person.asked = true,
            // From here on mail may come again.
            Act::Confirm => (person.confirmed, person.left) = (true, None),
            Act::Unsubscribe => {}
            Act::Undo => person.left = None,
        }
    }

    fn end(&self, act: Act, taken: bool) {
        self.world.note(&format!("{} {act:?} {}", self.fate.address, if taken { "done" } else { "no answer" }));
        let mut state = self.outside.lock();
        let person = &mut state.witness.people[self.place];
        if !taken {
            person.belief.unanswered();
            return;
        }
        person.belief.acknowledged(act);
        if act == Act::Unsubscribe {
            person.left = Some(self.world.now());
        }
    }

    /// One request. `None`: the newsroom was down, went down, or its answer was lost.
    async fn ask(&self, method: Method, path: &str, body: String) -> Option<(StatusCode, Vec<u8>)> {
        let lag = Ms::try_from(self.world.roll(400)).expect("a fraction of a second");
        self.pause(lag).await;
        let calls = self.doors.now()?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .expect("a path of ours");
        let (answer, answered) = oneshot::channel();
        calls.send(Call { request, answer }).ok()?;
        let answered = answered.await.ok();
        if answered.is_none() {
            self.outside.count("requests cut by a crash");
        }
        if chance(&self.world, ANSWERS_LOST) {
            self.outside.count("answers lost");
            return None;
        }
        answered
    }
}
