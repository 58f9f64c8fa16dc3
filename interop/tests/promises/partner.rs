//! A partner's page on its whole way: as their site dresses it, saved by a browser, imported, published and mailed. What the
//! partner wrote arrives unchanged; what belongs to their site stays there.

use crate::mails;
use crate::program::{Place, run};
use std::fmt::Write;
use std::fs;

/// What their reporter wrote, a paragraph each: quotes of every kind, dates, figures, a name with an ampersand.
const PARAGRAPHS: [&str; 19] = [
    "Dunmarrow Council has told the port operator that it wants to begin talks on a timetable for taking the ferry quay back into public hands.",
    "Council leader Orla Tennant said on 4 March that the town wants “a calm and orderly” handover of the quay before the summer season.",
    "No deadline has been set, Tennant said, but she called the present lease “a source of instability” for the islands that depend on the boat.",
    "“We need to put this relationship in order, so that nobody, here or elsewhere, can use the timetable to put pressure on the islanders,” Tennant told the regional paper, adding that a handover should be agreed “by talking, not by writ.”",
    "The council leader has said more than once that the town will accept neither a second operator nor a private harbour watch on the quay.",
    "On 2 March, the harbour commission met to discuss “support for the council’s effort to end the lease.”",
    "Its clerk, Fintan Roe, said on 3 March that the council had informed the operator of the need to open talks.",
    "The council “told the company that it is necessary to begin negotiating a timetable for the return of the quay,” Roe said to the islands’ radio station.",
    "“A timetable is being drawn up to reduce the number of berths leased out,” Roe added. “A joint committee will go through the list of sheds, cranes and moorings.”",
    "The town’s ability to run the night boat by itself will also be examined, the clerk said. “What we find will decide how the talks go on.”",
    "Roe confirmed that the council works with the operator on safety day by day. He stressed, however, that the town needs no outside crews.",
    "The clerk’s remarks came a day after the mayor told the company’s director, Hale & Sons’ Miriam Hale, that its part in the port should be advisory only.",
    "On 1 March, Tennant said that the joint committee, set up late last year, had begun to work out how the lease would end.",
    "Days later the company said that it had no plan to leave, and that it knew of none.",
    "Islanders have blocked the slipway almost daily since October. They say that they do so for the sake of the night boat, and to hasten the end of the lease.",
    "The company answered with several claims for damages, among them one for £1.2 million. The council has rejected the claims and the blockades alike.",
    "In 2020, after the night boat was cancelled, the council voted for ending the lease. That vote called for the removal of every private crane.",
    "The company rejected the vote and threatened a bill of its own.",
    "“We have a very expensive crane there. It cost a fortune to build … we are not leaving unless they pay us back for it,” its then director said on the day of the vote.",
];

/// The page, as their theme dresses it and a browser saves it.
fn page() -> String {
    let body = PARAGRAPHS.iter().fold(String::new(), |mut body, text| {
        let text = text.replace('&', "&amp;");
        writeln!(body, "<p>{text}</p>").unwrap();
        body
    });
    format!(
        r##"<!DOCTYPE html>
<html lang="en-GB"><head><meta charset="utf-8"><title>Council Wants ‘Orderly’ Return Of ‘Unstable’ Ferry Quay - Tide Watch</title>
<meta property="og:image" content="Ferry quay_files/quay.jpg"></head>
<body class="single single-post"><a class="skip-link screen-reader-text" href="#content">Skip to content</a>
<header id="masthead"><nav><a href="/">Home</a> <a href="/news/">News</a> <a href="/donate/">Donate</a></nav></header>
<main id="content"><article>
<a class="featured-image-toggle" href="Ferry quay_files/quay.jpg">View Featured Image</a>
<div class="featured-image"><img src="Ferry quay_files/quay.jpg" alt="The ferry quay at low water"></div>
<h1 class="entry-title">Council Wants ‘Orderly’ Return Of ‘Unstable’ Ferry Quay</h1>
<div class="entry-content">
<p>Above photo: Harbour Press.</p>
{body}<div class="signup-box"><h3>Sign Up To Our Daily Digest</h3>
<p>Small outlets are being dropped by the platforms. Sign up for our daily email digest before it is too late.</p>
<form action="/join"><input type="email" name="email"><button>Sign up</button></form></div>
</div></article></main>
<footer><p>Tide Watch</p></footer></body></html>"##
    )
}

#[test]
fn a_partners_saved_page_is_published_and_mailed_as_it_was_written() {
    let place = Place::new("partner");
    let saved = place.all().join("Ferry quay.html");
    fs::create_dir(place.all().join("Ferry quay_files")).unwrap();
    fs::write(&saved, page()).unwrap();
    let picture = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/stage/outlets/pictures/ferry.jpg");
    fs::copy(picture, place.all().join("Ferry quay_files/quay.jpg")).unwrap();

    let read = run(["read", &saved.display().to_string(), "--json"]).done();
    assert_eq!(read["text"], PARAGRAPHS.join("\n\n"));
    assert_eq!((&read["author"], &read["outlet"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    assert_eq!(read["image"]["credit"], "Harbour Press");

    place.run(&["demo", "--once", "--readers", "6", "--source", &saved.display().to_string()]).done();
    let mails = mails::caught(&place.mail());
    let held = |mail: &&mails::Mail| mail.text().contains("Council Wants ‘Orderly’ Return Of ‘Unstable’ Ferry Quay");
    let mail = mails.iter().find(held).expect("the story is new to everyone");
    let slug = mails::articles(mail.text()).into_iter().find(|slug| slug.starts_with("council-wants")).unwrap();
    assert!(mail.text().contains("Harbour Press"), "the picture's credit: {}", mail.text());
    for text in [mail.text(), mail.html()] {
        assert!(!text.contains("Sign Up To Our") && !text.contains("Above photo"), "{text}");
    }

    let html = fs::read_to_string(place.data().join("site/articles").join(&slug).join("index.html")).unwrap();
    let prose = html.split_once("<div class=\"prose\">").unwrap().1.split_once("</div>").unwrap().0;
    let found: Vec<&str> = prose.lines().filter_map(|line| line.strip_prefix("<p>")?.strip_suffix("</p>")).collect();
    let written: Vec<String> = PARAGRAPHS.iter().map(|text| text.replace('&', "&amp;")).collect();
    assert_eq!(found, written);
    for ours in
        ["href=\"#main\"", "Harbour Press", "The ferry quay at low water", "id=\"sign-up\"", "action=\"/subscribe\""]
    {
        assert!(html.contains(ours), "{ours} is missing: {html}");
    }
    for theirs in ["Above photo", "View Featured Image", "Sign Up To Our", "Tide Watch", "class=\"byline\"", "Donate"] {
        assert!(!html.contains(theirs), "{theirs} is still there: {html}");
    }
}
