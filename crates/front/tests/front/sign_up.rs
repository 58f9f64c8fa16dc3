//! The sign-up: taken, refused or out of budget, and never telling who is known.

use axum::http::{Method, StatusCode};

use crate::hall::{Answer, Hall, request};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

async fn status(hall: &Hall, body: &str) -> u16 {
    hall.post("/subscribe", body).await.status.as_u16()
}

#[tokio::test]
async fn an_address_is_sealed_and_nothing_of_it_is_legible_in_the_newsrooms_folder() {
    let hall = Hall::open("sealed").await;
    let answer = hall.post("/subscribe", "email=Inés.Quijano%2Bnews%40Harbour-Gazette.example&topics=water").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "mail does not carry an accent before the @");
    let answer = hall.post("/subscribe", "email=Ines.Quijano%2Bnews%40Harbour-Gazette.example&topics=water").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text().contains("Check your mail"));
    let inbox = hall.inbox().await;
    assert_eq!(inbox.len(), 1);
    assert_eq!(inbox[0].sealed.len(), 1_081, "one block, whatever the address");
    for part in ["Ines", "ines", "Quijano", "quijano", "Harbour", "harbour-gazette", "water"] {
        assert!(!holds(&inbox[0].sealed, part), "{part} in the row");
        for file in std::fs::read_dir(&hall.place).unwrap().flatten().filter(|file| file.path().is_file()) {
            let bytes = std::fs::read(file.path()).unwrap();
            // The topic's own row holds its name.
            assert!(part == "water" || !holds(&bytes, part), "{part} in {}", file.path().display());
        }
    }
    assert!(!answer.text().to_lowercase().contains("quijano"), "and the page does not repeat it");
}

