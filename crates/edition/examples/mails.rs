//! Writes sample editions as they would be mailed, to be opened in a browser: `cargo run -p edition --example mails DIR`.

#[path = "../tests/samples/mod.rs"]
mod samples;

use newsroom::Format;
use std::path::Path;

/// As long as a real token.
const TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: mails DIR")?;
    let single = edition::mail::EditionView {
        stories: samples::mixed().stories[..1].to_vec(),
        corrections: Vec::new(),
        ..samples::mixed()
    };
    for (name, view) in [
        ("mixed", samples::mixed()),
        ("arabic", samples::arabic()),
        ("arabic12", samples::arabic_of_twelve()),
        ("chinese12", samples::chinese_of_twelve()),
        ("full", samples::full()),
        ("awkward", samples::awkward()),
        ("dressed", samples::dressed()),
        ("single", single),
    ] {
        let draft = edition::mail::draft(&view, Format::Html)?;
        let whole = |part: &::mail::mime::DraftPart| {
            let text = format!("{}{}", part.shared, part.personal);
            text.replace(edition::mail::PREFERENCES_SLOT, TOKEN).replace(edition::mail::UNSUBSCRIBE_SLOT, TOKEN)
        };
        let html = whole(draft.parts.html.as_ref().ok_or("an HTML part")?);
        let text = whole(&draft.parts.text);
        let body = ::mail::mime::SharedBody::build(&draft.parts, name.as_bytes())?;
        let wire: usize = body.copy(|_| Some(TOKEN))?.segments().iter().map(|segment| segment.len()).sum();
        println!(
            "{name}: {wire} bytes on the wire; HTML {} bytes, about {} encoded; text {} bytes, about {} encoded; {:?}",
            html.len(),
            edition::mail::encoded_bytes(&html),
            text.len(),
            edition::mail::encoded_bytes(&text),
            draft.subject
        );
        std::fs::write(Path::new(&folder).join(format!("{name}.html")), html)?;
        std::fs::write(Path::new(&folder).join(format!("{name}.txt")), text)?;
    }
    Ok(())
}
