"""What the routes call: one object that owns the store, the log writer, the history and the release."""

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from model_lifecycle.registry import Registry
from model_lifecycle.scoring import Scorer
from model_lifecycle.serving.bodies import explain_request, feedback_request, predict_request
from model_lifecycle.serving.canary import CanaryWatch
from model_lifecycle.serving.champion import ChampionWatch, Refusal, fixed_place, registry_place
from model_lifecycle.serving.docs_page import DOCS_PAGE
from model_lifecycle.serving.explainer import Explainer
from model_lifecycle.serving.feedback import event_records, label_records
from model_lifecycle.serving.feedback_writer import FeedbackWriter
from model_lifecycle.serving.idempotency import KeyedRequests, read_key
from model_lifecycle.serving.keys import KeyHash, KeyRing
from model_lifecycle.serving.live_history import LiveHistory
from model_lifecycle.serving.log_writer import LOCK_SECONDS, LogWriter
from model_lifecycle.serving.metrics import Metrics
from model_lifecycle.serving.openapi import openapi_document
from model_lifecycle.serving.predictor import Predictor, RequestKey
from model_lifecycle.serving.privacy import PRIVACY_KEY, Pseudonyms
from model_lifecycle.serving.settings import ServiceSettings
from model_lifecycle.serving.types import FeedbackAnswer, Record
from model_lifecycle.store import Store
from model_lifecycle.trials import Trials

logger = logging.getLogger(__name__)

