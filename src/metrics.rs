//! Metrics of the controller. Labels hold kinds, verbs, codes and results only: never names, never secrets.

mod exposition;

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

pub use exposition::Exposition;

use crate::openstack::CallObserver;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ResultLabel {
    pub result: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct StepLabel {
    pub kind: String,
    pub verb: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct RequestLabel {
    pub service: String,
    pub method: String,
    pub code: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ServiceLabel {
    pub service: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct StateLabel {
    pub state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct DaysLeftLabel {
    pub days_left: String,
}

/// All metrics, and the registry that prints them.
pub struct Metrics {
    pub registry: Registry,
    /// `evenkeel_reconciles_total{result}`
    pub reconciles: Family<ResultLabel, Counter>,
    /// `evenkeel_plan_steps_total{kind,verb}`: executed steps
    pub steps: Family<StepLabel, Counter>,
    /// `evenkeel_openstack_requests_total{service,method,code}`
    pub openstack_requests: Family<RequestLabel, Counter>,
    /// `evenkeel_openstack_request_duration_seconds{service}`
    pub openstack_request_duration: Family<ServiceLabel, Histogram>,
    /// `evenkeel_lock_waits_total`: reconciles that found the load balancer locked
    pub lock_waits: Counter,
    /// `evenkeel_drift_detected_total`: times that the cloud differed from an unchanged stack
    pub drift: Counter,
    /// `evenkeel_time_to_ready_seconds`: from seeing a generation to Ready
    pub time_to_ready: Histogram,
    /// `evenkeel_reconcile_panics_total`: reconciles that panicked
    pub panics: Counter,
    /// `evenkeel_stacks{state}`
    pub stacks: Family<StateLabel, Gauge>,
    /// `evenkeel_certificates{days_left}`: certificates from the cluster, by the days until they expire
    pub certificates: Family<DaysLeftLabel, Gauge>,
}

impl Metrics {
    pub fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix("evenkeel");
        let reconciles = Family::<ResultLabel, Counter>::default();
        let steps = Family::<StepLabel, Counter>::default();
        let openstack_requests = Family::<RequestLabel, Counter>::default();
        let openstack_request_duration = Family::<ServiceLabel, Histogram>::new_with_constructor(|| {
            Histogram::new(exponential_buckets(0.01, 2.0, 14))
        });
        let time_to_ready = Histogram::new(exponential_buckets(0.5, 2.0, 12));
        let (lock_waits, drift, panics) = (Counter::default(), Counter::default(), Counter::default());
        let stacks = Family::<StateLabel, Gauge>::default();
        let certificates = Family::<DaysLeftLabel, Gauge>::default();
        registry.register("reconciles", "Reconciles of a stack, by result", reconciles.clone());
        registry.register("plan_steps", "Executed plan steps, by kind of object and verb", steps.clone());
        registry.register(
            "openstack_requests",
            "Requests to OpenStack, by service, HTTP method and status code",
            openstack_requests.clone(),
        );
        registry.register(
            "openstack_request_duration_seconds",
            "Duration of requests to OpenStack",
            openstack_request_duration.clone(),
        );
        registry.register(
            "lock_waits",
            "Reconciles that found the load balancer locked by Octavia",
            lock_waits.clone(),
        );
        registry.register("drift_detected", "Times that the cloud differed from an unchanged stack", drift.clone());
        registry.register("time_to_ready_seconds", "From seeing a generation to Ready", time_to_ready.clone());
        registry.register("reconcile_panics", "Reconciles that panicked: bugs of the controller", panics.clone());
        registry.register("stacks", "Stacks known to the controller, by state", stacks.clone());
        registry.register(
            "certificates",
            "Certificates from Secrets and ConfigMaps, by the days until they expire",
            certificates.clone(),
        );
        Arc::new(Self {
            registry,
            reconciles,
            steps,
            openstack_requests,
            openstack_request_duration,
            lock_waits,
            drift,
            time_to_ready,
            panics,
            stacks,
            certificates,
        })
    }

    /// All metrics in the text format of OpenMetrics.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// All metrics in this format.
    pub fn text_in(&self, format: Exposition) -> Result<String, std::fmt::Error> {
        let text = self.text()?;
        Ok(match format {
            Exposition::OpenMetrics => text,
            Exposition::Classic => exposition::classic(&text),
        })
    }
}

impl CallObserver for Metrics {
    fn called(&self, service: &'static str, verb: &'static str, code: &str, seconds: f64) {
        let label = RequestLabel { service: service.to_owned(), method: verb.to_owned(), code: code.to_owned() };
        self.openstack_requests.get_or_create(&label).inc();
        self.openstack_request_duration.get_or_create(&ServiceLabel { service: service.to_owned() }).observe(seconds);
    }
}
