//! The links of mail: each does its one thing for its one reader, by a POST alone.

use axum::http::{Method, StatusCode};
use newsroom::{Format, ReaderId, SubscriptionState, Topics};
use seal::Purpose;
use store::readers;

use crate::hall::{ACTIVE, Answer, DAILY, Hall, LEFT, PENDING, UNKNOWN, request};

const DOORS: [(&str, &str, Purpose); 4] = [
    ("/confirm/", "", Purpose::Confirm),
    ("/unsubscribe/", "", Purpose::Unsubscribe),
    ("/unsubscribe/", "/undo", Purpose::Resubscribe),
    ("/preferences/", "", Purpose::Preferences),
];

async fn press(hall: &Hall, purpose: Purpose, reader: ReaderId, body: &str) -> Answer {
    let (before, after, _) = DOORS.into_iter().find(|door| door.2 == purpose).unwrap();
    hall.post(&format!("{before}{}{after}", hall.token(purpose, reader)), body).await
}

async fn state(hall: &Hall, reader: ReaderId) -> Option<SubscriptionState> {
    hall.standing(reader).await.map(|standing| standing.state)
}

#[tokio::test]
async fn confirming_makes_a_subscription_active_once_and_says_so_twice() {
    let hall = Hall::open("confirm").await;
    let room = hall.get(&format!("/confirm/{}", hall.token(Purpose::Confirm, PENDING))).await;
    assert_eq!(room.status, StatusCode::OK);
    assert!(room.text().contains(&format!("action=\"/confirm/{}\"", hall.token(Purpose::Confirm, PENDING))));
    assert_eq!(state(&hall, PENDING).await, Some(SubscriptionState::Pending));
    for _ in 0..2 {
        let done = press(&hall, Purpose::Confirm, PENDING, "").await;
        assert!(done.status == StatusCode::OK && done.text().contains("You are on the list"));
        assert_eq!(state(&hall, PENDING).await, Some(SubscriptionState::Active));
    }
}

#[tokio::test]
async fn who_left_is_not_told_by_an_old_link_that_they_are_on_the_list() {
    let hall = Hall::open("old-confirm").await;
    for reader in [LEFT, UNKNOWN] {
        let answer = press(&hall, Purpose::Confirm, reader, "").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(answer.text().contains("action=\"/subscribe\""), "nobody is stranded");
    }
    assert_eq!(state(&hall, LEFT).await, Some(SubscriptionState::Unsubscribed));
}

#[tokio::test]
async fn leaving_is_one_press_by_the_page_or_by_the_mail_program() {
    let parts = "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
    for (name, kind, body) in [
        ("leave-page", "application/x-www-form-urlencoded", ""),
        ("leave-form", "application/x-www-form-urlencoded", "List-Unsubscribe=One-Click"),
        ("leave-parts", "multipart/form-data; boundary=b", parts),
        ("leave-odd", "text/html", "<p>"),
    ] {
        let hall = Hall::open(name).await;
        let path = format!("/unsubscribe/{}", hall.token(Purpose::Unsubscribe, ACTIVE));
        for _ in 0..2 {
            let done = hall.ask(request(Method::POST, &path, &[("content-type", kind)], body)).await;
            assert!(done.status == StatusCode::OK && done.text().contains("You have left the list"), "{name}");
            assert_eq!(state(&hall, ACTIVE).await, Some(SubscriptionState::Unsubscribed), "{name}");
        }
        let pending = press(&hall, Purpose::Unsubscribe, PENDING, body).await;
        assert_eq!(pending.status, StatusCode::OK);
        assert_eq!(state(&hall, PENDING).await, Some(SubscriptionState::Unsubscribed));
    }
}