fn holds(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

#[tokio::test]
async fn what_is_no_address_comes_back_with_the_reason_and_lays_nothing_in() {
    let hall = Hall::open("no-address").await;
    let long = format!("email={}%40example.org", "a".repeat(300));
    let late = format!("{}email=ana%40example.org", "x=1&".repeat(200));
    for body in [
        "",
        "email=",
        "email=%20%20",
        "topics=water",
        "Email=ana%40example.org",
        "email=ana",
        "email=ana%40",
        "email=%40example.org",
        "email=ana%40localhost",
        "email=ana%40example.org%0D%0ABcc%3A+eve%40example.org",
        "email=ana%40exa%0Ample.org",
        "email=ana%00%40example.org",
        "email=ana%40example.org,eve%40example.org",
        "email=%22ana%20eve%22%40example.org",
        "email=Ana+%3Cana%40example.org%3E",
        "email=-oX%2Ftmp%2Fx%40example.org",
        "email=ana%40%5B127.0.0.1%5D",
        "email=%FF%FE%40example.org",
        "email=&email=ana%40example.org",
        "{\"email\":\"ana@example.org\"}",
        &long,
        &late,
    ] {
        let answer = hall.post("/subscribe", body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert!(answer.text().contains("action=\"/subscribe\"") && answer.text().contains("aria-invalid"), "{body}");
    }
    let script = hall.post("/subscribe", "email=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E").await;
    assert!(!script.text().contains("<script"), "what was typed comes back as text");
    assert!(hall.inbox().await.is_empty());
}

#[tokio::test]
async fn a_field_given_twice_counts_the_first_time() {
    let hall = Hall::open("twice").await;
    assert_eq!(status(&hall, "email=ana%40example.org&email=not-an-address").await, 200);
    assert_eq!(status(&hall, "email=not-an-address&email=ana%40example.org").await, 422);
    assert_eq!(hall.inbox().await.len(), 1);
}

#[tokio::test]
async fn a_form_of_another_kind_or_size_is_refused_and_lays_nothing_in() {
    let hall = Hall::open("odd-forms").await;
    let many = "email=ana%40example.org&".to_owned() + &"a=b&".repeat(10_000);
    let huge = format!("email=ana%40example.org&x={}", "y".repeat(10 << 20));
    for body in [&many, &huge] {
        let answer = hall.post("/subscribe", body).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(answer.text().contains("Nothing was changed"));
    }
    let parts = "--b\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\nana@example.org\r\n--b--\r\n";
    for (kind, body) in [
        ("multipart/form-data; boundary=b", parts),
        ("application/json", "{\"email\":\"ana@example.org\"}"),
        ("text/plain", "email: ana@example.org"),
    ] {
        let answer = hall.ask(request(Method::POST, "/subscribe", &[("content-type", kind)], body)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{kind}");
    }
    assert!(hall.inbox().await.is_empty());
}

#[tokio::test]
async fn known_unknown_and_baited_sign_ups_get_one_answer() {
    let hall = Hall::open("one-answer").await;
    let mut answers: Vec<Answer> = Vec::new();
    for body in [
        "email=new%40example.org",
        "email=new%40example.org",
        "email=other%40example.net&topics=water&topics=nothing&language=fr",
        "email=machine%40example.org&website=http%3A%2F%2Fspam.example",
        "email=x%40example.org&language=%0D%0AX-Evil%3A+1",
    ] {
        answers.push(hall.post("/subscribe", body).await);
    }
    assert!(answers.windows(2).all(|two| two[0] == two[1]), "status, headers and body are the same");
    assert_eq!(hall.inbox().await.len(), 4, "the baited one lays nothing in");
}

#[tokio::test]
async fn a_sign_up_that_cannot_be_kept_is_never_called_kept() {
    let hall = Hall::open("not-kept").await;
    hall.break_writer().await;
    let answer = hall.post("/subscribe", "email=ana%40example.org").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text());
    assert!(answer.text().contains("Nothing was changed") && !answer.text().contains("Check your mail"));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(hall.inbox().await.is_empty());
}

#[tokio::test]
async fn a_network_that_signs_up_too_often_is_asked_to_wait_and_others_are_not() {
    let hall = Hall::open("budget").await;
    let from = |peer: &'static str, extra: &'static str| send(&hall, peer, extra);
    let mut busy = None;
    for _ in 0..200 {
        let answer = from("203.0.113.7:5000", "X-Forwarded-For: 127.0.0.1\r\n").await;
        if answer.starts_with("HTTP/1.1 429 ") {
            busy = Some(answer);
            break;
        }
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    let busy = busy.expect("the budget of a network has an end");
    assert!(busy.contains("retry-after: 60\r\n") && busy.contains("content-security-policy: "));
    assert!(busy.contains("Too many sign-ups came in just now") && busy.contains("ana@example.org"));
    let laid = hall.inbox().await.len();
    assert!(from("203.0.113.99:9", "").await.starts_with("HTTP/1.1 429 "), "the same network");
    assert_eq!(hall.inbox().await.len(), laid, "what is refused lays nothing in");
    assert!(from("203.0.114.7:5000", "").await.starts_with("HTTP/1.1 200 "), "another network");
    assert!(from("127.0.0.1:5000", "").await.starts_with("HTTP/1.1 200 "), "the newsroom's own");
    let named = from("127.0.0.1:5000", "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 1.2.3.4, 203.0.113.5\r\n");
    assert!(named.await.starts_with("HTTP/1.1 429 "), "whom the outlet's proxy names");
    for link in ["/unsubscribe/x", "/confirm/x", "/"] {
        let answer = hall.get(link).await;
        assert_ne!(answer.status, StatusCode::TOO_MANY_REQUESTS, "only sign-ups have a budget");
    }
}

/// A sign-up over a connection from `peer`; the whole answer as text.
async fn send(hall: &Hall, peer: &str, extra: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (mut near, _served) = hall.connect(peer);
    let (name, value) = FORM;
    let head =
        format!("POST /subscribe HTTP/1.1\r\nHost: post.example\r\nConnection: close\r\n{name}: {value}\r\n{extra}");
    let whole = format!("{head}Content-Length: 23\r\n\r\nemail=ana%40example.org");
    near.write_all(whole.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    near.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}
