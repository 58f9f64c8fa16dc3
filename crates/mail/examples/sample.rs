//! Writes signed sample messages for verifiers that share no code with us: `cargo run -p mail --example sample -- DIR`.
//!
//! DIR gets `record.txt` (the key record, of a key made for the occasion), `0.eml` and so on, and `expected.txt` with each
//! message's subject and texts, base64 in UTF-8. It sends nothing.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail::address::{Domain, EnvelopeAddress};
use mail::dkim::Signer;
use mail::headers::{HeaderBlock, ListLink, Mailbox, MessageId};
use mail::mime::{Draft, DraftPart, SharedBody};

const TEXTS: [&str; 6] = [
    "Good morning.\n\n.hidden\n..hidden\nFrom now on = 5 \n",
    "今日新闻：早上好，世界各地的读者。\n\n.点\n",
    "صباح الخير، هذه أخبار اليوم.\nFrom هنا\n",
    "Guten Morgen, größte Stadt – „Zürich“…\n   indented\t\n",
    "",
    "One line that is longer than any line on the wire may be, so that it has to be broken softly somewhere before its end.",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args().nth(1).ok_or("say where: sample DIR")?;
    let directory = Path::new(&directory);
    fs::create_dir_all(directory)?;
    let signer = Signer::from_pkcs8(&Signer::generate()?, Domain::parse("news.example")?, Domain::parse("k1")?)?;
    fs::write(directory.join("record.txt"), signer.dns_record())?;
    let mut expected = String::new();
    let mut number = 0;
    for text in TEXTS {
        for html in [None, Some(format!("<html>\n<p>{}</p>\n", text.repeat(40)))] {
            let token = format!("token-{number:037}");
            let subject = format!("{number}: {}", text.lines().next().unwrap_or_default());
            fs::write(
                directory.join(format!("{number}.eml")),
                message(&signer, &subject, text, html.as_deref(), &token)?,
            )?;
            let mut line = vec![subject, format!("{text}Leave: https://news.example/u/{token}")];
            line.extend(html.map(|html| format!("{html}<a href=\"https://news.example/u/{token}\">Leave</a>")));
            let line: Vec<String> = line.iter().map(|text| STANDARD.encode(text)).collect();
            expected.push_str(&format!("{}\n", line.join(" ")));
            number += 1;
        }
    }
    fs::write(directory.join("expected.txt"), expected)?;
    Ok(())
}

fn message(
    signer: &Signer,
    subject: &str,
    text: &str,
    html: Option<&str>,
    token: &str,
) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let part = |shared: &str, personal: &str| DraftPart { shared: shared.to_owned(), personal: personal.to_owned() };
    let draft = Draft {
        text: part(text, "Leave: https://news.example/u/{{leave}}\n"),
        html: html.map(|html| part(html, "<a href=\"https://news.example/u/{{leave}}\">Leave</a>")),
    };
    let body = SharedBody::from_bytes(&SharedBody::build(&draft, subject.as_bytes())?.to_bytes())?;
    let copy = body.copy(|_| Some(token))?;
    let mut block = HeaderBlock::new();
    block.from(&Mailbox::new("Die Redaktion – Zürich", EnvelopeAddress::parse("desk@news.example")?)?)?;
    block.to(&Mailbox::bare(EnvelopeAddress::parse("ana@example.org")?))?;
    block.subject(subject)?.date(1_795_413_600_000)?;
    block.message_id(&MessageId::new(token, &Domain::parse("news.example")?)?)?;
    block.list_unsubscribe(&format!("https://news.example/u/{token}"), Some("mailto:leave@news.example"))?;
    block.list_id("Täglich, \"alles\"", &Domain::parse("daily.news.example")?)?;
    block.list_link(ListLink::Archive, "https://news.example/archive")?;
    block.feedback_id(["d7", "", "daily"], "coranto")?.precedence_bulk()?.auto_submitted()?;
    body.content_headers(&mut block)?;
    let signature = signer.sign(&block, &copy.hash(), 1_795_413_600);
    Ok(copy.message(&signature, &block).concat())
}
