//! The spool without a process: what is written, dropped and lost, and what a reader makes of it.

use std::{fs, path::Path, sync::Arc};

use sandboxed_model::command::{Exit, OutputStream};
use tempfile::TempDir;

use super::{Chunk, SpoolReader, SpoolWriter, Watcher};
use crate::{directory::RunDir, record::ExitRecord};

/// The smallest limit that there is.
const LIMIT: u64 = 1 << 20;
const SEGMENT: u64 = LIMIT / 16;

fn writer(directory: &TempDir) -> SpoolWriter {
    SpoolWriter::new(directory.path().to_owned(), OutputStream::Stdout, LIMIT)
}

fn reader(directory: &TempDir, offset: u64) -> SpoolReader {
    SpoolReader::new(RunDir::at(directory.path().to_owned()), OutputStream::Stdout, offset, Arc::<Watcher>::default())
}

/// What is printed at a place, so that any part tells whether it is the right one.
fn pattern(from: u64, length: u64) -> Vec<u8> {
    (from..from + length).map(|place| ((place / 7) ^ place) as u8).collect()
}

fn end(directory: &TempDir, writer: &SpoolWriter) {
    let directory = RunDir::at(directory.path().to_owned());
    let reserved = directory.reserve_exit_record().unwrap();
    let record = ExitRecord { exit: Exit::Code(0), stdout: Some(writer.length()), stderr: Some(0), usage: None };
    directory.write_exit_record(&reserved, &record).unwrap();
}

fn bytes_in(directory: &Path) -> u64 {
    let files = fs::read_dir(directory).unwrap().flatten();
    files
        .filter(|file| file.file_name().to_string_lossy().starts_with("stdout."))
        .map(|file| file.metadata().unwrap().len())
        .sum()
}

/// Reads to the end: what was there, as parts with their places, and the gaps.
async fn read_all(reader: &mut SpoolReader, max: usize) -> (Vec<(u64, u64)>, Vec<(u64, u64)>) {
    let mut parts: Vec<(u64, u64)> = Vec::new();
    let mut gaps = Vec::new();
    loop {
        match reader.next(max).await.unwrap() {
            Chunk::Bytes { offset, bytes } => {
                assert!(bytes.len() <= max);
                assert_eq!(bytes, pattern(offset, bytes.len() as u64), "at {offset}");
                match parts.last_mut() {
                    Some((start, length)) if *start + *length == offset => *length += bytes.len() as u64,
                    _ => parts.push((offset, bytes.len() as u64)),
                }
            }
            Chunk::Gap { offset, length } => gaps.push((offset, length)),
            Chunk::End => return (parts, gaps),
        }
    }
}

#[tokio::test]
async fn below_the_limit_everything_is_read_from_any_place_in_pieces_of_any_size() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(&directory);
    let length = 3 * SEGMENT + 17;
    for start in (0..length).step_by(1000) {
        writer.append(&pattern(start, 1000.min(length - start)));
    }
    end(&directory, &writer);

    for (offset, max) in [(0, 1 << 20), (0, 777), (SEGMENT, 4096), (SEGMENT - 1, 1 << 16), (length, 10)] {
        let (parts, gaps) = read_all(&mut reader(&directory, offset), max).await;

        let expected: &[(u64, u64)] = if offset < length { &[(offset, length - offset)] } else { &[] };
        assert_eq!(parts, expected);
        assert_eq!(gaps, []);
    }
}

#[tokio::test]
async fn over_the_limit_the_beginning_and_the_newest_are_kept_and_the_gap_is_marked() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(&directory);
    let length = 5 * LIMIT + 12345;
    for start in (0..length).step_by(200_000) {
        writer.append(&pattern(start, 200_000.min(length - start)));
        assert!(bytes_in(directory.path()) <= LIMIT, "the limit was broken at {start}");
    }
    end(&directory, &writer);

    let (parts, gaps) = read_all(&mut reader(&directory, 0), 1 << 16).await;

    let [(0, head), (tail_start, tail)] = parts[..] else { panic!("{parts:?}") };
    assert_eq!(head, LIMIT / 8);
    assert_eq!(tail_start + tail, length);
    assert!(tail >= LIMIT - LIMIT / 8 - 2 * SEGMENT, "only {tail} bytes of the end are left");
    assert_eq!(gaps, [(head, tail_start - head)]);
    assert_eq!(writer.status().gaps, gaps);
    assert_eq!(writer.status().dropped, tail_start - head);
}

