//! A line to a stranger that is slow or breaks: octets trickle, or the connection ends after so many of them.
//!
//! It sits between the simulated relay and its end of the pipe, so the newsroom meets it as it would a bad network: half a
//! command, half a reply, a final dot that left and an answer that never came. What was written before the break stays
//! readable at the far end, as it does in a socket's buffers.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use world::{Ms, Stream, World};

/// Read at once by the relay when the line is not slow, in octets.
const READ_BYTES: usize = 16 * 1024;

/// How bad a line is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Quality {
    /// It breaks once the relay has read so many octets.
    pub(crate) reads_bytes_max: Option<usize>,
    /// It breaks once the relay has written so many octets.
    pub(crate) writes_bytes_max: Option<usize>,
    /// The relay's replies go out one octet at a time, this far apart, in milliseconds.
    pub(crate) reply_octet_ms: Option<Ms>,
    /// The relay reads so many octets at a time, a tenth of a second apart.
    pub(crate) sips_bytes: Option<usize>,
}

/// Between two sips, in milliseconds.
const SIP_MS: Ms = 100;

type Nap = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One end of a bad line.
pub(crate) struct Line {
    /// `None` once it is broken.
    pipe: Option<Stream>,
    world: World,
    quality: Quality,
    reading: Option<Nap>,
    writing: Option<Nap>,
}

impl Line {
    pub(crate) fn new(pipe: Stream, world: World, quality: Quality) -> Self {
        Self { pipe: Some(pipe), world, quality, reading: None, writing: None }
    }

    fn nap(&self, ms: Ms) -> Nap {
        let world = self.world.clone();
        Box::pin(async move { world.sleep(ms).await })
    }
}

/// Waits for a nap under way to end.
fn rested(nap: &mut Option<Nap>, cx: &mut Context<'_>) -> Poll<()> {
    if let Some(under_way) = nap {
        ready!(under_way.as_mut().poll(cx));
        *nap = None;
    }
    Poll::Ready(())
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(rested(&mut self.reading, cx));
        let allowed = self.quality.reads_bytes_max.unwrap_or(READ_BYTES);
        if allowed == 0 {
            self.pipe = None;
        }
        let wanted = allowed.min(self.quality.sips_bytes.unwrap_or(READ_BYTES)).min(buf.remaining());
        let Some(pipe) = &mut self.pipe else { return Poll::Ready(Ok(())) };
        let mut held = vec![0; wanted];
        let mut part = ReadBuf::new(&mut held);
        ready!(Pin::new(pipe).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        buf.put_slice(part.filled());
        if let Some(left) = &mut self.quality.reads_bytes_max {
            *left -= read;
        }
        if self.quality.sips_bytes.is_some() {
            self.reading = Some(self.nap(SIP_MS));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(rested(&mut self.writing, cx));
        let allowed = self.quality.writes_bytes_max.unwrap_or(usize::MAX);
        if allowed == 0 {
            self.pipe = None;
        }
        let at_once = if self.quality.reply_octet_ms.is_some() { 1 } else { bytes.len() };
        let Some(pipe) = &mut self.pipe else { return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())) };
        let written = ready!(Pin::new(pipe).poll_write(cx, &bytes[..at_once.min(allowed).min(bytes.len())]))?;
        if let Some(left) = &mut self.quality.writes_bytes_max {
            *left -= written;
        }
        if let Some(apart) = self.quality.reply_octet_ms {
            self.writing = Some(self.nap(apart));
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.pipe {
            Some(pipe) => Pin::new(pipe).poll_flush(cx),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.pipe {
            Some(pipe) => Pin::new(pipe).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use world::simulated::{self, Internet};

    fn line(quality: Quality) -> (Line, tokio::io::DuplexStream, World) {
        let (near, far) = tokio::io::duplex(1024);
        let world = simulated::world(1, Internet::new());
        (Line::new(Stream::new(near, None), world.clone(), quality), far, world)
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_breaks_after_so_many_octets_and_what_was_written_stays_readable() {
        let quality = Quality { reads_bytes_max: Some(3), writes_bytes_max: Some(4), ..Quality::default() };
        let (mut line, mut far, _) = line(quality);
        assert_eq!(line.write(b"250 ok").await.expect("four go"), 4);
        far.write_all(b"MAIL").await.expect("the line is up");
        let mut heard = Vec::new();
        line.read_to_end(&mut heard).await.expect("its end");
        assert_eq!(heard, b"MAI");
        assert!(line.write(b"k").await.is_err());
        let mut said = Vec::new();
        far.read_to_end(&mut said).await.expect("its end");
        assert_eq!(said, b"250 ");
    }

    #[tokio::test(start_paused = true)]
    async fn octets_trickle_on_the_simulated_clock() {
        let quality = Quality { reply_octet_ms: Some(50), sips_bytes: Some(1), ..Quality::default() };
        let (mut line, mut far, world) = line(quality);
        let began = world.now();
        line.write_all(b"250 ok\r\n").await.expect("the line is up");
        assert_eq!(world.now() - began, 7 * 50);
        far.write_all(b"QUIT").await.expect("the line is up");
        let mut heard = [0; 4];
        line.read_exact(&mut heard).await.expect("four octets");
        assert_eq!(world.now() - began, 7 * 50 + 3 * SIP_MS);
    }
}
