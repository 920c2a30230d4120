from __future__ import annotations

from ihacpa_core.engine.projection import project
from ihacpa_core.records import Cell, Outcome, Record, RecordId


def record(row=4, key="requests", **contents):
    return Record(row=row, key=key, contents=contents)


def outcome_of(before, **cells):
    made = Outcome.done(before, {letter: Cell(value) for letter, value in cells.items()})
    return Outcome(
        id=made.id,
        row=made.row,
        status=made.status,
        cells=made.cells,
        before={c: before.contents.get(c) for c in cells},
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