#[tokio::test]
async fn a_reader_inside_a_gap_is_told_the_rest_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(&directory);
    writer.append(&pattern(0, 4 * LIMIT));
    end(&directory, &writer);
    let [(gap, length)] = writer.status().gaps[..] else { panic!("one gap") };

    let chunk = reader(&directory, gap + 1000).next(10).await.unwrap();

    assert_eq!(chunk, Chunk::Gap { offset: gap + 1000, length: length - 1000 });
}

#[tokio::test]
async fn a_reader_that_lags_behind_goes_on_over_the_gap_without_a_wrong_byte() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(&directory);
    writer.append(&pattern(0, LIMIT / 2));
    let mut reader = reader(&directory, 0);
    let Chunk::Bytes { bytes, .. } = reader.next(3 * SEGMENT as usize).await.unwrap() else { panic!("bytes") };
    let read = bytes.len() as u64;

    writer.append(&pattern(LIMIT / 2, 3 * LIMIT));
    end(&directory, &writer);
    let (parts, gaps) = read_all(&mut reader, 1 << 16).await;

    let covered: u64 = parts.iter().chain(&gaps).map(|(_, length)| length).sum();
    assert_eq!(read + covered, writer.length());
    assert_eq!(gaps.len(), 1);
}

#[tokio::test]
async fn what_the_disk_does_not_take_is_a_gap_and_later_output_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(&directory);
    writer.append(&pattern(0, 1000));
    // The next segment cannot be made because something is in its place.
    let next = directory.path().join(format!("stdout.{:020}", SEGMENT));
    fs::create_dir(&next).unwrap();
    writer.append(&pattern(1000, SEGMENT));
    assert!(writer.status().write_error.is_some());
    fs::remove_dir(&next).unwrap();
    writer.append(&pattern(SEGMENT + 1000, 500));
    assert_eq!(writer.status().write_error, None);
    end(&directory, &writer);

    let (parts, gaps) = read_all(&mut reader(&directory, 0), 1 << 16).await;

    assert_eq!(parts, [(0, SEGMENT), (SEGMENT + 1000, 500)]);
    assert_eq!(gaps, [(SEGMENT, 1000)]);
    assert_eq!(writer.status().lost, 1000);
}

#[tokio::test]
async fn output_that_was_lost_at_the_very_end_is_a_gap_before_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(&directory);
    writer.append(&pattern(0, 1000));
    let next = directory.path().join(format!("stdout.{:020}", SEGMENT));
    fs::create_dir(&next).unwrap();
    writer.append(&pattern(1000, SEGMENT));
    fs::remove_dir(&next).unwrap();
    end(&directory, &writer);

    let (parts, gaps) = read_all(&mut reader(&directory, 0), 1 << 16).await;

    assert_eq!((parts.as_slice(), gaps.as_slice()), ([(0, SEGMENT)].as_slice(), [(SEGMENT, 1000)].as_slice()));
}

#[tokio::test]
async fn a_waiting_reader_is_woken_by_new_output_and_by_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(&directory);
    let mut reader = reader(&directory, 0);
    let mut next = tokio::spawn(async move {
        let first = reader.next(100).await.unwrap();
        (first, reader)
    });
    let waiting = tokio::time::timeout(std::time::Duration::from_millis(50), &mut next).await;
    assert!(waiting.is_err(), "there was nothing to read");

    writer.append(b"now");
    let (first, mut reader) = next.await.unwrap();
    assert_eq!(first, Chunk::Bytes { offset: 0, bytes: b"now".to_vec() });

    let last = tokio::spawn(async move { reader.next(100).await.unwrap() });
    end(&directory, &writer);
    assert_eq!(last.await.unwrap(), Chunk::End);
}

#[tokio::test]
async fn a_read_that_is_given_up_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(&directory);
    let length = 100_000;
    writer.append(&pattern(0, length));
    end(&directory, &writer);
    let mut reader = reader(&directory, 0);

    for _ in 0..20 {
        tokio::select! {
            biased;
            () = tokio::task::yield_now() => {}
            chunk = reader.next(1) => assert_eq!(chunk.unwrap(), Chunk::Bytes { offset: 0, bytes: pattern(0, 1) }),
        }
        if reader.offset() > 0 {
            break;
        }
    }
    let from = reader.offset();
    let (parts, gaps) = read_all(&mut reader, 1 << 16).await;

    assert_eq!(parts, [(from, length - from)]);
    assert_eq!(gaps, []);
}
