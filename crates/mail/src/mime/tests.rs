//! Bodies against a reader of RFC 2045 and 2046 that shares nothing with them.

use proptest::prelude::*;

use super::*;
use crate::wire::WireFault;

fn draft(text: (&str, &str), html: Option<(&str, &str)>) -> Draft {
    let part =
        |(shared, personal): (&str, &str)| DraftPart { shared: shared.to_owned(), personal: personal.to_owned() };
    Draft { text: part(text), html: html.map(part) }
}

fn build(draft: &Draft) -> SharedBody {
    SharedBody::build(draft, b"seed").unwrap()
}

fn bytes(copy: &CopyBody<'_>) -> Vec<u8> {
    copy.segments().concat()
}

/// Header fields and body of a whole copy, all slots filled with one token.
fn whole(body: &SharedBody, token: &str) -> String {
    let mut block = HeaderBlock::new();
    body.content_headers(&mut block).unwrap();
    let copy = body.copy(|_| Some(token)).unwrap();
    String::from_utf8(copy.message(b"", &block).concat()).unwrap()
}

/// What a reader's program makes of a message: the texts of its parts. Written from RFC 2045 and 2046 alone.
fn read(message: &str) -> Vec<String> {
    let (head, body) = message.split_once("\r\n\r\n").unwrap();
    let field = |name: &str| {
        let unfolded = head.replace("\r\n ", " ");
        unfolded.split("\r\n").find_map(|line| line.strip_prefix(name).map(str::to_owned)).unwrap()
    };
    if let Some((_, after)) = field("Content-Type: ").split_once("boundary=\"") {
        let delimiter = format!("--{}", after.strip_suffix('"').unwrap());
        let body = format!("\r\n{body}");
        let parts: Vec<&str> = body.split(&format!("\r\n{delimiter}")).collect();
        assert_eq!((parts[0], *parts.last().unwrap()), ("", "--\r\n"));
        return parts[1..parts.len() - 1].iter().flat_map(|part| read(part.strip_prefix("\r\n").unwrap())).collect();
    }
    let octets = match field("Content-Transfer-Encoding: ").as_str() {
        "quoted-printable" => read_quoted(body),
        "base64" => STANDARD.decode(body.replace("\r\n", "")).unwrap(),
        other => panic!("{other}"),
    };
    vec![String::from_utf8(octets).unwrap()]
}

fn read_quoted(body: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let lines: Vec<&str> = body.split("\r\n").collect();
    for (at, line) in lines.iter().enumerate() {
        assert!(!line.ends_with([' ', '\t']), "a relay would cut {line:?}");
        let soft = line.strip_suffix('=');
        let mut rest = soft.unwrap_or(line).bytes();
        while let Some(byte) = rest.next() {
            octets.push(match byte {
                b'=' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                b' '..=b'~' | b'\t' => byte,
                other => panic!("{other} in quoted-printable"),
            });
        }
        if soft.is_none() && at + 1 < lines.len() {
            octets.extend_from_slice(b"\r\n");
        }
    }
    octets
}

/// What a part's text becomes: clean, in CRLF, without the empty lines at its end.
fn meant(part: &DraftPart, token: &str) -> String {
    let text = format!("{}{}", part.shared.replace("\r\n", "\n"), part.personal.replace("\r\n", "\n"));
    let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let mut text = text.replace("{{a}}", token).replace("{{b-c}}", token);
    text.truncate(text.trim_end_matches('\n').len());
    text.replace('\n', "\r\n")
}

#[test]
fn a_plain_text_is_one_part() {
    let body =
        build(&draft(("Hello\n\n.dot\nFrom me to you = \u{fc}\nend \n", "Leave: https://n.example/u/{{a}}\n"), None));
    assert_eq!(
        whole(&body, "TOKEN_1"),
        "MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\
         \r\n\
         Hello\r\n\r\n=2Edot\r\n=46rom me to you =3D =C3=BC\r\nend=20\r\nLeave: https://n.example/u/=\r\nTOKEN_1\r\n"
    );
}

#[test]
fn text_and_html_are_alternatives_with_the_plainest_first() {
    let body = build(&draft(("Hi\n", "{{a}} {{b-c}}.\n"), Some(("<p>Hi</p>\n", "<a href=\"/{{a}}\">x</a>"))));
    assert_eq!(
        whole(&body, "t"),
        "MIME-Version: 1.0\r\n\
         Content-Type: multipart/alternative; boundary=\"=_EP6JaW4buM6KK_Cne3mkCj-A\"\r\n\
         Content-Transfer-Encoding: 7bit\r\n\
         \r\n\
         --=_EP6JaW4buM6KK_Cne3mkCj-A\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\
         \r\n\
         Hi\r\nt=\r\n=20=\r\nt=\r\n=2E\r\n\
         --=_EP6JaW4buM6KK_Cne3mkCj-A\r\n\
         Content-Type: text/html; charset=utf-8\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\
         \r\n\
         <p>Hi</p>\r\n<a href=3D\"/=\r\nt=\r\n\">x</a>\r\n\
         --=_EP6JaW4buM6KK_Cne3mkCj-A--\r\n"
    );
    assert_eq!(body.slots().collect::<Vec<_>>(), ["a", "b-c"]);
}

