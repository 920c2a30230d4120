"""Threads for a person's own function: as many as asked for, and none that keeps the process alive."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any

from ihacpa_core.errors import RecordError

_Job = tuple[Callable[[], Any], asyncio.AbstractEventLoop, asyncio.Future[Any]]


class FunctionThreads:
    """Runs blocking calls in daemon threads.

    `concurrent.futures` joins its threads when the interpreter ends, so that one call that hangs would keep a finished
    run from ending. These are let go.
    """

    def __init__(self, count: int) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._count = count
        for number in range(count):
            threading.Thread(target=self._work, name=f"ihacpa-function-{number}", daemon=True).start()

    async def call(self, function: Callable[[], Any]) -> Any:
        """What `function` returns, or raises.

        :raises RecordError: it raised what would end a thread or a coroutine, and not what an error is.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()
        self._jobs.put((function, loop, done))
        return await done

    def close(self) -> None:
        """Let the threads go; what is being called goes on, and nobody hears of it."""
        for _ in range(self._count):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            function, loop, done = job
            try:
                value: Any = function()
            except BaseException as error:  # noqa: BLE001  a person's function: sys.exit() in it ends no run
                _tell(loop, done, error=as_failure(error))
            else:
                _tell(loop, done, value=value)


def as_failure(error: BaseException) -> Exception:
    """`error` as something that fails a record: `sys.exit` and `next` at an end mean nothing to a run."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration | StopAsyncIteration):
        return error
    return RecordError(f"the function raised {type(error).__name__}", why=str(error))


def _tell(
    loop: asyncio.AbstractEventLoop, done: asyncio.Future[Any], *, value: Any = None, error: Exception | None = None
) -> None:
    def settle() -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(value)

    if not loop.is_closed():
        loop.call_soon_threadsafe(settle)
