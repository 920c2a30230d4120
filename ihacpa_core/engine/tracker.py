"""Counts what a run does and tells it to progress reporters, observers and the log: the only place that announces."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from ihacpa_core.engine.memory import peak_memory
from ihacpa_core.engine.totals import SLOWEST
from ihacpa_core.errors import FAULTS
from ihacpa_core.events import Event, WarningRaised
from ihacpa_core.plugins.dispatch import HookFailure
from ihacpa_core.records import Outcome, RecordId, Status
from ihacpa_core.state import BatchMetrics, RunMetrics

Listener = Callable[[Event], None]
Notify = Callable[[Event], Iterable[HookFailure]]


class ProgressTracker:
    """The counters of a run and its voice. Lives in the main thread.

    :param listeners: by name; each hears every event in turn; what one raises is counted, shown once, and keeps the
        others from nothing.
    :param mask: takes the run's secrets out of a text.
    """

    def __init__(
        self, listeners: Sequence[tuple[str, Listener]] = (), mask: Callable[[str], str] = lambda text: text
    ) -> None:
        self.mask = mask
        self._listeners = list(listeners)
        self._notify: Notify | None = None
        self._closers: list[Callable[[], None]] = []
        self._started = time.monotonic()
        self._latest: dict[RecordId, Outcome] = {}
        self._slowest: list[tuple[float, str]] = []
        self._broken: Counter[str] = Counter()
        self.resumed = 0
        self.total = 0
        self.batches = 0
        self.checkpoints = 0
        self.retries = 0
        self.normalised = 0
        self.warnings: list[str] = []
        self.processing_seconds = 0.0

    def listen(self, name: str, listener: Listener, close: Callable[[], None] | None = None) -> None:
        """Let `listener` hear what is announced from now on; `close` is called once, at the very end."""
        self._listeners.append((name, listener))
        if close is not None:
            self._closers.append(close)

    def observe(self, notify: Notify) -> None:
        """Let the plugins that observe the run hear what is announced from now on."""
        self._notify = notify

    def announce(self, event: Event) -> None:
        """Let everybody hear `event`."""
        for name, listener in self._listeners:
            try:
                listener(event)
            except FAULTS as error:  # an observer's fault is never the run's: counted and shown, Ctrl-C excepted
                self._complain(name, error)
        for failure in self._notify(event) if self._notify else ():
            self._complain(f"plugin {failure.plugin_id}", failure.error, f" in {failure.hook}()")

    def close(self) -> None:
        """Let everybody go: terminals and files are left as they should be. Once is enough; more does no harm."""
        closers, self._closers, self._listeners = self._closers, [], []
        for close in closers:
            with suppress(Exception):  # an observer's fault, at a time when nobody listens any more
                close()

    def warn(self, message: str, source: str = "ihacpa") -> None:
        """Tell a person something that stops nothing."""
        message = self.mask(message)
        self.warnings.append(message)
        self.announce(WarningRaised(message=message, source=source))

    def resume(self, outcomes: Sequence[Outcome]) -> None:
        """Outcomes that were durable before this process began."""
        self.resumed = len(outcomes)
        self._latest.update((outcome.id, _slim(outcome)) for outcome in outcomes)

    def record(self, outcome: Outcome) -> None:
        """An outcome became durable."""
        self._latest[outcome.id] = _slim(outcome)
        heapq.heappush(self._slowest, (outcome.seconds, str(outcome.id)))
        if len(self._slowest) > SLOWEST:
            heapq.heappop(self._slowest)

    def batch(self, metrics: BatchMetrics) -> None:
        """A batch is committed."""
        self.batches += 1
        self.processing_seconds += metrics.seconds

    @property
    def finished(self) -> int:
        return len(self._latest)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The latest outcome of each record, without what it brings: that is in the journal."""
        return tuple(self._latest.values())

    def with_status(self, status: Status) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self._latest.values() if outcome.status is status)

    def metrics(
        self, *, saves: int, cells: int, formulas_kept: int, saving_seconds: float, waiting_seconds: float
    ) -> RunMetrics:
        """Everything that was counted, so far."""
        statuses = Counter(outcome.status for outcome in self._latest.values())
        return RunMetrics(
            records=self.total,
            done=statuses[Status.DONE],
            failed=statuses[Status.FAILED],
            skipped=statuses[Status.SKIPPED],
            unchecked=sum(1 for outcome in self._latest.values() if outcome.unchecked),
            resumed=self.resumed,
            normalised=self.normalised,
            batches=self.batches,
            saves=saves,
            checkpoints=self.checkpoints,
            retries=self.retries,
            cells_written=cells,
            formulas_kept=formulas_kept,
            observer_errors=self._broken.total(),
            warnings=len(self.warnings),
            wall_seconds=time.monotonic() - self._started,
            processing_seconds=self.processing_seconds,
            saving_seconds=saving_seconds,
            waiting_seconds=waiting_seconds,
            peak_memory=peak_memory(),
            slowest=tuple((name, seconds) for seconds, name in sorted(self._slowest, reverse=True)),
        )

    def _complain(self, name: str, error: BaseException, where: str = "") -> None:
        self._broken[name] += 1
        if self._broken[name] == 1:
            what = f"{type(error).__name__}: {error}"
            self.warn(f"{name} failed{where}: {what}; the run goes on without it", source=name)


def _slim(outcome: Outcome) -> Outcome:
    """`outcome` as far as it counts. What it brings may be megabytes, and a run has any number of them."""
    return replace(outcome, cells={}, inputs=(), before={}, detail={})
