"""The progress reporter `rich`: a live bar on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TextIO

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from ihacpa_core import (
    BatchStarted,
    Offer,
    ProgressReporter,
    RecordFinished,
    RunFinished,
    RunStarted,
    WarningRaised,
    WorkbookSaved,
    hookimpl,
)
from ihacpa_plugins.progress._tally import Clock, Tally, line, span


class RichReporter(ProgressReporter):
    """Draws on `stream`, standard error by default. Where that is no terminal, only warnings are written, as lines.

    :param now: the time of day, for "saved 14:18:05".
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        clock: Clock = time.monotonic,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._stream = stream or sys.stderr
        self._clock = clock
        self._now = now
        self._tally = Tally(clock)
        self._batch = 0
        self._saved = ""
        self._bar: _Bar | None = None

    def on_run_started(self, event: RunStarted) -> None:
        self._tally.begin(event)
        if not self._stream.isatty():
            return
        self._bar = _Bar(self._stream, self._clock, line(event.workbook.name))
        self._draw()
        self._bar.start()
        for text in event.header:
            self._bar.console.print(Text(line(text)))

    def on_batch_started(self, event: BatchStarted) -> None:
        self._batch = event.number
        self._draw()

    def on_record_finished(self, event: RecordFinished) -> None:
        self._tally.count(event)
        self._draw()

    def on_workbook_saved(self, event: WorkbookSaved) -> None:
        self._saved = f"saved {self._now():%H:%M:%S}"
        self._draw()

    def on_warning(self, event: WarningRaised) -> None:
        text = line(event.message)
        if self._bar is None:
            self._stream.write(f"warning: {text}\n")
            self._stream.flush()
        else:
            self._bar.console.print(Text.assemble(("warning: ", "yellow"), text))

    def on_run_finished(self, event: RunFinished) -> None:
        self.close()

    def close(self) -> None:
        """Draw a last time and give the terminal back as it was."""
        if self._bar is not None:
            self._draw()
            bar, self._bar = self._bar, None
            bar.stop()

    def _draw(self) -> None:
        if self._bar is not None:
            self._bar.show(self._tally, self._batch, self._saved)


class _Bar(Progress):
    """The bar, and below it a line of numbers. A thread of rich's redraws both; what they say is set by `show`."""

    def __init__(self, stream: TextIO, clock: Clock, name: str) -> None:
        # Colours are rich's to decide (NO_COLOR, TERM). That this is a terminal is known: FORCE_COLOR says nothing.
        console = Console(file=stream, force_terminal=True, highlight=False)
        self._numbers = Text()
        super().__init__(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=console,
            get_time=clock,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._records = self.add_task(name, total=None)

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        yield self._numbers

    def show(self, tally: Tally, batch: int, saved: str) -> None:
        left = tally.seconds_left
        parts = [
            (f"batch {batch}" if batch else "", ""),
            (f"{tally.done} done", "green"),
            (f"{tally.failed} failed", "red" if tally.failed else ""),
            (f"{tally.unchecked} not fully checked", "yellow" if tally.unchecked else ""),
            (f"{tally.rate:.1f}/s", ""),
            (f"{span(left)} left" if left else "", ""),
            (saved, ""),
        ]
        shown = [Text(text, style) for text, style in parts if text and not text.startswith("0 ")]
        self._numbers = Text(" · ", no_wrap=True, overflow="ellipsis").join(shown)
        self.update(self._records, total=tally.total, completed=tally.finished)


@hookimpl
def ihacpa_progress_reporters() -> list[Offer[ProgressReporter]]:
    return [Offer(name="rich", factory=lambda options, context: RichReporter(), summary="a live bar on a terminal")]
