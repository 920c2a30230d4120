"""Ctrl-C and SIGTERM: the first asks the run to stop, the second leaves at once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ihacpa_core.errors import ExitCode

EXIT_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}


class Interruption:
    """Which signal came, if one did."""

    def __init__(self) -> None:
        self.exit_code: ExitCode | None = None


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

    def handle(number: signal.Signals) -> None:
        if interruption.exit_code is not None:
            leave()
            sys.stderr.flush()
            os._exit(interruption.exit_code)
        interruption.exit_code = EXIT_CODES[number]
        say("stopping: finishing what is in flight, then saving; press Ctrl-C again to leave at once (nothing is lost)")
        stop("interrupted")

    previous = {number: signal.getsignal(number) for number in EXIT_CODES}
    loop = asyncio.get_running_loop()
    for number in EXIT_CODES:
        _listen(loop, number, handle)
    try:
        yield interruption
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _listen(loop: asyncio.AbstractEventLoop, number: signal.Signals, handle: Callable[[signal.Signals], None]) -> None:
    try:
        loop.add_signal_handler(number, handle, number)
    except NotImplementedError:  # Windows has no loop handlers
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(handle, number))
