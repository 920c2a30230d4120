"""Going back in an unfinished run: which of its outcomes no longer count. Pure, but for asking the store."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from ihacpa_core.engine.ids import meant
from ihacpa_core.engine.journal import RunHistory
from ihacpa_core.errors import UsageError
from ihacpa_core.records import RecordId
from ihacpa_core.roles import CheckpointStore
from ihacpa_core.state import RecoveryOptions
from ihacpa_core.text import counted

_NAMED: Final = 10  # records that a sentence lists by name


@dataclass(frozen=True, slots=True)
class GoingBack:
    """What going back means.

    :param superseded: the records that are done again although they have an outcome; the journal keeps it.
    :param left: the records before that place which have none: they stay undone.
    :param told: the same in words, for the person, before anything is done.
    """

    superseded: frozenset[RecordId] = frozenset()
    left: frozenset[RecordId] = frozenset()
    told: tuple[str, ...] = ()


def go_back(history: RunHistory, options: RecoveryOptions, store: CheckpointStore) -> GoingBack:
    """What the place that `options` name means for the run of `history`.

    :raises UsageError: the run has no such record, batch or checkpoint.
    """
    if options.checkpoint_id:
        return _to_checkpoint(history, options.checkpoint_id, store)
    if options.from_batch is not None:
        return _to_batch(history, options.from_batch)
    return _from_place(history, _place(history, options.from_package), ())


def without(history: RunHistory, records: Collection[RecordId]) -> RunHistory:
    """`history` as it is once the outcomes of `records` no longer count."""
    kept = {record: outcome for record, outcome in history.outcomes.items() if record not in records}
    return replace(history, outcomes=kept, drawn=history.drawn - frozenset(records))


def _to_checkpoint(history: RunHistory, word: str, store: CheckpointStore) -> GoingBack:
    whole = {checkpoint.checkpoint_id: checkpoint for checkpoint in store.checkpoints(history.info.run_id)}
    broken = {each.checkpoint_id: each.why for each in store.broken_checkpoints()}
    if word in broken:
        newest = f"the newest valid one: --checkpoint-id {list(whole)[-1]}" if whole else "--resume-auto needs none"
        raise UsageError(f"checkpoint {word} cannot be used", why=broken[word], hint=newest)
    found = whole[meant(word, list(whole), "checkpoint", "ihacpa checkpoints list shows them")]
    again = frozenset(record for record, written in history.written.items() if written > found.sequence)
    told = f"going back to checkpoint {found.checkpoint_id}: {counted(len(again), 'outcome')} after it no longer count"
    return GoingBack(again, told=(told,))


def _to_batch(history: RunHistory, number: int) -> GoingBack:
    if number not in history.committed:
        last = max(history.committed, default=0)
        raise UsageError(
            f"batch {number} was not committed", why=f"the run has {last} batches", hint="ihacpa runs show lists them"
        )
    place = {record: index for index, record in enumerate(history.plan)}
    start = min((place.get(record, len(place)) for record in history.committed[number]), default=len(place))
    later = [record for batch, records in history.committed.items() if batch >= number for record in records]
    return _from_place(history, start, later)


def _place(history: RunHistory, word: str) -> int:
    """The index in the run's list that a position from 1, or a key, means. A key that is a number wins."""
    keys = [record.key.casefold() for record in history.plan]
    if word.casefold() in keys:
        return keys.index(word.casefold())
    if word.isdecimal() and 1 <= int(word) <= len(keys):
        return int(word) - 1
    raise UsageError(
        f"the run has no record {word!r}",
        why=f"its list has {counted(len(keys), 'record')}, and none of that name",
        hint="name a package, or its place in the list from 1",
    )


def _from_place(history: RunHistory, start: int, more: Collection[RecordId]) -> GoingBack:
    done = history.outcomes.keys()
    again = frozenset({*history.plan[start:], *more} & done)
    left = [record for record in history.plan[:start] if record not in done]
    told = [f"records from no. {start + 1} of {len(history.plan)} on are done: {len(again)} of them again"]
    if left:
        names = ", ".join(str(record) for record in left[:_NAMED])
        told.append(f"{counted(len(left), 'record')} before that stay undone: {names}")
    return GoingBack(again, frozenset(left), tuple(told))
