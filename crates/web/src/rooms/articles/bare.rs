//! What a picture tells beside itself (where it was taken, when, with which camera, by whom) is taken out before it is kept:
//! a photo from a source's phone must not lead to the source.
//!
//! Nothing is decoded and no pixel changes. What a picture needs to be shown as it was (its colours, which way is up) stays.

use gather::PictureFormat;

/// The parts of a PNG that are the picture (PNG 3rd edition, §11): its pixels, colours, size, movement.
const PNG_KEPT: [&[u8; 4]; 17] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT", b"pHYs",
    b"bKGD", b"acTL", b"fcTL", b"fdAT", b"hIST",
];
/// Directories of TIFF have a dozen entries; more are no photo's.
const ENTRIES_MAX: usize = 512;
/// TIFF 6.0: which way is up.
const ORIENTATION: u16 = 0x0112;

/// The picture without what it tells beside itself; `None` when it does not add up: it is damaged.
pub(super) fn bare(bytes: &[u8], format: PictureFormat) -> Option<Vec<u8>> {
    match format {
        PictureFormat::Jpeg => jpeg(bytes),
        PictureFormat::Png => png(bytes),
        PictureFormat::Webp => webp(bytes),
        // It holds no camera's data; what programs note in it is a comment at most.
        PictureFormat::Gif => Some(bytes.to_vec()),
    }
}

/// ITU-T T.81, annex B: markers and their segments, and between them the coded data.
fn jpeg(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = bytes.get(..2)?.to_vec();
    let mut at = 2;
    loop {
        while bytes.get(at)? == &0xff && bytes.get(at + 1)? == &0xff {
            at += 1;
        }
        let (0xff, marker) = (*bytes.get(at)?, *bytes.get(at + 1)?) else { return None };
        if marker == 0xd9 {
            // What stands behind the end (a film, a second picture) is no part of it.
            out.extend([0xff, 0xd9]);
            return Some(out);
        }
        let length = usize::from(u16::from_be_bytes([*bytes.get(at + 2)?, *bytes.get(at + 3)?]));
        let end = at + 2 + length.max(2);
        let segment = bytes.get(at..end)?;
        match marker {
            0xe1 if segment.get(4..10) == Some(b"Exif\0\0") => out.extend(upright(segment.get(10..)?)),
            // JFIF, the colour profile, and Adobe's note of how colours are coded.
            0xe0 | 0xe2 | 0xee if marker != 0xe2 || segment.get(4..16) == Some(b"ICC_PROFILE\0") => out.extend(segment),
            0xe0..=0xef | 0xfe => {}
            _ => out.extend(segment),
        }
        at = end;
        if marker == 0xda {
            let coded = coded_bytes(bytes.get(at..)?)?;
            out.extend(&bytes[at..at + coded]);
            at += coded;
        }
    }
}

/// How long the coded data is: up to the next marker that is neither stuffed nor a restart.
fn coded_bytes(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += bytes.get(at..)?.iter().position(|b| *b == 0xff)?;
        match *bytes.get(at + 1)? {
            0x00 | 0xd0..=0xd7 => at += 2,
            0xff => at += 1,
            _ => return Some(at),
        }
    }
}

/// A note of which way is up, and nothing else; nothing when that goes without saying.
fn upright(tiff: &[u8]) -> Vec<u8> {
    let Some(way @ 2..=8) = orientation(tiff) else { return Vec::new() };
    let mut out = vec![0xff, 0xe1, 0, 34];
    out.extend(b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0");
    out.extend([way, 0, 0, 0, 0, 0, 0]);
    out
}

fn orientation(tiff: &[u8]) -> Option<u8> {
    let little = match tiff.get(..4)? {
        b"II\x2a\0" => true,
        b"MM\0\x2a" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let pair = [*tiff.get(at)?, *tiff.get(at + 1)?];
        Some(if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) })
    };
    let four: [u8; 4] = tiff.get(4..8)?.try_into().ok()?;
    let first = usize::try_from(if little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) }).ok()?;
    let count = usize::from(short(first)?).min(ENTRIES_MAX);
    let entry = (0..count).map(|n| first + 2 + 12 * n).find(|at| short(*at) == Some(ORIENTATION))?;
    u8::try_from(short(entry + 8)?).ok()
}

/// PNG 3rd edition, §5.3: chunks of length, name, content and sum.
fn png(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = bytes.get(..8)?.to_vec();
    let mut at = 8;
    loop {
        let length = usize::try_from(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?)).ok()?;
        let name: &[u8; 4] = bytes.get(at + 4..at + 8)?.try_into().ok()?;
        let end = at.checked_add(12)?.checked_add(length)?;
        let chunk = bytes.get(at..end)?;
        if PNG_KEPT.contains(&name) {
            out.extend(chunk);
        }
        if name == b"IEND" {
            return Some(out);
        }
        at = end;
    }
}

