"""Ctrl-C and SIGTERM: the first asks the run to stop, the second leaves at once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from ihacpa_core.errors import ExitCode

TWICE_THE_SAME = 0.1
"""Seconds in which a second signal is the first one again: `timeout` signals a process and then its group."""

EXIT_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}


class Interruption:
    """Which signal came, if one did."""

    def __init__(self) -> None:
        self.exit_code: ExitCode | None = None
        self.came = 0.0


@contextmanager
def stop_on_signals(
    stop: Callable[[str], None], say: Callable[[str], None], leave: Callable[[], None]
) -> Iterator[Interruption]:
    """While this is entered, SIGINT and SIGTERM call `stop` once; a second one calls `leave` and ends the process.

    Ending at once loses nothing: whatever finished is in the journal, and a workbook is only ever replaced whole.
    Outside the main thread, where Python delivers no signals, this does nothing.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return

    loop = asyncio.get_running_loop()

    def first() -> None:
        say("stopping: finishing what is in flight, then saving; press Ctrl-C again to leave at once (nothing is lost)")
        stop("interrupted")

    def handle(number: int, frame: FrameType | None) -> None:
        """Called between two byte codes of the main thread, so that even a blocked event loop can be left."""
        if interruption.exit_code is None:
            interruption.exit_code, interruption.came = EXIT_CODES[signal.Signals(number)], time.monotonic()
            loop.call_soon_threadsafe(first)
        elif time.monotonic() - interruption.came > TWICE_THE_SAME:
            leave()
            sys.stderr.flush()
            os._exit(interruption.exit_code)

    # A signal that is ignored, as nohup and background jobs of scripts have it, stays ignored.
    ours = [number for number in EXIT_CODES if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in ours}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
