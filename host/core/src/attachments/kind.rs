//! What a content is, by what it begins with.

use std::io::{self, Read};

const PLAIN_TEXT: &str = "text/plain";
const ANYTHING: &str = "application/octet-stream";
/// Bytes by which an image is known.
const HEAD: usize = 12;

/// A content of which it is found out, while it is read, what it is and how long.
pub(super) struct Examined<R> {
    content: R,
    head: Vec<u8>,
    size: u64,
    is_text: bool,
    /// The beginning of a character of which the rest has not come.
    begun: Vec<u8>,
}

impl<R> Examined<R> {
    pub(super) fn new(content: R) -> Self {
        Self { content, head: Vec::with_capacity(HEAD), size: 0, is_text: true, begun: Vec::new() }
    }

    /// Bytes that were read.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// What it is, when all of it was read.
    pub(super) fn media_type(&self) -> &'static str {
        match self.head.as_slice() {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => "image/png",
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => "image/gif",
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P'] => "image/webp",
            _ if self.is_text && self.begun.is_empty() => PLAIN_TEXT,
            _ => ANYTHING,
        }
    }

    fn look_at(&mut self, piece: &[u8]) {
        self.size += piece.len() as u64;
        self.head.extend(piece.iter().take(HEAD - self.head.len()));
        if !self.is_text {
            return;
        }
        let joined;
        let piece = match self.begun.is_empty() {
            true => piece,
            false => {
                joined = [std::mem::take(&mut self.begun).as_slice(), piece].concat();
                &joined
            }
        };
        match std::str::from_utf8(piece) {
            Ok(_) => {}
            Err(error) if error.error_len().is_none() => self.begun = piece[error.valid_up_to()..].to_vec(),
            Err(_) => self.is_text = false,
        }
        self.is_text &= !piece.contains(&0);
    }
}

impl<R: Read> Read for Examined<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.content.read(buffer)?;
        self.look_at(&buffer[..got]);
        Ok(got)
    }
}

/// Whether it is one of the images that are told by their first bytes.
pub(crate) fn is_image(media_type: &str) -> bool {
    media_type.starts_with("image/")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a content is that comes a few bytes at a time.
    fn kind(content: &[u8]) -> &'static str {
        let kinds = [1, 3, 1000].map(|piece| {
            let mut examined = Examined::new(content);
            let mut buffer = vec![0; piece];
            while examined.read(&mut buffer).unwrap() > 0 {}
            assert_eq!(examined.size(), content.len() as u64);
            examined.media_type()
        });
        assert!(kinds.iter().all(|kind| *kind == kinds[0]), "{kinds:?}");
        kinds[0]
    }

    #[test]
    fn images_are_known_by_their_first_bytes_and_texts_by_all_of_them() {
        assert_eq!(kind(b"\x89PNG\r\n\x1a\nrest"), "image/png");
        assert_eq!(kind(b"\xff\xd8\xff\xe0"), "image/jpeg");
        assert_eq!(kind(b"GIF89a"), "image/gif");
        assert_eq!(kind(b"RIFF\x01\x02\x03\x04WEBPVP8 "), "image/webp");
        assert_eq!(kind(b"RIFF\x01\x02\x03\x04WAVEfmt "), "text/plain");
        assert_eq!(kind("gr\u{fc}\u{df}e \u{1f600}".as_bytes()), "text/plain");
        assert_eq!(kind(b""), "text/plain");
        assert_eq!(kind(b"<svg onload=alert(1)>"), "text/plain");
        assert_eq!(kind(b"a\0b"), "application/octet-stream");
        assert_eq!(kind(b"a\xffb"), "application/octet-stream");
        assert_eq!(kind(b"cut \xf0\x9f"), "application/octet-stream");
    }
}