#[tokio::test]
async fn leaving_is_undone_from_its_page_by_who_had_confirmed_and_by_nobody_else() {
    let hall = Hall::open("undo").await;
    let left = press(&hall, Purpose::Unsubscribe, ACTIVE, "").await;
    let action = left.text().split("action=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    assert_eq!(action, format!("/unsubscribe/{}/undo", hall.token(Purpose::Resubscribe, ACTIVE)));
    for _ in 0..2 {
        let back = hall.post(&action, "").await;
        assert!(back.status == StatusCode::OK && back.text().contains("You are back on the list"));
        assert_eq!(state(&hall, ACTIVE).await, Some(SubscriptionState::Active));
    }
    assert_eq!(press(&hall, Purpose::Unsubscribe, PENDING, "").await.status, StatusCode::OK);
    let never = press(&hall, Purpose::Resubscribe, PENDING, "").await;
    assert_eq!(never.status, StatusCode::NOT_FOUND, "they never confirmed: no back door to the list");
    assert_eq!(state(&hall, PENDING).await, Some(SubscriptionState::Unsubscribed));
}

#[tokio::test]
async fn choices_are_saved_and_shown_and_a_strange_form_resets_none() {
    let hall = Hall::open("choices").await;
    let path = format!("/preferences/{}", hall.token(Purpose::Preferences, ACTIVE));
    let chosen = async || {
        let format = hall.front.store.read(|tx| readers::format(tx, ACTIVE)).await.unwrap().unwrap();
        (hall.standing(ACTIVE).await.unwrap().topics, format)
    };
    let ports = store::topics::list;
    let bit = hall.front.store.read(ports).await.unwrap().iter().find(|topic| topic.slug == "ports").unwrap().bit;
    let room = hall.get(&path).await;
    assert_eq!(room.text().matches(" checked").count(), 6, "three topics, the form of the copy, how often, no pause");
    assert!(room.text().contains(&format!("href=\"/unsubscribe/{}\"", hall.token(Purpose::Unsubscribe, ACTIVE))));
    assert!(!room.text().contains("Your choices are saved"));

    let saved = hall.post(&path, "topics=ports&format=text").await;
    assert!(saved.status == StatusCode::OK && saved.text().contains("Your choices are saved"));
    assert_eq!(saved.text().matches(" checked").count(), 4);
    assert_eq!(chosen().await, (Topics::NONE.with(bit), Format::Text));

    for odd in ["", "topics=water", "format=pdf", "{}", "topics=water&format="] {
        let answer = hall.post(&path, odd).await;
        assert!(!answer.text().contains("Your choices are saved"), "{odd}");
        assert_eq!(chosen().await, (Topics::NONE.with(bit), Format::Text), "{odd}");
    }
    for everything in ["format=html", "format=html&topics=water&topics=ports&topics=schools", "topics=x&format=html"] {
        assert_eq!(hall.post(&path, everything).await.status, StatusCode::OK);
        assert_eq!(chosen().await, (Topics::ALL, Format::Html), "{everything}");
    }
}

#[tokio::test]
async fn who_has_no_subscription_has_no_room() {
    let hall = Hall::open("no-room").await;
    for reader in [PENDING, UNKNOWN] {
        let path = format!("/preferences/{}", hall.token(Purpose::Preferences, reader));
        let before = hall.rows().await;
        assert_eq!(hall.get(&path).await.status, StatusCode::NOT_FOUND);
        assert_eq!(hall.post(&path, "topics=ports&format=text").await.status, StatusCode::NOT_FOUND);
        assert_eq!(hall.rows().await, before);
    }
}

#[tokio::test]
async fn a_token_tampered_with_cut_or_made_for_something_else_opens_nothing() {
    let hall = Hall::open("tokens").await;
    let before = hall.rows().await;
    let mut pages = Vec::new();
    for (head, tail, purpose) in DOORS {
        let good = hall.token(purpose, ACTIVE);
        let mut bad: Vec<String> =
            vec![String::new(), "x".into(), "%ff".into(), "%00".into(), "..".into(), "a".repeat(3_000)];
        for at in 0..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            bad.push(String::from_utf8(bytes).unwrap());
        }
        bad.extend([1, 22, 43].map(|length| good[..length].to_owned()));
        bad.extend([format!("{good}A"), format!("{good}="), format!("%20{good}"), good.to_lowercase()]);
        bad.extend(Purpose::EVERY.into_iter().filter(|other| *other != purpose).map(|other| hall.token(other, ACTIVE)));
        for token in bad {
            let path = format!("{head}{token}{tail}");
            let gone = hall.post(&path, "topics=ports&format=text").await;
            let named = token.is_empty() || (token == ".." && tail.is_empty());
            assert!(gone.status == StatusCode::NOT_FOUND || named, "{path}: {}", gone.status);
            assert_ne!(gone.status, StatusCode::OK, "{path}");
            if tail.is_empty() && !token.is_empty() {
                let page = hall.get(&path).await;
                assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
                pages.push(page);
            }
        }
    }
    assert_eq!(hall.rows().await, before);
    assert!(pages.windows(2).all(|two| two[0] == two[1]), "a stranger learns no reason");
}