/// RFC 9649 §2: chunks of name, length and content, padded to even; a header says which there are.
fn webp(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = bytes.get(..12)?.to_vec();
    let mut at = 12;
    while at < bytes.len() {
        let name = bytes.get(at..at + 4)?;
        let length = usize::try_from(u32::from_le_bytes(bytes.get(at + 4..at + 8)?.try_into().ok()?)).ok()?;
        let end = at.checked_add(8)?.checked_add(length)?;
        let whole = end + (length & 1);
        let chunk = bytes.get(at..end)?;
        match name {
            b"EXIF" | b"XMP " => {}
            b"VP8X" => {
                let flags = out.len() + 8;
                out.extend(chunk);
                // §2.7.1: neither EXIF (0x08) nor XMP (0x04) follows.
                *out.get_mut(flags)? &= !0x0c;
            }
            _ => out.extend(chunk),
        }
        if !matches!(name, b"EXIF" | b"XMP ") && whole > end {
            out.push(0);
        }
        at = whole;
    }
    let length = u32::try_from(out.len() - 8).ok()?;
    out[4..8].copy_from_slice(&length.to_le_bytes());
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
        [&[0xff, marker][..], &length, content].concat()
    }

    fn exif(way: u8) -> Vec<u8> {
        let mut tiff = b"Exif\0\0II\x2a\0\x08\0\0\0\x02\0".to_vec();
        tiff.extend([0x25, 0x88, 4, 0, 1, 0, 0, 0, 40, 0, 0, 0]);
        tiff.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, way, 0, 0, 0, 0, 0, 0, 0]);
        tiff.extend(b"GPS 48.2 16.4");
        segment(0xe1, &tiff)
    }

    fn photo(way: u8) -> Vec<u8> {
        let coded = [0x12, 0xff, 0x00, 0x34, 0xff, 0xd0, 0x56];
        [
            &[0xff, 0xd8][..],
            &segment(0xe0, b"JFIF\0"),
            &exif(way),
            &segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0by Ana"),
            &segment(0xe2, b"ICC_PROFILE\0\x01\x01"),
            &segment(0xe2, b"MPF\0"),
            &segment(0xfe, b"by Ana"),
            &segment(0xc0, b"size"),
            &segment(0xda, b"scan"),
            &coded,
            &segment(0xda, b"next"),
            &coded,
            &[0xff, 0xd9],
            b"a film from Vienna",
        ]
        .concat()
    }

    fn holds(bytes: &[u8], part: &[u8]) -> bool {
        bytes.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn a_photo_tells_neither_place_nor_hand_and_still_stands_upright() {
        let kept = bare(&photo(6), PictureFormat::Jpeg).expect("a photo");
        for told in [&b"GPS"[..], b"Ana", b"MPF", b"Vienna", b"adobe"] {
            assert!(!holds(&kept, told), "{}", String::from_utf8_lossy(told));
        }
        for needed in [&b"JFIF"[..], b"ICC_PROFILE", b"size", b"scan", b"next"] {
            assert!(holds(&kept, needed), "{}", String::from_utf8_lossy(needed));
        }
        assert!(kept.ends_with(&[0x56, 0xff, 0xd9]));
        let at = kept.windows(6).position(|window| window == b"Exif\0\0").expect("a note of which way is up");
        assert_eq!(orientation(&kept[at + 6..]), Some(6));
        assert_eq!(usize::from(u16::from_be_bytes([kept[at - 2], kept[at - 1]])), 34);
        assert_eq!(bare(&kept, PictureFormat::Jpeg), Some(kept.clone()), "bare is bare");
        assert!(!holds(&bare(&photo(1), PictureFormat::Jpeg).unwrap(), b"Exif"), "upright needs no note");
    }

    fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&u32::try_from(content.len()).unwrap().to_be_bytes()[..], name, content, b"sum!"].concat()
    }

    #[test]
    fn a_png_keeps_its_picture_and_loses_its_texts() {
        let head = b"\x89PNG\r\n\x1a\n";
        let parts = [chunk(b"IHDR", b"size"), chunk(b"IDAT", b"pixels"), chunk(b"IEND", b"")];
        let told = [chunk(b"eXIf", b"place"), chunk(b"tEXt", b"Author\0Ana")];
        let whole = [&head[..], &parts[0], &told[0], &told[1], &parts[1], &parts[2], b"behind"].concat();
        assert_eq!(bare(&whole, PictureFormat::Png), Some([&head[..], &parts.concat()].concat()));
    }

    #[test]
    fn a_webp_says_that_nothing_else_follows() {
        let riff =
            |content: &[u8]| [b"RIFF", &u32::try_from(content.len()).unwrap().to_le_bytes()[..], content].concat();
        let chunk = |name: &[u8; 4], content: &[u8]| {
            let pad = if content.len() % 2 == 1 { &[0][..] } else { &[] };
            [name, &u32::try_from(content.len()).unwrap().to_le_bytes()[..], content, pad].concat()
        };
        let told =
            [&b"WEBP"[..], &chunk(b"VP8X", &[0x1c, 0, 0]), &chunk(b"VP8 ", b"pix"), &chunk(b"EXIF", b"place")].concat();
        let bared = [&b"WEBP"[..], &chunk(b"VP8X", &[0x10, 0, 0]), &chunk(b"VP8 ", b"pix")].concat();
        assert_eq!(bare(&riff(&told), PictureFormat::Webp), Some(riff(&bared)));
    }

    #[test]
    fn no_bytes_break_the_taking_out() {
        for whole in [photo(6), [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IDAT", b"x"), &chunk(b"IEND", b"")].concat()] {
            for format in [PictureFormat::Jpeg, PictureFormat::Png, PictureFormat::Webp, PictureFormat::Gif] {
                for at in 0..whole.len() {
                    let _ = bare(&whole[..at], format);
                    for byte in [0, 0x7f, 0xff] {
                        let mut broken = whole.clone();
                        broken[at] = byte;
                        let _ = bare(&broken, format);
                    }
                }
            }
        }
        assert_eq!(bare(&photo(6)[..60], PictureFormat::Jpeg), None, "a photo cut short is damaged");
    }
}
