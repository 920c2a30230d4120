from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from ihacpa_core.engine.identity import input_digest, value_token
from ihacpa_core.engine.journal import RunHistory
from ihacpa_core.engine.recovery import decide, meaning_of, split
from ihacpa_core.errors import DecisionNeeded
from ihacpa_core.records import Cell, Outcome, Record
from ihacpa_core.state import Fingerprint, RecoveryOptions, RunInfo, StartMode

ORIGINAL, SAVED, INTENDED, OTHER = (Fingerprint(letter * 64, 10) for letter in "abcd")
SETTINGS = {"ihacpa": {"processor": "package-review"}, "sheet": {"key": "B"}}


def history(**more):
    info = RunInfo(
        run_id="r1", workbook="w", sheet="S", started=datetime.now(UTC), original=ORIGINAL, records=3, settings=SETTINGS
    )
    return RunHistory(info=info, **more)


def start(latest, current, **options):
    return decide(latest, current, RecoveryOptions(**options), meaning_of(SETTINGS))


def test_nothing_unfinished_starts_a_new_run():
    """Without a run, or with a finished one, the run is new."""
    assert start(None, ORIGINAL).history is None
    assert start(history(finished=True), OTHER).history is None


@pytest.mark.parametrize("current", [SAVED, INTENDED])
def test_the_workbook_as_the_run_left_it_is_resumed(current):
    """What a confirmed save wrote, or an intended one whose confirmation was lost, is the run's own."""
    latest = history(saved=SAVED, intended=INTENDED)

    begun = start(latest, current)

    assert begun.history is latest
    assert not begun.edited


def test_the_original_is_expected_before_the_first_save():
    """A run that was interrupted before its first save goes on over the workbook as it was."""
    assert start(history(), ORIGINAL).history is not None


def test_a_changed_workbook_needs_a_decision():
    """Somebody wrote the workbook in between: the flags that decide are named, and nothing starts."""
    with pytest.raises(DecisionNeeded) as caught:
        start(history(saved=SAVED), OTHER)

    assert "changed" in caught.value.why
    assert "--force-continue" in caught.value.hint
    assert "--start-fresh" in caught.value.hint


def test_force_goes_on_and_knows_of_the_edit():
    """With --force-continue the run goes on, and cells are compared before they are written."""
    begun = start(history(saved=SAVED), OTHER, mode=StartMode.RESUME, force=True)

    assert begun.history is not None
    assert begun.edited


def test_fresh_leaves_the_unfinished_run():
    """--start-fresh begins anew whatever is there."""
    assert start(history(saved=SAVED), OTHER, mode=StartMode.FRESH).history is None


def test_other_settings_of_the_processor_need_a_decision_but_another_pace_does_not():
    """What decides the outcomes must be the same; batch sizes and concurrency need not."""
    paced = {**SETTINGS, "strategy": {"size": {"batch_size": 50}}, "processor": {"package-review": {"concurrency": 2}}}
    other = {**SETTINGS, "sheet": {"key": "C"}}

    assert decide(history(), ORIGINAL, RecoveryOptions(), meaning_of(paced)).history is not None
    with pytest.raises(DecisionNeeded, match="unfinished"):
        decide(history(), ORIGINAL, RecoveryOptions(), meaning_of(other))


def record(row, key, version, occurrence=1):
    return Record(row=row, key=key, occurrence=occurrence, contents={"B": key, "C": version})


def done(of):
    outcome = Outcome.done(of, {"F": Cell("9")}, inputs=("C",))
    return replace(outcome, input_digest=input_digest(of, ("C",)))


def test_records_are_found_again_wherever_their_rows_went():
    """Sorted, moved and inserted rows: what is done stays done, what is new is to be done."""
    a, b = record(4, "a", "1"), record(5, "b", "2")
    outcomes = {outcome.id: outcome for outcome in (done(a), done(b))}
    now = [record(4, "new", "7"), record(5, "b", "2"), record(6, "a", "1")]

    todo, standing = split(now, outcomes)

    assert [left.key for left in todo] == ["new"]
    assert {outcome.id.key for outcome in standing} == {"a", "b"}


def test_a_record_whose_input_changed_is_done_again():
    """Another version in the row means another record to process."""
    outcomes = {done(record(4, "a", "1")).id: done(record(4, "a", "1"))}

    todo, standing = split([record(4, "a", "2")], outcomes)

    assert [left.key for left in todo] == ["a"]
    assert standing == []


def test_duplicate_keys_are_told_apart_by_occurrence():
    """Two rows with one key are two records."""
    first, second = record(4, "a", "1"), record(5, "a", "1", occurrence=2)

    todo, standing = split([first, second], {first.id: done(first)})

    assert todo == [second]
    assert len(standing) == 1


def test_values_are_compared_as_excel_shows_them():
    """1 and 1.0 are one value, a date and its midnight too; the text "1" is another."""
    assert value_token(1) == value_token(1.0)
    assert value_token(date(2026, 1, 2)) == value_token(datetime(2026, 1, 2))
    assert value_token("1") != value_token(1)
    assert value_token(True) != value_token(1)
    assert value_token(None) == value_token("")
