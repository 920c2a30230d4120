"""Which of the sheet's records a run works on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ihacpa_core.errors import NothingToDo, UsageError
from ihacpa_core.records import Outcome, Record, RecordId, Status
from ihacpa_core.state import Selection


def select(
    records: Sequence[Record],
    selection: Selection,
    *,
    results: Sequence[str],
    latest: Mapping[RecordId, Outcome],
) -> tuple[Record, ...]:
    """The records that `selection` means, in the sheet's order.

    :param results: the columns that the processor writes, for `only_empty`.
    :param latest: what the last run made of the records, for `only_failed`.
    :raises NothingToDo: there is none.
    :raises UsageError: the selection cannot be judged.
    """
    tests = _tests(selection, results, latest)
    chosen = [record for record in records if all(test(record) for test in tests)]
    if not chosen:
        raise NothingToDo(*_why_none(records, selection))
    return tuple(chosen[: selection.limit])


def encode_selection(selection: Selection) -> dict[str, Any]:
    """`selection` as JSON values."""
    return asdict(selection)


def decode_selection(document: Mapping[str, Any]) -> Selection:
    """The selection that `encode_selection` wrote."""
    rows = tuple((first, last) for first, last in document["rows"])
    return Selection(**{**document, "rows": rows, "packages": tuple(document["packages"])})


def unmatched(records: Sequence[Record], selection: Selection) -> list[str]:
    """The names in `selection.packages` that no record has."""
    known = {record.key.casefold() for record in records}
    return [name for name in selection.packages if name.casefold() not in known]


def _tests(
    selection: Selection, results: Sequence[str], latest: Mapping[RecordId, Outcome]
) -> list[Callable[[Record], bool]]:
    tests: list[Callable[[Record], bool]] = []
    if selection.rows:
        tests.append(lambda record: any(first <= record.row <= last for first, last in selection.rows))
    if selection.packages:
        wanted = {name.casefold() for name in selection.packages}
        tests.append(lambda record: record.key.casefold() in wanted)
    if selection.only_failed:
        tests.append(lambda record: _is_incomplete(latest.get(record.id)))
    if selection.only_empty:
        if not results:
            raise UsageError(
                "--only-empty does not know which columns hold the results",
                hint="name them: -o 'processor.python.results=[\"Header\"]'",
            )
        tests.append(lambda record: all(_is_empty(record, letter) for letter in results))
    return tests


def _is_empty(record: Record, letter: str) -> bool:
    """A formula is no result: it was there before, and is kept."""
    return letter in record.formulas or record.contents.get(letter) in (None, "")


def _is_incomplete(outcome: Outcome | None) -> bool:
    return outcome is not None and (outcome.status is Status.FAILED or bool(outcome.unchecked))


def _why_none(records: Sequence[Record], selection: Selection) -> tuple[str]:
    if not records:
        return ("nothing to do: the sheet holds no row with a key",)
    if selection.only_failed:
        return ("nothing to do: no row failed or was left unchecked in the last run",)
    return (f"nothing to do: none of the {len(records)} rows matches",)