#[tokio::test]
async fn a_get_changes_nothing_and_tells_only_the_holder_of_a_preferences_link_where_they_stand() {
    let hall = Hall::open("gets").await;
    let before = hall.rows().await;
    for method in [Method::GET, Method::HEAD] {
        for reader in [PENDING, ACTIVE, LEFT, UNKNOWN] {
            for (head, tail, purpose) in DOORS {
                let path = format!("{head}{}{tail}", hall.token(purpose, reader));
                let query = format!("{path}?List-Unsubscribe=One-Click&format=text&topics=ports");
                for path in [&path, &query] {
                    let answer = hall.ask(request(method.clone(), path, &[("purpose", "prefetch")], "x=1")).await;
                    let expected = match purpose {
                        Purpose::Resubscribe => StatusCode::METHOD_NOT_ALLOWED,
                        Purpose::Preferences if reader == PENDING || reader == UNKNOWN => StatusCode::NOT_FOUND,
                        _ => StatusCode::OK,
                    };
                    assert_eq!(answer.status, expected, "{method} {path}");
                    assert!(method == Method::GET || answer.body.is_empty());
                }
            }
        }
        for path in ["/", "/subscribe?email=ana%40example.org", "/healthz", "/nothing", "/confirm/", "/unsubscribe/"] {
            hall.ask(request(method.clone(), path, &[], "email=ana%40example.org")).await;
        }
    }
    assert_eq!(hall.rows().await, before);
    let room = async |reader| {
        let token = hall.token(Purpose::Unsubscribe, reader);
        hall.get(&format!("/unsubscribe/{token}")).await.text().replace(&token, "")
    };
    assert_eq!(room(ACTIVE).await, room(UNKNOWN).await);
    let newsletter = hall.front.tokens.mint(Purpose::Unsubscribe, ACTIVE, DAILY.0 + 1);
    assert_eq!(hall.post(&format!("/unsubscribe/{}", newsletter.as_str()), "").await.status, StatusCode::OK);
    assert_eq!(hall.rows().await, before, "another newsletter's link ends no subscription to this one");
}

#[tokio::test]
async fn a_token_in_an_address_is_kept_by_nobody_and_sent_to_nobody() {
    let hall = Hall::open("leaks").await;
    for (head, tail, purpose) in DOORS {
        let path = format!("{head}{}{tail}", hall.token(purpose, ACTIVE));
        for answer in [hall.get(&path).await, hall.post(&path, "format=html").await] {
            assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
            assert_eq!(answer.header("etag"), "", "{path}");
            let foreign =
                answer.text().split(['"', ' ']).filter(|word| word.starts_with("http") || word.starts_with("//"));
            assert_eq!(foreign.collect::<Vec<_>>(), Vec::<&str>::new(), "a room asks no other place for anything");
        }
    }
}

#[tokio::test]
async fn who_was_unsubscribed_by_somebody_else_comes_back_from_any_mail_with_one_press() {
    let hall = Hall::open("back").await;
    let path = format!("/preferences/{}", hall.token(Purpose::Preferences, LEFT));
    let before = hall.rows().await;
    let room = hall.get(&path).await;
    assert!(room.status == StatusCode::OK && room.text().contains(&format!("action=\"{path}/back\"")));
    hall.post(&path, "topics=ports&format=text&often=weekly").await;
    assert_eq!(hall.rows().await, before, "neither looking nor choosing brings anybody back");
    let back = hall.post(&format!("{path}/back"), "").await;
    assert!(back.status == StatusCode::OK && back.text().contains("You are back on the list"));
    assert_eq!(state(&hall, LEFT).await, Some(SubscriptionState::Active));
    for reader in [PENDING, UNKNOWN] {
        let path = format!("/preferences/{}/back", hall.token(Purpose::Preferences, reader));
        assert_eq!(hall.post(&path, "").await.status, StatusCode::NOT_FOUND, "who never confirmed has no way back");
    }
    assert_eq!(state(&hall, PENDING).await, Some(SubscriptionState::Pending));
}

