//! What was counted, as monitoring reads it: OpenMetrics, or the text format of Prometheus that came
//! before it and that others than Prometheus know.

use std::fmt::{Error, Write as _};
use std::time::Duration;

use message::{Fields, Name};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use server::Counts;
use tls::Version;

use super::{Overview, State};
use crate::listing;
use crate::serve::{BUCKETS, Labels, METHODS, STATUSES, Sum};

/// How the page is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Format {
    OpenMetrics,
    /// The text format of Prometheus, version 0.0.4.
    Prometheus,
}

impl Format {
    /// The one that a request likes better; OpenMetrics if it likes both alike, or neither.
    pub(super) fn of(fields: &Fields) -> Self {
        let [open, classic] =
            [Self::OpenMetrics, Self::Prometheus].map(|f| listing::quality(f.media_type(), fields));
        if classic > open && fields.contains(Name::Accept) {
            Self::Prometheus
        } else {
            Self::OpenMetrics
        }
    }

    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Everything that is counted, at one time.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    pub(super) uptime: Duration,
    pub(super) is_ready: bool,
    pub(super) workers: usize,
    pub(super) reloads: u64,
    pub(super) reloads_failed: u64,
    pub(super) sockets: Counts,
    pub(super) requests: Vec<(Labels, Sum)>,
}

/// A label and its value.
type Label<'a> = (&'static str, &'a str);

/// Everything that was counted so far.
pub(super) fn text(overview: &Overview, format: Format) -> String {
    let text = Snapshot {
        uptime: overview.began.elapsed(),
        is_ready: overview.state() == State::Serving,
        workers: overview.observer.workers(),
        reloads: overview.reloads.get(),
        reloads_failed: overview.reloads_failed.get(),
        sockets: overview.observer.counts(),
        requests: overview.tallies.sums(),
    }
    .into_text();
    match format {
        Format::OpenMetrics => text,
        Format::Prometheus => classic(&text),
    }
}

/// The same in the text format, in which a family is called as its samples are: a counter with its
/// `_total`, and facts with their `_info`, which are gauges there.
pub(super) fn classic(text: &str) -> String {
    let mut classic = String::with_capacity(text.len());
    let mut help = None;
    for line in text.lines() {
        if line.starts_with("# HELP ") {
            help = Some(line);
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|family| family.split_once(' '))
        {
            let (suffix, kind) = match kind {
                "counter" => ("_total", kind),
                "info" => ("_info", "gauge"),
                _ => ("", kind),
            };
            let said = help.take().and_then(|help: &str| help.splitn(4, ' ').nth(3));
            let said = said.unwrap_or_default();
            // A text takes whatever is written to it.
            let _ = writeln!(classic, "# HELP {name}{suffix} {said}");
            let _ = writeln!(classic, "# TYPE {name}{suffix} {kind}");
        } else if !line.starts_with('#') {
            classic.push_str(line);
            classic.push('\n');
        }
    }
    classic
}

impl Snapshot {
    pub(super) fn into_text(self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        // A text takes whatever is written to it.
        let _ = encode(&mut text, &registry);
        text
    }
}

impl Collector for Snapshot {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut page = Page(encoder);
        self.encode_program(&mut page)?;
        self.encode_sockets(&mut page)?;
        self.encode_requests(&mut page)
    }
}

impl Snapshot {
    fn encode_program(&self, page: &mut Page<'_>) -> Result<(), Error> {
        page.info("hepta_build", "The program.", &[("version", env!("CARGO_PKG_VERSION"))])?;
        let uptime = self.uptime.as_secs_f64();
        page.gauge("hepta_uptime_seconds", "How long the program has served.", uptime)?;
        let is_ready = if self.is_ready { 1.0 } else { 0.0 };
        page.gauge("hepta_ready", "1 while it serves, 0 when it stops or hands over.", is_ready)?;
        page.gauge("hepta_workers", "Threads that serve.", self.workers as f64)?;
        page.counters(
            "hepta_config_reloads",
            "Times that the configuration was read anew.",
            [
                (vec![("result", "ok")], self.reloads),
                (vec![("result", "failed")], self.reloads_failed),
            ],
        )
    }

