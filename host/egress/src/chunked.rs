//! Bodies of requests that are passed on.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter};

use crate::{
    http::Body,
    tally::{Tally, Way},
};

/// The longest line that tells the size of a chunk, with its extensions, in bytes.
const SIZE_LINE: u64 = 1024;
/// The most digits that a chunk's size may have: 15 hexadecimal digits fit 64 bits with room to spare.
const SIZE_DIGITS: usize = 15;

/// Why a body was not passed on to its end.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The client ended it early or framed it wrongly.
    Client,
    /// The target takes no more. It may still have something to say.
    Target,
}

/// A client's body on its way to the target.
pub(crate) struct Upload<'a, R, W> {
    reader: BufReader<R>,
    writer: BufWriter<W>,
    tally: &'a Tally,
    /// The most bytes that its trailers may have.
    trailers: usize,
}

impl<'a, R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Upload<'a, R, W> {
    pub(crate) fn new(reader: R, writer: W, tally: &'a Tally, trailers: usize) -> Self {
        let size = crate::relay::BLOCK;
        Self {
            reader: BufReader::with_capacity(size, reader),
            writer: BufWriter::with_capacity(size, writer),
            tally,
            trailers,
        }
    }

    /// Passes on the head and exactly the body. A chunked body is framed anew, without extensions and trailers: no two
    /// readers of what the target gets can disagree about where it ends.
    pub(crate) async fn pass(&mut self, head: &[u8], body: Body) -> Result<(), Broken> {
        self.write(head).await?;
        match body {
            Body::Length(length) => self.copy(length).await?,
            Body::Chunked => self.chunks().await?,
        }
        self.writer.flush().await.map_err(|_| Broken::Target)
    }

    /// Reads on and throws away what the client sends after its one request, until it ends.
    pub(crate) async fn drain(&mut self) -> io::Result<()> {
        tokio::io::copy_buf(&mut self.reader, &mut tokio::io::sink()).await.map(drop)
    }

    /// Tells the target that nothing more will come.
    pub(crate) async fn shut(&mut self) -> io::Result<()> {
        self.writer.shutdown().await
    }

    async fn chunks(&mut self) -> Result<(), Broken> {
        loop {
            let line = self.line(SIZE_LINE).await?;
            let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
            let size = chunk_size(digits).ok_or(Broken::Client)?;
            if size == 0 {
                break;
            }
            self.write(format!("{size:x}\r\n").as_bytes()).await?;
            self.copy(size).await?;
            let mut end = [0; 2];
            self.reader.read_exact(&mut end).await.map_err(|_| Broken::Client)?;
            if end != *b"\r\n" {
                return Err(Broken::Client);
            }
            self.write(b"\r\n").await?;
        }
        let mut room = self.trailers;
        loop {
            let line = self.line(room as u64).await?;
            if line.is_empty() {
                break;
            }
            room -= line.len();
        }
        self.write(b"0\r\n\r\n").await
    }

    /// The next line without its end, if it has one within `limit` bytes.
    async fn line(&mut self, limit: u64) -> Result<Vec<u8>, Broken> {
        self.flush_before_waiting().await?;
        let mut line = Vec::new();
        let mut start = (&mut self.reader).take(limit);
        start.read_until(b'\n', &mut line).await.map_err(|_| Broken::Client)?;
        let text = line.strip_suffix(b"\r\n").ok_or(Broken::Client)?;
        if text.contains(&b'\r') {
            return Err(Broken::Client);
        }
        line.truncate(line.len() - 2);
        Ok(line)
    }

    async fn copy(&mut self, mut length: u64) -> Result<(), Broken> {
        while length > 0 {
            self.flush_before_waiting().await?;
            let block = self.reader.fill_buf().await.map_err(|_| Broken::Client)?;
            if block.is_empty() {
                return Err(Broken::Client);
            }
            let count = usize::try_from(length).unwrap_or(usize::MAX).min(block.len());
            self.writer.write_all(&block[..count]).await.map_err(|_| Broken::Target)?;
            self.tally.count(Way::Up, count);
            self.reader.consume(count);
            length -= count as u64;
        }
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.writer.write_all(bytes).await.map_err(|_| Broken::Target)?;
        self.tally.count(Way::Up, bytes.len());
        Ok(())
    }

    /// The target gets what there is before the client is waited for: the client may be waiting for the target.
    async fn flush_before_waiting(&mut self) -> Result<(), Broken> {
        if self.reader.buffer().is_empty() {
            self.writer.flush().await.map_err(|_| Broken::Target)?;
        }
        Ok(())
    }
}

fn chunk_size(digits: &[u8]) -> Option<u64> {
    let well_formed = (1..=SIZE_DIGITS).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| well_formed)?;
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{Reason, VerdictSink};

    async fn pass(body: Body, sent: &str) -> Option<String> {
        let (sink, _verdicts) = VerdictSink::channel(1);
        let tally = Tally::new(&sink, "a.org".to_owned(), 80, Reason::Rule);
        let mut got = Vec::new();
        let mut upload = Upload::new(sent.as_bytes(), &mut got, &tally, 64);
        upload.pass(b"", body).await.ok()?;
        drop(upload);
        Some(String::from_utf8(got).unwrap())
    }

    #[tokio::test]
    async fn exactly_the_body_is_passed_on() {
        assert_eq!(pass(Body::Length(3), "abcGET / HTTP/1.1\r\n\r\n").await.unwrap(), "abc");
        assert_eq!(pass(Body::Length(0), "GET / HTTP/1.1\r\n\r\n").await.unwrap(), "");
        assert_eq!(pass(Body::Length(3), "ab").await, None);
    }

    #[tokio::test]
    async fn chunks_are_framed_anew() {
        let sent = "3;a=b\r\nabc\r\n0A \r\n0123456789\r\n000\r\nX-Trailer: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        let got = pass(Body::Chunked, sent).await.unwrap();
        assert_eq!(got, "3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n");
    }

    #[tokio::test]
    async fn chunks_that_two_readers_could_read_differently_are_refused() {
        for sent in [
            "3\nabc\r\n0\r\n\r\n",
            "3\r\nabcd\r\n0\r\n\r\n",
            "3\r\nabc0\r\n\r\n",
            "+3\r\nabc\r\n0\r\n\r\n",
            " 3\r\nabc\r\n0\r\n\r\n",
            "0x3\r\nabc\r\n0\r\n\r\n",
            "\r\n0\r\n\r\n",
            "-1\r\n",
            "3;a\rb\r\nabc\r\n0\r\n\r\n",
            "10000000000000003\r\nabc\r\n0\r\n\r\n",
            "0\r\nX: 1\n\r\n\n",
            "0\r\n",
            "3\r\nabc\r\n",
        ] {
            assert_eq!(pass(Body::Chunked, sent).await, None, "{sent:?}");
        }
        assert_eq!(pass(Body::Chunked, &format!("0\r\n{}\r\n\r\n", "x".repeat(64))).await, None, "long trailers");
        assert_eq!(pass(Body::Chunked, &format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(1024))).await, None, "long size");
    }
}
