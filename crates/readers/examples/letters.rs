//! Writes both letters in each language, to be opened in a browser: `cargo run -p readers --example letters DIR`.

use readers::letter::{Errand, LetterView, draft};
use std::path::Path;

/// As long as a real token.
const TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: letters DIR")?;
    for (language, outlet, newsletter, postal_address) in [
        ("en", "The Harbour Courier", "The Harbour Courier", "Quay Street 12\n4050-123 Porto\nPortugal"),
        ("ar", "بريد المرفأ", "نشرة الصباح", "شارع الرصيف 12\nطرابلس"),
        ("es", "La Voz del Estrecho", "Buenos días, Estrecho", "Calle del Muelle 12\n11201 Algeciras"),
        ("fr", "Le Fanal", "Le Fanal du matin", "12, rue du Quai\n76600 Le Havre"),
        ("zh", "海峡观察", "海峡晨报", "码头街 12 号"),
    ] {
        for (name, errand) in [("confirm", Errand::Confirm), ("choices", Errand::Choices)] {
            let link = "https://courier.example/page/";
            let letter = draft(&LetterView { errand, outlet, newsletter, language, postal_address, link })?;
            let html = letter.parts.html.ok_or("an HTML part")?;
            for (ending, part) in [("html", html), ("txt", letter.parts.text)] {
                let whole = format!("{}{}", part.shared, part.personal).replace(errand.slot(), TOKEN);
                println!("{name}-{language}.{ending}: {} bytes; {:?}", whole.len(), letter.subject);
                std::fs::write(Path::new(&folder).join(format!("{name}-{language}.{ending}")), whole)?;
            }
        }
    }
    Ok(())
}
