//! What a plugin writes to the server's log.

use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{hostile_tools, order, start};

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn lines(&self, with: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(with)).map(str::to_owned).collect()
    }
}

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_flood_of_long_records_is_cut_dropped_and_counted() {
    let kept = Kept::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(kept.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let host = start(&[hostile_tools()]).await;
    let flood = |records: u32| order(&host, "hostile", json!({"what": "log", "records": records, "bytes": 9000}));

    assert_eq!(flood(9000).await.unwrap(), "9000");
    let records = kept.lines("flood flood");
    // A hundred for each second that the flood took.
    assert!((100..9000).contains(&records.len()), "{} records", records.len());
    for record in records {
        assert!(record.contains("plugin=\"hostile\"") && record.len() < 4096 + 200, "{} bytes", record.len());
    }

    let told = async {
        while kept.lines("records were dropped").is_empty() {
            flood(1).await.unwrap();
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), told).await.unwrap();
    assert!(kept.lines("records were dropped")[0].contains("dropped="));
}