#[test]
fn far_scripts_go_in_base64_whose_shared_lines_are_full() {
    let shared = "今日新闻\n".repeat(40);
    let body = build(&draft((&shared, "退订 {{a}}"), None));
    let message = whole(&body, "token");
    assert!(message.contains("Content-Transfer-Encoding: base64\r\n"));
    assert_eq!(read(&message), [format!("{}退订 token\r\n", shared.replace('\n', "\r\n"))]);
    let copy = body.copy(|_| Some("token")).unwrap();
    assert!(copy.segments()[0].len() > 500);
    assert!(copy.segments()[0].split(|b| *b == b'\n').all(|line| line.is_empty() || line.len() == 77));
}

#[test]
fn each_part_has_the_shorter_encoding() {
    let body = build(&draft(("新闻\n".repeat(50).as_str(), ""), Some(("<p>news</p>\n".repeat(50).as_str(), ""))));
    let message = whole(&body, "");
    assert_eq!(message.matches("base64").count(), 1);
    assert_eq!(message.matches("quoted-printable").count(), 1);
}

#[test]
fn what_is_no_draft_is_refused() {
    let fault = |shared: &str, personal: &str| SharedBody::build(&draft((shared, personal), None), b"").unwrap_err();
    assert_eq!(fault("a\rb", ""), BodyFault::BareCr);
    assert_eq!(fault("", "a\r"), BodyFault::BareCr);
    assert_eq!(fault("", "x {{A}}"), BodyFault::Slot("{{A}}".to_owned()));
    assert_eq!(fault("", "{{"), BodyFault::Slot("{{".to_owned()));
    assert_eq!(fault("", "{{}}"), BodyFault::Slot("{{}}".to_owned()));
    assert_eq!(fault("", "{{a\n}}"), BodyFault::Slot("{{a\n}}".to_owned()));
    assert_eq!(fault(&"x".repeat(PART_BYTES_MAX + 1), ""), BodyFault::TooLong);
    assert_eq!(fault("", &"x".repeat(PERSONAL_BYTES_MAX + 1)), BodyFault::TooLong);
    let many: String = (0..=SLOTS_MAX).map(|n| format!("{{{{{}}}}}", "x".repeat(n + 1))).collect();
    assert_eq!(fault("", &many), BodyFault::Slots);
}

#[test]
fn a_copy_has_no_hole_and_no_token_breaks_out() {
    let body = build(&draft(("x", "{{a}}"), None));
    assert_eq!(body.copy(|_| None::<&str>).unwrap_err(), SlotFault::Empty("a".to_owned()));
    for token in ["", "a b", "a\r\n", "a=", "é", ".", "a+b", &"x".repeat(TOKEN_BYTES_MAX + 1)] {
        assert_eq!(body.copy(|_| Some(token)).unwrap_err(), SlotFault::Token("a".to_owned()), "{token:?}");
    }
    let long = "x".repeat(TOKEN_BYTES_MAX);
    assert_eq!(read(&whole(&body, &long)), [format!("x{long}\r\n")]);
}

#[test]
fn a_boundary_follows_its_seed() {
    assert_eq!(boundary(b"7"), boundary(b"7"));
    assert_ne!(boundary(b"7"), boundary(b"8"));
}

#[test]
fn the_shortest_bodies_are_bodies() {
    for (text, html) in [
        (("", ""), None),
        (("\n\n", "\n"), None),
        (("", ""), Some(("", ""))),
        (("", "{{a}}"), Some(("\n", "{{a}}\n\n"))),
    ] {
        let body = build(&draft(text, html));
        let message = whole(&body, "t");
        assert_eq!(read(&message).len(), if html.is_some() { 2 } else { 1 });
    }
}

fn part() -> impl Strategy<Value = DraftPart> {
    let text =
        || prop_oneof!["[a-z .=\n]{0,200}", "(From |\\.|\n| |é|新|x{70}){0,12}", "\\PC{0,60}", "[\u{0}-\u{ff}]{0,40}"];
    let tail = prop_oneof![
        Just(String::new()),
        "[a-z .=\n]{0,40}",
        "(\\{\\{a\\}\\}|\\{\\{b-c\\}\\}|\\.|From |\n| |é|新|y{74}){0,10}"
    ];
    (text(), tail)
        .prop_map(|(shared, personal)| DraftPart { shared: shared.replace("\r\n", "\n").replace('\r', ""), personal })
}

