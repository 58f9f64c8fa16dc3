//! Pictures: taken for what their first bytes say they are, never for what a server claims, and only if a page can use
//! them.

use sha2::{Digest, Sha256};

/// The largest picture fetched, in bytes: a press photo at full size.
pub const PICTURE_BYTES_MAX: usize = 12_000_000;
/// The longest side, in pixels.
pub const SIDE_MAX: usize = 16_000;
/// The most pixels: four bytes each, decoded, is 200 MB for whoever looks at it.
pub const PIXELS_MAX: usize = 50_000_000;
/// The shortest side worth showing, in pixels: smaller ones count visitors.
pub const SIDE_MIN: usize = 32;

/// The formats every browser and most mail clients show. SVG is a program, not a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureFormat {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF.
    Gif,
    /// WebP.
    Webp,
}

impl PictureFormat {
    /// What the first bytes say.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            _ => None,
        }
    }

    /// The file name's ending.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Gif => "gif",
            Self::Webp => "webp",
        }
    }
}

/// A picture fit to be kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Where it came from, if it was fetched.
    pub url: Option<String>,
    /// What it is.
    pub format: PictureFormat,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// SHA-256 of its bytes.
    pub hash: [u8; 32],
    /// Its bytes, as they came.
    pub bytes: Vec<u8>,
}

impl Picture {
    /// Its file name on the site: half its hash and its ending.
    pub fn file(&self) -> String {
        let name = self.hash[..16].iter().fold(String::new(), |name, byte| format!("{name}{byte:02x}"));
        format!("{name}.{}", self.format.extension())
    }
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { format, width, height, bytes, .. } = self;
        write!(f, "Picture({format:?} {width}x{height}, {} bytes, {:?})", bytes.len(), self.url)
    }
}

/// Why bytes are not a picture that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureFault {
    /// None of the formats.
    #[error("It is not a PNG, JPEG, GIF or WebP picture.")]
    Format,
    /// Too many bytes.
    #[error("It is larger than {} MB.", PICTURE_BYTES_MAX / 1_000_000)]
    Bytes,
    /// It does not tell its size: damaged.
    #[error("It is damaged: its size cannot be read.")]
    Damaged,
    /// Too many pixels.
    #[error("It has more pixels than any page needs.")]
    Pixels,
    /// Too few.
    #[error("It is too small to show.")]
    Small,
}

/// Looks at bytes and takes them for a picture, or says why not. Nothing is decoded.
///
/// # Errors
/// A [`PictureFault`].
pub fn look_at(bytes: Vec<u8>, url: Option<String>) -> Result<Picture, PictureFault> {
    if bytes.len() > PICTURE_BYTES_MAX {
        return Err(PictureFault::Bytes);
    }
    let format = PictureFormat::of(&bytes).ok_or(PictureFault::Format)?;
    let size = imagesize::blob_size(&bytes).map_err(|_| PictureFault::Damaged)?;
    let (longest, shortest) = (size.width.max(size.height), size.width.min(size.height));
    if longest > SIDE_MAX || size.width.saturating_mul(size.height) > PIXELS_MAX {
        return Err(PictureFault::Pixels);
    }
    if shortest < SIDE_MIN {
        return Err(PictureFault::Small);
    }
    let side = |side| u32::try_from(side).expect("at most 16,000");
    let (width, height) = (side(size.width), side(size.height));
    Ok(Picture { url, format, width, height, hash: Sha256::digest(&bytes).into(), bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A GIF's head says its size.
    fn gif(width: u16, height: u16) -> Vec<u8> {
        let mut bytes = b"GIF89a".to_vec();
        bytes.extend(width.to_le_bytes());
        bytes.extend(height.to_le_bytes());
        bytes.extend([0; 8]);
        bytes
    }

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 2, 0, 0, 0]);
        bytes
    }

    #[test]
    fn a_picture_is_what_its_bytes_say() {
        let picture = look_at(gif(640, 480), None).expect("a picture");
        assert_eq!((picture.format, picture.width, picture.height), (PictureFormat::Gif, 640, 480));
        assert!(picture.file().ends_with(".gif") && picture.file().len() == 36, "{}", picture.file());
        assert_eq!(look_at(png(800, 600), None).map(|p| (p.format, p.width)), Ok((PictureFormat::Png, 800)));
    }

    #[test]
    fn what_no_page_can_use_is_refused() {
        for (bytes, fault) in [
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), PictureFault::Format),
            (b"<html>".to_vec(), PictureFault::Format),
            (Vec::new(), PictureFault::Format),
            (b"\x00\x00\x00\x20ftypavif".to_vec(), PictureFault::Format),
            (b"\xff\xd8\xff".to_vec(), PictureFault::Damaged),
            (gif(1, 1), PictureFault::Small),
            (png(50_000, 50_000), PictureFault::Pixels),
            (png(u32::MAX, u32::MAX), PictureFault::Pixels),
            (png(15_000, 15_000), PictureFault::Pixels),
            (vec![0; PICTURE_BYTES_MAX + 1], PictureFault::Bytes),
        ] {
            assert_eq!(look_at(bytes, None), Err(fault));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_break_the_measuring(magic in 0..4_usize, rest in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            let magic: &[u8] = [&b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff", b"GIF89a", b"RIFF\0\0\0\0WEBP"][magic];
            let _ = look_at([magic, &rest].concat(), None);
        }
    }
}