# Events older than this are no longer followed: the store cannot be read, or a thread hangs.
STALE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the service answers, part by part."""

    ready: bool
    release: str
    log: str
    history: str
    watermark: int
    warnings: list[str]


class Service:
    """One replica's service.

    Parameters
    ----------
    settings : ServiceSettings
        All settings.
    key : KeyHash or None
        The hash of a key that is taken besides those of the settings' file.
    replica : str
        The replica's name in ``/model``.
    """

    def __init__(self, settings: ServiceSettings, key: KeyHash | None, replica: str = "") -> None:
        self.limits = settings.limits
        self.metrics = Metrics(replica)
        self._settings = settings
        self.keys = KeyRing(settings.key_hash, key)
        self._replica = replica
        self._started = datetime.now(UTC)
        self._store = self._open_store()
        with ExitStack() as unfinished:
            unfinished.callback(self._store.close)
            self._writer = LogWriter(self._store, self._reopen)
            source = (
                fixed_place(settings.release)
                if settings.release is not None
                else registry_place(Registry(settings.registry, settings.registry_name))
            )
            trials = Trials(Registry(settings.registry, settings.registry_name))
            self._canaries = CanaryWatch(trials, settings.canary, self._follow, replica)
            self._watch = ChampionWatch(source, self._follow, settings.swap_poll_seconds, self._canaries.look)
            pseudonyms = Pseudonyms(settings.key_hash.with_name(PRIVACY_KEY))
            if self._watch.champion.scorer.private:
                pseudonyms.prepare()
            self._predictor = Predictor(
                self._watch,
                self._writer,
                self.metrics,
                self.limits.waiting_rows,
                pseudonyms,
                lambda: self._canaries.current,
                settings.control,
                relaxed=settings.log == "relaxed",
            )
            self._explainer = Explainer(self.limits.waiting_explanations)
            self._feedback = FeedbackWriter(self._store, self._writer, self.limits.waiting_feedback)
            self._readers = ThreadPoolExecutor(2, thread_name_prefix="requests")
            self._keyed = KeyedRequests(self._store, self._readers, self._predictor.predict)
            self._writer.start()
            if settings.release is None:
                self._watch.start()
            unfinished.pop_all()

    def close(self) -> None:
        """Write what is queued, end the threads and give the connections back."""
        self._watch.close()
        self._canaries.close()
        self._explainer.close()
        self._feedback.close()
        self._readers.shutdown()
        self._writer.close()
        self._store.close()

    async def predict(self, body: bytes, idempotency_key: bytes | None = None) -> dict[str, object]:
        """Answer the body of ``POST /predict``: predictions for records, a prediction for one record.

        With an idempotency key that was answered before, the answer is that of before.

        Raises
        ------
        Problem
            400 for malformed JSON, 409 for a key that came with another body, 413 for too much of it, 422 for wrong
            fields, 429 and 503 when it cannot be answered now.
        """
        records, single = predict_request(body, self.limits)
        self._decide_now(records)
        predictions = await self._predictions(read_key(idempotency_key, body), records)
        return predictions[0] if single else {"predictions": predictions}

    async def _predictions(self, key: RequestKey | None, records: list[Record]) -> list[dict[str, object]]:
        if not records:
            return []
        return await (self._predictor.predict(records) if key is None else self._keyed.answer(key, records))

    async def explain(self, body: bytes) -> dict[str, object]:
        """Answer the body of ``POST /explain``; nothing is logged.

        Raises
        ------
        Problem
            As `predict`; 429 when too many requests wait for explanations.
        """
        request, single = explain_request(body, self.limits)
        self._decide_now(request.records)
        explanations = await self._explainer.explain(self._watch.champion, request.records, request.top)
        return explanations[0] if single else {"explanations": explanations}

    def _decide_now(self, records: list[Record]) -> None:
        """Give the records without a decision time the present one."""
        decision_time = self._watch.champion.scorer.question.decision_time
        now = None
        for record in records:
            if record.get(decision_time) is None:
                now = now or datetime.now(UTC).isoformat()
                record[decision_time] = now

    async def feedback(self, body: bytes) -> FeedbackAnswer:
        """Answer the body of ``POST /feedback``.

        Raises
        ------
        Problem
            400 for malformed JSON, 413 for too much of it, 422 for wrong fields, 429 when too many requests wait, 503
            when the store cannot be written.
        """
        request = feedback_request(body, self.limits)
        now = datetime.now(UTC)
        labels = label_records(request.labels, now, self._watch.champion.scorer.task)
        events = event_records(request.events, self._watch.champion.scorer.spec, now)
        return await self._feedback.write(labels, events)

    def alive(self) -> dict[str, str]:
        """Return the answer of ``/healthz``: this process runs."""
        return {"status": "alive"}

    def ready(self) -> tuple[bool, Readiness]:
        """Return whether requests can be answered, and each part's state; open to all, so without paths and reasons."""
        champion = self._watch.champion
        history = champion.history
        log = self._writer.unavailable
        lag = history.lag_seconds()
        warnings = []
        if self._watch.refused is not None:
            warnings.append("a newer release was refused, see /model")
        if self._watch.unreachable is not None:
            warnings.append("the registry cannot be read, see /model")
        if champion.scorer.spec.history and history.snapshot.reaches_back_to is None:
            warnings.append("the event history is empty; `python -m model_lifecycle backfill` fills it")
        fresh = lag < STALE_SECONDS
        state = Readiness(
            ready=log is None and fresh,
            release=champion.scorer.release_id,
            log="writable" if log is None else "unavailable",
            history="followed" if fresh else f"not read for {lag:.0f} s",
            watermark=history.snapshot.watermark,
            warnings=warnings,
        )
        return state.ready, state

    def model(self) -> dict[str, object]:
        """Return the answer of ``/model``."""
        champion = self._watch.champion
        scorer = champion.scorer
        refused = self._watch.refused
        return {
            "release": scorer.release_id,
            "digest": champion.digest,
            "source": champion.place.source,
            "since": champion.since,
            "replica": self._replica,
            "question": scorer.question.question,
            "decision": scorer.question.decision,
            "threshold": scorer.threshold,
            "value": scorer.question.value.model_dump(),
            "inputs": scorer.contract.model_dump(mode="json")["columns"],
            "features": scorer.spec.names(),
            "card": scorer.card,
            "swaps": self._watch.swaps,
            "canary": self._canaries.state(),
            "refused": None if refused is None else {"reason": _refusal(refused), "at": refused.at},
            "registry_unreachable": self._watch.unreachable,
        }

    def openapi(self) -> dict[str, object]:
        """Return the OpenAPI document of the release in use."""
        scorer = self._watch.champion.scorer
        return openapi_document(scorer.question, scorer.contract, scorer.spec, self.limits)

    def docs(self) -> bytes:
        """Return the page that shows the OpenAPI document."""
        return DOCS_PAGE

    def render_metrics(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        history, scorer = self._watch.champion.history, self._watch.champion.scorer
        gauges = {
            "log_waiting": float(self._writer.waiting()),
            "log_commit_seconds": self._writer.last_commit_seconds,
            "log_available": float(self._writer.unavailable is None),
            "events_watermark": float(history.snapshot.watermark),
            "events_lag_seconds": history.lag_seconds(),
            "events_delay_seconds": history.delay_seconds,
            "release_swaps": float(self._watch.swaps),
            "release_as_of_seconds": datetime.fromisoformat(scorer.facts.as_of).timestamp(),
        }
        return self.metrics.render(scorer.release_id, gauges)

    def _open_store(self) -> Store:
        return Store.open(self._settings.store, self._settings.synchronous, timeout=LOCK_SECONDS)

    def _reopen(self) -> None:
        with self._open_store() as store:
            store.try_to_write()

    def _follow(self, scorer: Scorer, current: LiveHistory | None) -> LiveHistory:
        if current is not None and current.spec == scorer.spec:
            return current
        history = LiveHistory(
            self._store, scorer.spec, self._settings.history_margin, self._settings.history_poll_seconds
        )
        history.start()
        return history


def _refusal(refused: Refusal) -> str:
    return f"release at {refused.place.path} refused: {refused.reason}"