fn any_draft() -> impl Strategy<Value = Draft> {
    (part(), proptest::option::of(part())).prop_map(|(text, html)| Draft { text, html })
}

proptest! {
    #[test]
    fn any_text_reads_back_as_it_was_meant(draft in any_draft(), token in "[A-Za-z0-9_-]{1,90}") {
        let read = read(&whole(&build(&draft), &token));
        let mut expected = vec![meant(&draft.text, &token)];
        match &draft.html {
            Some(html) => expected.push(meant(html, &token)),
            None => expected[0].push_str("\r\n"),
        }
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn every_line_is_short_seven_bit_and_safe(draft in any_draft(), token in "[A-Za-z0-9_-]{1,90}") {
        let body = build(&draft);
        let copy = body.copy(|_| Some(&token)).unwrap();
        let octets = bytes(&copy);
        prop_assert_eq!(copy.bytes(), octets.len());
        prop_assert_eq!(WireCheck::all([octets.as_slice()]), Ok::<(), WireFault>(()));
        let text = String::from_utf8(octets).unwrap();
        for line in text.split("\r\n") {
            prop_assert!(line.len() <= 76 && !line.starts_with('.') && !line.starts_with("From "), "{:?}", line);
        }
        // DKIM's simple form is the wire's form: one CRLF at the end, no empty line before it.
        prop_assert!(text == "\r\n" || !text.ends_with("\r\n\r\n"), "{:?}", text);
        let hash = aws_lc_rs::digest::digest(&SHA256, text.as_bytes());
        prop_assert_eq!(&copy.hash()[..], hash.as_ref());
    }

    #[test]
    fn two_copies_of_a_cohort_differ_only_in_their_tokens(draft in any_draft(), one in "[A-Z]{43}", two in "[A-Z]{43}") {
        let body = build(&draft);
        let (a, b) = (body.copy(|_| Some(&one)).unwrap(), body.copy(|_| Some(&two)).unwrap());
        prop_assert_eq!(a.bytes(), b.bytes());
        for at in [0, 2, 4] {
            prop_assert_eq!(a.segments()[at], b.segments()[at]);
        }
        let (a, b) = (read(&whole(&body, &one)), read(&whole(&body, &two)));
        let swapped: Vec<String> = a.iter().map(|text| text.replace(&one, &two)).collect();
        prop_assert_eq!(swapped, b);
    }

    #[test]
    fn the_same_draft_and_seed_give_the_same_octets(draft in any_draft()) {
        let (a, b) = (build(&draft), build(&draft));
        prop_assert_eq!(a.to_bytes(), b.to_bytes());
        prop_assert_eq!(whole(&a, "t"), whole(&b, "t"));
    }

    #[test]
    fn what_was_stored_comes_back(draft in any_draft()) {
        let body = build(&draft);
        let back = SharedBody::from_bytes(&body.to_bytes()).unwrap();
        prop_assert_eq!(whole(&back, "token"), whole(&body, "token"));
        let (again, first) = (back.copy(|_| Some("t")).unwrap(), body.copy(|_| Some("t")).unwrap());
        prop_assert_eq!(again.hash(), first.hash());
        prop_assert!(back == body);
    }

    #[test]
    fn a_damaged_row_is_noticed(draft in any_draft(), at in any::<prop::sample::Index>(), flip in 1u8..) {
        let mut stored = build(&draft).to_bytes();
        let at = at.index(stored.len());
        stored[at] ^= flip;
        prop_assert!(SharedBody::from_bytes(&stored).is_err());
        stored.truncate(at);
        prop_assert!(SharedBody::from_bytes(&stored).is_err());
    }

    #[test]
    fn a_forged_row_is_refused_or_harmless(draft in any_draft(), edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let stored = build(&draft).to_bytes();
        let mut octets = stored[..stored.len() - 8].to_vec();
        for (at, value) in edits {
            let at = at.index(octets.len());
            octets[at] = value;
        }
        let sum = aws_lc_rs::digest::digest(&SHA256, &octets);
        octets.extend_from_slice(&sum.as_ref()[..8]);
        if let Ok(body) = SharedBody::from_bytes(&octets) {
            let copy = body.copy(|_| Some("A")).unwrap();
            prop_assert_eq!(WireCheck::all(copy.segments()), Ok::<(), WireFault>(()));
        }
    }
}
