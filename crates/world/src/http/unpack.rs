//! Content codings (RFC 9110 §8.4.1), unpacked within limits: a kilobyte must not become a gigabyte.

use http::{HeaderMap, header};
use std::io::Read;

/// Unpacked bytes per packed byte beyond which a body is a bomb. Feeds reach 40; deflate's own ceiling is 1032.
const RATIO_MAX: usize = 200;
/// Below this many unpacked bytes the ratio does not matter.
const RATIO_FREE_BYTES: usize = 1_000_000;
/// Unpacked at a time, in bytes.
const STEP_BYTES: usize = 64 * 1024;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Plain,
    Gzip,
    Deflate,
    Brotli,
}

/// The coding that the head names. Nobody packs twice but to hide a bomb.
pub(super) fn coding(headers: &HeaderMap) -> Result<Coding, String> {
    let mut found = Coding::Plain;
    for value in headers.get_all(header::CONTENT_ENCODING) {
        for name in value.to_str().unwrap_or("?").split(',').map(|name| name.trim().to_ascii_lowercase()) {
            let next = match name.as_str() {
                "" | "identity" | "none" | "utf-8" => continue,
                "gzip" | "x-gzip" => Coding::Gzip,
                "deflate" => Coding::Deflate,
                "br" => Coding::Brotli,
                _ => return Err("is packed in a way that was not asked for".to_owned()),
            };
            if found != Coding::Plain {
                return Err("is packed more than once".to_owned());
            }
            found = next;
        }
    }
    Ok(found)
}

/// Unpacks a whole body.
pub(super) fn unpack(coding: Coding, packed: Vec<u8>, bytes_max: usize) -> Result<Vec<u8>, String> {
    match coding {
        Coding::Plain => Ok(packed),
        // Some servers say gzip and send it plain; the magic number (RFC 1952 §2.3.1) knows better.
        Coding::Gzip if !packed.starts_with(&[0x1f, 0x8b]) => Ok(packed),
        Coding::Gzip => drain(flate2::read::MultiGzDecoder::new(&packed[..]), packed.len(), bytes_max),
        Coding::Deflate if is_zlib(&packed) => {
            drain(flate2::read::ZlibDecoder::new(&packed[..]), packed.len(), bytes_max)
        }
        // RFC 9110 §8.4.1.2: some implementations send the bare deflate stream.
        Coding::Deflate => drain(flate2::read::DeflateDecoder::new(&packed[..]), packed.len(), bytes_max),
        Coding::Brotli => drain(brotli::Decompressor::new(&packed[..], STEP_BYTES), packed.len(), bytes_max),
    }
}

/// RFC 1950 §2.2: method 8, and the first two bytes are a multiple of 31.
fn is_zlib(packed: &[u8]) -> bool {
    match packed {
        [cmf, flg, ..] => cmf & 0x0f == 8 && (u16::from(*cmf) * 256 + u16::from(*flg)) % 31 == 0,
        _ => false,
    }
}

fn drain(mut unpacker: impl Read, packed_bytes: usize, bytes_max: usize) -> Result<Vec<u8>, String> {
    let mut unpacked = Vec::new();
    let mut step = vec![0; STEP_BYTES];
    loop {
        let read = unpacker.read(&mut step).map_err(|_| "is packed, but damaged".to_owned())?;
        if read == 0 {
            return Ok(unpacked);
        }
        unpacked.extend_from_slice(&step[..read]);
        if unpacked.len() > bytes_max {
            return Err(format!("unpacks to more than {bytes_max} bytes"));
        }
        if unpacked.len() > RATIO_FREE_BYTES && unpacked.len() / packed_bytes.max(1) > RATIO_MAX {
            return Err(format!("unpacks to more than {RATIO_MAX} times its size"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(text).expect("memory takes all");
        packer.finish().expect("memory takes all")
    }

    fn deflate(text: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(text).expect("memory takes all");
        packer.finish().expect("memory takes all")
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(text).expect("memory takes all");
        packer.finish().expect("memory takes all")
    }

    fn brotli_pack(text: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        let mut packer = brotli::CompressorWriter::new(&mut packed, 4_096, 5, 22);
        packer.write_all(text).expect("memory takes all");
        drop(packer);
        packed
    }

    #[test]
    fn every_coding_gives_back_what_was_packed() {
        let text = "A ferry, a strike and a harbour. ".repeat(200).into_bytes();
        for (coding, packed) in [
            (Coding::Gzip, gzip(&text)),
            (Coding::Gzip, text.clone()),
            (Coding::Deflate, zlib(&text)),
            (Coding::Deflate, deflate(&text)),
            (Coding::Brotli, brotli_pack(&text)),
        ] {
            assert_eq!(unpack(coding, packed, 1_000_000).as_ref(), Ok(&text), "{coding:?}");
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_fills_the_memory() {
        let zeros = vec![0; 64_000_000];
        for (coding, packed) in [
            (Coding::Gzip, gzip(&zeros)),
            (Coding::Deflate, zlib(&zeros)),
            (Coding::Deflate, deflate(&zeros)),
            (Coding::Brotli, brotli_pack(&zeros)),
        ] {
            let refusal = unpack(coding, packed.clone(), usize::MAX).expect_err("a bomb");
            assert_eq!(refusal, "unpacks to more than 200 times its size", "{coding:?}");
            let refusal = unpack(coding, packed, 500_000).expect_err("a bomb");
            assert_eq!(refusal, "unpacks to more than 500000 bytes", "{coding:?}");
        }
    }

    #[test]
    fn damaged_packing_is_said_to_be_damaged() {
        let mut packed = gzip(&b"headline".repeat(300));
        packed.truncate(packed.len() - 9);
        assert_eq!(unpack(Coding::Gzip, packed, 1_000_000), Err("is packed, but damaged".to_owned()));
        assert!(unpack(Coding::Brotli, vec![0xff; 40], 1_000_000).is_err());
        assert!(unpack(Coding::Deflate, vec![0xff; 40], 1_000_000).is_err());
    }

    #[test]
    fn codings_are_read_from_the_head() {
        let head = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CONTENT_ENCODING, http::HeaderValue::from_static(value));
            }
            coding(&headers)
        };
        assert_eq!(head(&[]), Ok(Coding::Plain));
        assert_eq!(head(&["GZIP"]), Ok(Coding::Gzip));
        assert_eq!(head(&["identity, br"]), Ok(Coding::Brotli));
        assert!(head(&["gzip, gzip"]).is_err());
        assert!(head(&["gzip", "br"]).is_err());
        assert!(head(&["zstd"]).is_err());
    }
}