    fn encode_sockets(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let sockets = &self.sockets;
        let name = "hepta_connections_accepted";
        page.counters(name, "Connections that were accepted.", [(vec![], sockets.accepted)])?;
        let open = sockets.open as f64;
        page.gauge("hepta_connections_open", "Connections that are there now.", open)?;
        page.counters(
            "hepta_connections_refused",
            "Connections for which there was no room.",
            [
                (vec![("reason", "limit")], sockets.refused_by_limit),
                (vec![("reason", "client")], sockets.refused_by_client),
                (vec![("reason", "kernel")], sockets.refused_by_kernel),
            ],
        )?;
        page.counters(
            "hepta_connections_sent_away",
            "Idle connections that were ended to make room.",
            [(vec![], sockets.idle_sent_away)],
        )?;
        let buffers = sockets.buffers_len as f64;
        let help = "Bytes read and not taken, or made and not sent.";
        page.gauge("hepta_buffers_bytes", help, buffers)?;
        let versions = Version::ALL.map(|version| version.to_string());
        let handshakes = versions.iter().zip(&sockets.handshakes).flat_map(|(version, counts)| {
            let of = |resumed| vec![("version", version.as_str()), ("resumed", resumed)];
            [(of("false"), counts.full), (of("true"), counts.resumed)]
        });
        page.counters("hepta_tls_handshakes", "TLS handshakes that were finished.", handshakes)?;
        page.counters(
            "hepta_tls_handshakes_unfinished",
            "Connections that ended before their TLS handshake did.",
            [(vec![], sockets.handshakes_unfinished)],
        )
    }

    fn encode_requests(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let requests = self.requests.iter().flat_map(|(labels, sum)| {
            let by_method = METHODS.iter().zip(&sum.count);
            by_method.flat_map(|(method, by_status)| {
                let counted = STATUSES.iter().zip(by_status).filter(|(_, count)| **count > 0);
                counted.map(|(status, count)| {
                    let [site, route] = pair(labels);
                    (vec![site, route, ("method", *method), ("status", *status)], *count)
                })
            })
        });
        page.counters("hepta_requests", "Requests that are over.", requests)?;
        let each = |number: fn(&Sum) -> u64| {
            self.requests.iter().map(move |(labels, sum)| (pair(labels).to_vec(), number(sum)))
        };
        let help = "Bytes of answers' bodies that were handed on.";
        page.counters("hepta_response_body_bytes", help, each(|sum| sum.body_len))?;
        let help = "Requests that ended before their answer was complete.";
        page.counters("hepta_requests_cut_short", help, each(|sum| sum.cut_short))?;
        page.histograms(
            "hepta_request_duration_seconds",
            "From a request's head to the end of its answer.",
            &self.requests,
        )
    }
}

fn pair(labels: &Labels) -> [Label<'_>; 2] {
    [("site", &labels.site), ("route", &labels.route)]
}

/// A page that is being written.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn info(&mut self, name: &str, help: &str, labels: &[Label<'_>]) -> Result<(), Error> {
        self.0.encode_descriptor(name, help, None, MetricType::Info)?.encode_info(&labels)
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) -> Result<(), Error> {
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn counters<'l>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Vec<Label<'l>>, u64)>,
    ) -> Result<(), Error> {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in series {
            match &*labels {
                [] => encoder.encode_counter::<NoLabelSet, _, u64>(&value, None)?,
                _ => encoder
                    .encode_family(&labels)?
                    .encode_counter::<NoLabelSet, _, u64>(&value, None)?,
            }
        }
        Ok(())
    }

    fn histograms(
        &mut self,
        name: &str,
        help: &str,
        requests: &[(Labels, Sum)],
    ) -> Result<(), Error> {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        let limits = BUCKETS.map(|limit| limit.as_secs_f64()).into_iter().chain([f64::INFINITY]);
        for (labels, sum) in requests {
            let buckets: Vec<_> = limits.clone().zip(sum.took).collect();
            let took = Duration::from_nanos(sum.took_nanos).as_secs_f64();
            encoder.encode_family(&pair(labels))?.encode_histogram::<NoLabelSet>(
                took,
                sum.total(),
                &buckets,
                None,
            )?;
        }
        Ok(())
    }
}
