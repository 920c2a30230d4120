"""A person's own function as a processor: the shortest way to work on any workbook."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ihacpa_core.errors import RecordError, UsageError
from ihacpa_core.records import Cell, CellValue, Headers, Outcome, Record
from ihacpa_core.roles import Processor, RunContext
from ihacpa_core.threads import FunctionThreads, as_failure

UserFunction = Callable[[Record], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedRecord(Record):
    """A record that remembers which of its columns were read: they are what the outcome was made from."""

    read: set[str] = field(default_factory=set)

    def __getitem__(self, name: str) -> CellValue:
        letter = self.headers.letter(name)
        if letter is None:
            raise KeyError(name)
        self.read.add(letter)
        return self.contents.get(letter)

    def __iter__(self) -> Iterator[str]:
        self.read.update(self.headers.texts, self.contents)
        return iter(self.contents)


def observed(record: Record) -> ObservedRecord:
    """`record`, with its reads remembered."""
    return ObservedRecord(**{f.name: getattr(record, f.name) for f in fields(Record)})


class FunctionProcessor(Processor):
    """Calls `function` with each record; its answer, a mapping from header text or column letter, is the outcome.

    The function is plain or async; a plain one runs in a thread. It returns a mapping to values or `Cell`s, or None to
    skip the record; an exception fails the record.

    :param results: the columns that the function writes, by header text or letter, where it is known beforehand.
    """

    def __init__(self, function: UserFunction, *, concurrency: int = 1, results: Sequence[str] = ()) -> None:
        self._function = function
        self._is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004  an object with an async __call__ is as good
        )
        self._results = results
        self._threads: FunctionThreads | None = None
        self.concurrency = concurrency

    def bind(self, headers: Headers) -> Sequence[str]:
        return tuple(_letter(headers, name) for name in self._results)

    async def open(self) -> None:
        if not self._is_async:
            self._threads = FunctionThreads(self.concurrency)

    async def close(self) -> None:
        if self._threads is not None:
            self._threads.close()

    async def process(self, record: Record, context: RunContext) -> Outcome:
        seen = observed(record)
        answer = await self._call(seen)
        if answer is None:
            return replace(Outcome.skipped(record, "the function returned None"), inputs=tuple(sorted(seen.read)))
        cells = _cells(answer, record.headers)
        return Outcome.done(record, cells, inputs=tuple(sorted(seen.read - cells.keys())))

    async def _call(self, record: Record) -> Any:
        if self._threads is not None:
            return await self._threads.call(lambda: self._function(record))
        try:
            return await self._function(record)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # the run is being stopped
            raise as_failure(error) from error
        except (StopIteration, StopAsyncIteration, SystemExit, KeyboardInterrupt, GeneratorExit) as error:
            raise as_failure(error) from error


def _letter(headers: Headers, name: str) -> str:
    letter = headers.letter(name)
    if letter is None:
        known = ", ".join(repr(text) for text in headers.texts.values()) or "none"
        raise UsageError(f"no column {name!r} in the sheet", why=f"its headers are {known}")
    return letter


def _cells(answer: Any, headers: Headers) -> dict[str, Cell]:
    if not isinstance(answer, Mapping):
        raise RecordError(
            f"the function returned {type(answer).__name__}, not a mapping",
            hint="return {'Header': value, ...}, or None to skip the row",
        )
    cells: dict[str, Cell] = {}
    for name, value in answer.items():
        if not isinstance(name, str):
            raise RecordError(f"the function returned a value for {name!r}", hint="name a column by header or letter")
        letter = _letter(headers, name)
        if letter in cells:
            raise RecordError(f"the function returned two values for column {letter}")
        cells[letter] = value if isinstance(value, Cell) else Cell(value)
    return cells