#[tokio::test]
async fn when_it_comes_is_chosen_without_script_and_a_wrong_date_changes_nothing() {
    let hall = Hall::open("timing").await;
    let path = format!("/preferences/{}", hall.token(Purpose::Preferences, ACTIVE));
    let chosen = async || hall.front.store.read(|tx| store::slots::chosen(tx, ACTIVE, DAILY)).await.unwrap().unwrap();
    let room = hall.get(&path).await;
    assert!(room.text().contains("<option value=\"America/Argentina/Buenos_Aires\">Argentina – Buenos Aires</option>"));
    let form = "format=html&often=weekly&hour=20&zone=Asia%2FTokyo&language=fr&pause=weeks&weeks=4";
    let saved = hall.post(&path, form).await;
    assert!(saved.text().contains("Your choices are saved"));
    let kept = chosen().await;
    assert_eq!((kept.timing.hour, kept.timing.zone.as_deref()), (Some(20), Some("Asia/Tokyo")));
    assert!(kept.timing.frequency == newsroom::Frequency::Weekly && kept.paused_until.is_some());
    let spoken = hall.front.store.read(|tx| readers::mailing(tx, ACTIVE)).await.unwrap().unwrap().1;
    assert_eq!(spoken, "fr");
    for shown in ["value=\"Asia/Tokyo\" selected", "value=\"20\" selected", "value=\"weekly\" checked"] {
        assert!(saved.text().contains(shown), "{shown}");
    }
    let wrong = hall.post(&path, "format=text&often=daily&pause=until&until=1999-01-01").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text().contains("Nothing was changed"));
    assert_eq!(chosen().await, kept);
    hall.post(&path, "format=html&pause=no&hour=&zone=").await;
    let kept = chosen().await;
    assert_eq!((kept.timing.hour, kept.timing.zone, kept.paused_until), (None, None, None));
}

#[tokio::test]
async fn asking_for_the_link_is_met_alike_whoever_asks_and_lies_sealed() {
    let hall = Hall::open("link").await;
    let room = hall.get("/preferences").await;
    assert!(room.status == StatusCode::OK && room.text().contains("action=\"/preferences\""));
    assert_eq!(hall.inbox().await.len(), 0);
    let known = hall.post("/preferences", "email=ana%40example.org").await;
    let unknown = hall.post("/preferences", "email=nobody%40example.org").await;
    assert_eq!(known, unknown, "P23");
    let inbox = hall.inbox().await;
    assert_eq!(inbox.len(), 2);
    assert!(inbox.iter().all(|row| !row.sealed.windows(7).any(|part| part == b"example")));
    for (body, status) in [("email=", 422), ("", 422), ("email=ana", 422), ("email=a%40b.example&website=x", 200)] {
        assert_eq!(hall.post("/preferences", body).await.status.as_u16(), status, "{body}");
    }
    assert_eq!(hall.inbox().await.len(), 2);
}

#[tokio::test]
async fn asking_for_the_link_is_the_same_work_and_the_same_answer_whoever_asks() {
    let hall = Hall::open("same-work").await;
    let readers = async || hall.rows().await.1;
    let before = readers().await;
    let mut answers: Vec<Answer> = Vec::new();
    // Long and short, known and unknown: the front cannot tell, and what it lays in does not either.
    for (asked, email) in ["ana%40example.org", "nobody.at.all.of.that.long.name%40harbour-gazette.example", "x%40y.zz"]
        .into_iter()
        .enumerate()
    {
        answers.push(hall.post("/preferences", &format!("email={email}")).await);
        let inbox = hall.inbox().await;
        assert_eq!(inbox.len(), asked + 1, "one row for each");
        assert_eq!(inbox[asked].sealed.len(), inbox[0].sealed.len(), "of one size");
        assert_eq!(readers().await, before, "and nothing else is written");
    }
    assert_eq!(answers[0].status, StatusCode::OK);
    assert!(answers.windows(2).all(|two| two[0] == two[1]), "the same bytes, fields and all");
    assert!(!answers[0].text().contains("example.org"), "the page does not repeat the address");
}
