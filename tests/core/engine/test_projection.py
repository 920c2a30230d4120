from __future__ import annotations

from dataclasses import replace

from ihacpa_core.engine.identity import input_digest
from ihacpa_core.engine.projection import moved_columns, project
from ihacpa_core.records import Cell, Outcome, Record, RecordId


def record(row=4, key="requests", **contents):
    return Record(row=row, key=key, contents=contents)


def outcome_of(before, **cells):
    made = Outcome.done(before, {letter: Cell(value) for letter, value in cells.items()}, inputs=("C",))
    return replace(
        made, before={c: before.contents.get(c) for c in cells}, input_digest=input_digest(before, made.inputs)
    )


def written(projection):
    return {update.ref: update.cell.value for update in projection.updates}


def test_an_outcome_is_written_where_its_record_stands_now():
    """A row that moved since it was processed takes its results along."""
    outcome = outcome_of(record(row=4), F="2.0")
    moved = record(row=9)

    drawn = project([outcome], {moved.id: moved})

    assert written(drawn) == {"F9": "2.0"}


def test_a_formula_is_kept_unless_the_settings_say_otherwise():
    """A cell that holds a formula is left alone and counted."""
    now = Record(row=4, key="requests", contents={"D": "x"}, formulas={"D": "HYPERLINK(B4)"})
    outcome = outcome_of(now, D="https://pypi.org", F="2.0")

    drawn = project([outcome], {now.id: now})
    forced = project([outcome], {now.id: now}, overwrite_formulas=True)

    assert written(drawn) == {"F4": "2.0"}
    assert drawn.formulas_kept == 1
    assert set(written(forced)) == {"D4", "F4"}


def test_a_persons_edit_is_kept_and_told():
    """Changed by a person and by the run: the person's value stays, and its place is listed."""
    outcome = outcome_of(record(F="1.0", W=None), F="2.0", W="PROCEED")
    now = record(F="9.9", W=None)

    drawn = project([outcome], {now.id: now}, edited=True)

    assert written(drawn) == {"W4": "PROCEED"}
    assert [(kept.ref, kept.found, kept.ours) for kept in drawn.edits_kept] == [("F4", "9.9", "2.0")]


def test_what_the_run_wrote_itself_is_no_edit():
    """A cell that holds the run's own value, or still the one before, is the run's to write."""
    outcome = outcome_of(record(F="1.0", W=None), F="2.0", W="PROCEED")
    now = record(F="2.0", W="")

    drawn = project([outcome], {now.id: now}, edited=True)

    assert written(drawn) == {"F4": "2.0", "W4": "PROCEED"}
    assert drawn.edits_kept == ()


def test_a_row_that_is_gone_is_reported():
    """An outcome whose row was deleted is written nowhere, and is named."""
    outcome = outcome_of(record(), F="2.0")

    drawn = project([outcome], {})

    assert drawn.updates == ()
    assert drawn.homeless == (RecordId("requests"),)


def test_a_row_that_says_something_else_now_is_left_alone():
    """An outcome made from another version than the row holds now is not written beside it, but reported."""
    outcome = outcome_of(record(C="1.0", F=None), F="2.0")
    now = record(C="1.1", F=None)

    drawn = project([outcome], {now.id: now}, edited=True)

    assert drawn.updates == ()
    assert drawn.stale == (now.id,)


def test_a_result_that_a_person_cleared_stays_cleared():
    """What was in the workbook before and was taken out by a person is not filled in again."""
    outcome = outcome_of(record(F=None, W=None), F="2.0", W="UPDATE")
    now = record(F=None, W="UPDATE")

    drawn = project([outcome], {now.id: now}, edited=True, drawn={now.id})

    assert written(drawn) == {"W4": "UPDATE"}
    assert [kept.ref for kept in drawn.edits_kept] == ["F4"]


def test_a_copy_that_was_opened_before_the_save_is_drawn_again():
    """Saved from a window that never showed the results, a workbook gets them back."""
    outcome = outcome_of(record(F=None, W=None), F="2.0", W="UPDATE")
    now = record(F=None, W=None)

    drawn = project([outcome], {now.id: now}, edited=True, drawn={now.id})

    assert written(drawn) == {"F4": "2.0", "W4": "UPDATE"}
    assert drawn.edits_kept == ()


def test_a_moved_column_is_noticed():
    """Another header over a column that results belong to; white space and case do not count, other columns neither."""
    before = {"B": "Name", "C": "Total", "D": "Notes"}

    assert moved_columns(before, {"B": "NAME", "C": " total", "D": "Other"}, {"B", "C"}) == []
    assert moved_columns(before, {"B": "Name", "C": "Mine", "D": "Total"}, {"B", "C"}) == ["C"]
