"""What Prometheus sees of one replica."""

from collections import Counter as Counted
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, ProcessCollector, generate_latest

from model_lifecycle.store import PredictionRow

_LATENCY = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 512, 2048, 8192)


class Metrics:
    """Counters, histograms and gauges in their own registry, memory and processor of this process among them.

    Parameters
    ----------
    replica : str
        The label of all of them: one address answers for all replicas, and counters of two must not look like one.
    """

    def __init__(self, replica: str = "") -> None:
        self.registry = CollectorRegistry()
        self._replica = replica
        self._answers: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "model_lifecycle_requests", "Answered requests", ["path", "status"], registry=self.registry
        )
        self._latency = Histogram(
            "model_lifecycle_request_seconds",
            "From the request's arrival to its answer",
            ["path"],
            buckets=_LATENCY,
            registry=self.registry,
        )
        self._call = Histogram(
            "model_lifecycle_model_call_seconds",
            "Features and model for one gathered batch",
            buckets=_LATENCY,
            registry=self.registry,
        )
        self._batch = Histogram(
            "model_lifecycle_batch_rows", "Records in one model call", buckets=_ROWS, registry=self.registry
        )
        self._decisions = Counter(
            "model_lifecycle_decisions", "Logged predictions", ["release", "decision"], registry=self.registry
        )
        self._lost = Counter(
            "model_lifecycle_log_lost", "Predictions answered and not in the log (log: relaxed)", registry=self.registry
        )
        self._gauges = {
            name: Gauge(f"model_lifecycle_{name}", text, registry=self.registry)
            for name, text in {
                "log_waiting": "Entries that wait to be committed",
                "log_commit_seconds": "Duration of the last commit",
                "log_available": "1 while the prediction log can be written",
                "events_watermark": "Sequence of the newest event that predictions see",
                "events_lag_seconds": "Seconds since the event store was last read to its end",
                "events_delay_seconds": "Seconds from the acceptance of the last events to their use by this replica",
                "release_swaps": "Changes of the release since the start",
                "release_as_of_seconds": "Time before which the release in use has learnt, in seconds since 1970",
            }.items()
        }
        self._release = Gauge(
            "model_lifecycle_release", "1 for the release in use", ["release"], registry=self.registry
        )

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count one answer."""
        found = self._answers.get((path, status))
        if found is None:  # labels are looked up once: that takes longer than to count
            found = self._requests.labels(path, str(status)), self._latency.labels(path)
            self._answers[path, status] = found
        found[0].inc()
        found[1].observe(seconds)

    def model_call(self, rows: int, seconds: float) -> None:
        """Count one gathered call."""
        self._batch.observe(rows)
        self._call.observe(seconds)

    def lost(self, rows: int) -> None:
        """Count predictions that were answered and could not be written."""
        self._lost.inc(rows)

    def decided(self, records: Sequence[PredictionRow]) -> None:
        """Count logged predictions."""
        for (release, decision), rows in Counted((record.release, record.decision) for record in records).items():
            self._decisions.labels(release, decision).inc(rows)

    def render(self, release: str, gauges: dict[str, float]) -> bytes:
        """Return the text format, with the gauges as they are now."""
        for name, value in gauges.items():
            self._gauges[name].set(value)
        self._release.clear()
        self._release.labels(release).set(1)
        return generate_latest(self)

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics, each sample with the label of this replica."""
        for metric in self.registry.collect():
            if self._replica:
                metric.samples = [
                    sample._replace(labels={**sample.labels, "replica": self._replica}) for sample in metric.samples
                ]
            yield metric
