//! What extended headers say (POSIX pax).

use crate::{Error, Result};

/// How the names of extended attributes begin in extended headers (star, and GNU tar after it).
pub const ATTRIBUTE: &[u8] = b"SCHILY.xattr.";

/// Why files are refused that are stored without their holes: a map of them comes before their content (GNU tar).
pub(crate) const SPARSE: &str = "sparse files are not supported; pack without them";

/// What is said of the entry that follows.
#[derive(Debug, Default)]
pub(crate) struct Extensions {
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) link: Option<Vec<u8>>,
    pub(crate) size: Option<u64>,
    pub(crate) user: Option<u64>,
    pub(crate) group: Option<u64>,
    pub(crate) modified: Option<(i64, u32)>,
    pub(crate) attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Extensions {
    /// Takes what all records of a header say. Of what is said twice the last holds.
    pub(crate) fn read(&mut self, mut records: &[u8]) -> Result<()> {
        while !records.is_empty() {
            let (key, value) = record(&mut records)
                .ok_or_else(|| Error::Unreadable("an extended header cannot be read".to_owned()))?;
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => self.size = Some(required(value)?),
                b"uid" => self.user = Some(required(value)?),
                b"gid" => self.group = Some(required(value)?),
                b"mtime" => self.modified = time(value).or(self.modified),
                key if key.starts_with(ATTRIBUTE) => {
                    self.attributes.push((key[ATTRIBUTE.len()..].to_vec(), value.to_vec()));
                }
                key if key.starts_with(b"GNU.sparse") => return Err(Error::Refused(SPARSE.to_owned())),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Takes one record, `LENGTH KEY=VALUE` and the end of a line. A value may be any bytes, ends of lines too: only the length says
/// where it ends.
fn record<'r>(records: &mut &'r [u8]) -> Option<(&'r [u8], &'r [u8])> {
    let space = records.iter().position(|byte| *byte == b' ')?;
    let length = usize::try_from(number(&records[..space])?).ok()?;
    let (record, rest) = records.split_at_checked(length)?;
    let pair = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    *records = rest;
    Some((&pair[..equals], &pair[equals + 1..]))
}

/// Digits and nothing else.
fn number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().all(u8::is_ascii_digit).then_some(text)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn required(text: &[u8]) -> Result<u64> {
    number(text).ok_or_else(|| Error::Refused("an extended header holds no number where one has to be".to_owned()))
}

/// Seconds since 1970, rounded down, and nanoseconds.
fn time(text: &[u8]) -> Option<(i64, u32)> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanoseconds = digits.try_fold(0, |sum, digit| Some(sum * 10 + char::from(digit).to_digit(10)?))?;
    let seconds: i64 = whole.parse().ok()?;
    match whole.starts_with('-') && nanoseconds > 0 {
        true => Some((seconds.checked_sub(1)?, 1_000_000_000 - nanoseconds)),
        false => Some((seconds, nanoseconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(records: &[u8]) -> Result<Extensions> {
        let mut said = Extensions::default();
        said.read(records).map(|()| said)
    }

    #[test]
    fn a_value_is_any_bytes_and_its_length_says_where_it_ends() {
        let said = read(b"17 path=a\nb=\xff\0 c\n24 SCHILY.xattr.user.a=\n27 SCHILY.xattr.user.b==\n\n\n").unwrap();

        assert_eq!(said.path.unwrap(), b"a\nb=\xff\0 c");
        assert_eq!(said.attributes, [(b"user.a".to_vec(), Vec::new()), (b"user.b".to_vec(), b"=\n\n".to_vec())]);
    }

    #[test]
    fn what_is_said_last_holds() {
        let said = read(b"10 size=1\n10 size=2\n9 path=a\n9 path=b\n").unwrap();

        assert_eq!((said.size, said.path), (Some(2), Some(b"b".to_vec())));
    }

    #[test]
    fn a_record_whose_length_lies_is_none() {
        for lie in [
            b"8 path=a\n".as_slice(),
            b"11 path=a\n",
            b"999 path=a\n",
            b"0 path=a\n",
            b"1 path=a\n",
            b"2 path=a\n",
            b"3 path=a\n",
            b"-11 path=a\n",
            b"+11 path=a\n",
            b"0x9 path=a\n",
            b" path=a\n",
            b"18446744073709551615 path=a\n",
            b"18446744073709551625 path=a\n",
            b"99999999999999999999999999 path=a\n",
            b"9 path=a ",
            b"9 path:a\n",
            b"9path=a\n",
            b"9 path=a\n\n",
            b"9 path=a\n\0\0\0",
            b"\n",
            b"9",
            b"\xff\xfe path=a\n",
        ] {
            let told = read(lie);
            assert!(matches!(told, Err(Error::Unreadable(_))), "{}: {told:?}", lie.escape_ascii());
        }
    }

    #[test]
    fn a_number_is_digits_that_fit() {
        let size = |text: &str| {
            let rest = text.len() + 9;
            read(format!("{rest} size={text}\n").as_bytes()).map(|said| said.size)
        };
        assert_eq!(size("18446744073709551615").unwrap(), Some(u64::MAX));
        for wrong in ["18446744073709551616", "-100", "+100", "0x100", "1 000", "100.", "\u{661}\u{661}"] {
            assert!(matches!(size(wrong), Err(Error::Refused(_))), "{wrong}");
        }
        for key in ["size", "uid", "gid"] {
            let told = read(format!("{} {key}=\n", key.len() + 4).as_bytes());
            assert!(matches!(told, Err(Error::Refused(_))), "{key}");
        }
    }

    #[test]
    fn a_time_is_kept_to_the_nanosecond_and_one_that_is_none_is_left_out() {
        for (text, told) in [
            ("1700000000", Some((1_700_000_000, 0))),
            ("1700000000.5", Some((1_700_000_000, 500_000_000))),
            ("1.0000000019", Some((1, 1))),
            ("-1.25", Some((-2, 750_000_000))),
            ("-0.5", Some((-1, 500_000_000))),
            ("-9223372036854775808.5", None),
            ("9223372036854775808", None),
            ("1.-5", None),
            ("1.5x", None),
            ("", None),
            (".", None),
        ] {
            assert_eq!(time(text.as_bytes()), told, "{text}");
        }
        assert_eq!(time(b"\xff"), None);
    }

    #[test]
    fn maps_of_sparse_files_are_refused() {
        assert!(matches!(read(b"22 GNU.sparse.major=1\n"), Err(Error::Refused(_))));
    }
}
