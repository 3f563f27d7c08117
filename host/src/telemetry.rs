//! The door to OpenTelemetry: rounds, jobs and calls as traces, for a collector that takes them
//! by OTLP over HTTP.

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;
use url::Url;

/// What it is called at the collector.
const NAME: &str = "efficlose";
/// Where a collector takes traces, below its address.
const TRACES: &str = "v1/traces";
/// How long the collector may take for what it is sent at once.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Where traces go; `[telemetry]` in the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The collector, such as `http://localhost:4318`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "collector")]
    pub otlp: Option<Url>,
}

impl Settings {
    /// Tells whether nobody is told.
    pub fn is_none(&self) -> bool {
        self.otlp.is_none()
    }
}

fn collector<'de, D: Deserializer<'de>>(settings: D) -> Result<Option<Url>, D::Error> {
    let url = Url::deserialize(settings)?;
    match url.scheme() {
        "http" | "https" => Ok(Some(url)),
        _ => Err(D::Error::custom(format!("\"{url}\": write it like http://localhost:4318"))),
    }
}

/// What sends traces, until it is ended.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins to send traces to a collector, a batch at a time, from a thread of its own. A
    /// collector that isn't there costs nothing but the traces.
    ///
    /// # Errors
    ///
    /// Says why that can't be.
    pub fn start(collector: &Url) -> Result<Self, String> {
        // Fails only where another room has installed one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // The client blocks, which no thread of the runtime may.
        let made = std::thread::spawn(|| reqwest::blocking::Client::builder().build()).join();
        let client = made
            .map_err(|_| "its client can't be made".to_owned())?
            .map_err(|cause| cause.to_string())?;
        let base = collector.as_str().trim_end_matches('/');
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{base}/{TRACES}"))
            .with_timeout(PATIENCE)
            .build()
            .map_err(|why| why.to_string())?;
        let resource = Resource::builder_empty().with_service_name(NAME).build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource)
            .build();
        Ok(Self(provider))
    }

    /// Returns what takes the spans of the log.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let tracer = self.0.tracer(NAME);
        tracing_opentelemetry::layer().with_tracer(tracer).with_location(false).with_threads(false)
    }

    /// Sends what is left, and ends.
    pub fn end(&self) {
        if let Err(why) = self.0.shutdown() {
            tracing::warn!("the last traces were not sent: {why}");
        }
    }
}
