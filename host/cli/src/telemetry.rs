//! Log records, traces and metrics of the server.

use std::{
    io::{self, Write},
    time::Duration,
};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use sandboxed_model::config::{LogFormat, TelemetryConfig};
use sandboxed_vault::Redaction;
use tracing_subscriber::{EnvFilter, Layer, fmt::MakeWriter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::failed::{Failed, Result};

/// Times in seconds between which requests and calls are counted in histograms.
const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
/// How often what histograms collected is drained, so that they do not grow while nobody asks for metrics.
const UPKEEP: Duration = Duration::from_secs(5);

/// What has to be ended when the server ends.
pub(crate) struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Starts to write log records to standard error, and to send traces where the configuration says so.
    pub(crate) fn start(config: &TelemetryConfig, redaction: &Redaction) -> Result<Self> {
        let records_to = Records(redaction.clone());
        let traces = config.otlp_endpoint.as_deref().map(traces).transpose()?;
        let records: Box<dyn Layer<_> + Send + Sync> = match config.log_format {
            LogFormat::Human => tracing_subscriber::fmt::layer()
                .with_writer(records_to)
                .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
                .boxed(),
            LogFormat::Json => tracing_subscriber::fmt::layer().json().with_writer(records_to).boxed(),
        };
        let spans =
            traces.as_ref().map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("sandboxed-sh")));
        tracing_subscriber::registry().with(filter(&config.log)?).with(records).with(spans).init();
        Ok(Self { traces })
    }

    /// Sends what was not sent yet. Blocks for some seconds at most.
    pub(crate) fn end(self) {
        if let Some(provider) = self.traces
            && let Err(error) = provider.shutdown_with_timeout(Duration::from_secs(5))
        {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// Where log records go: to standard error, without values of secrets.
struct Records(Redaction);

/// One record: it is written in one piece.
struct Record(Redaction);

impl<'a> MakeWriter<'a> for Records {
    type Writer = Record;

    fn make_writer(&'a self) -> Record {
        Record(self.0.clone())
    }
}

impl Write for Record {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stderr().write_all(&self.0.bytes(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Writes only what somebody should act on, for commands that start a server of their own.
pub(crate) fn quiet() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let records = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    // It fails when there is a subscriber already, which then is the right one.
    let _ = tracing_subscriber::registry().with(filter).with(records).try_init();
}

/// Starts to collect metrics.
pub(crate) fn metrics() -> Result<PrometheusHandle> {
    let failed = |error: &dyn std::fmt::Display| Failed::new(format!("metrics cannot be collected: {error}"));
    let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).map_err(|error| failed(&error))?;
    let handle = builder.install_recorder().map_err(|error| failed(&error))?;
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut interval = tokio::time::interval(UPKEEP);
        loop {
            interval.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

fn filter(config: &str) -> Result<EnvFilter> {
    let (source, text) = match std::env::var("RUST_LOG") {
        Ok(text) if !text.is_empty() => ("RUST_LOG", text),
        _ => ("telemetry.log", config.to_owned()),
    };
    EnvFilter::try_new(&text).map_err(|error| {
        Failed::usage(format!("{source} {text:?} is no filter of log records: {error}"))
            .hint("write one like \"info\" or \"info,sandboxed_core=debug\"")
    })
}

fn traces(endpoint: &str) -> Result<SdkTracerProvider> {
    // The exporter sends from a thread of its own over plain TLS of this program.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().with_endpoint(url).build();
    let exporter = exporter.map_err(|error| {
        Failed::usage(format!("traces cannot be sent to {endpoint}: {error}")).hint("see telemetry.otlp_endpoint")
    })?;
    let resource = Resource::builder().with_service_name("sandboxed-sh").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}
