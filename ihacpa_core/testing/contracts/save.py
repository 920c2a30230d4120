"""What every save backend must do: write the cells that it is told, and keep everything else as it is."""

from __future__ import annotations

import errno
import io
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ihacpa_core.errors import WorkbookError
from ihacpa_core.records import Cell, CellStyle, CellUpdate, CellValue
from ihacpa_core.roles import RunContext, SaveBackend, SaveSession, WriteReceipt
from ihacpa_core.state import Fingerprint
from ihacpa_core.testing.contracts._store_tasks import snapshot
from ihacpa_core.testing.contracts._workbooks import FEATURES, OTHER, SHEET, Feature, cells, format_of, looks, sample
from ihacpa_core.testing.contracts.base import Contract, missing_fixture
from ihacpa_core.workbook.refs import split_ref
from ihacpa_core.workbook.styles import PALETTE
from ihacpa_core.workbook.values import same_value

BackendFactory = Callable[[RunContext], SaveBackend]

TEXTS = (
    "=1+1", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "#N/A", "1", "1.10", "TRUE", "2024-01-01", "1e5", "007",
    "\ttab", " spaces ", "two\nlines", "_x0041_", "a_x000D_b", "naïve 表 😀", "<&>\"'", "]]>", "'quoted", "x" * 32_767,
)  # fmt: skip
"""Texts that a workbook could take for something else."""
VALUES: tuple[CellValue, ...] = (
    0, -3, 123_456_789_012_345, 1.5, 0.1, 1e300, 5e-300, True, False, date(1900, 1, 15), date(2024, 2, 29),
    date(9999, 12, 31), datetime(2024, 2, 29, 13, 37, 1),
)  # fmt: skip

_NOT_WORKBOOKS: Mapping[str, bytes] = {
    "empty": b"",
    "text": b"Dear diary, this is no workbook. " * 50,
    "old Excel": bytes.fromhex("d0cf11e0a1b11ae1") + bytes(2000),
    "empty zip": b"PK\x05\x06" + bytes(18),
}


def updates(values: Mapping[str, CellValue | Cell]) -> list[CellUpdate]:
    """Updates by reference: ``{"B7": "text"}``."""
    made = []
    for ref, value in values.items():
        letter, row = split_ref(ref)
        made.append(CellUpdate(row, letter, value if isinstance(value, Cell) else Cell(value)))
    return made


class Desk:
    """A workbook that is saved as the core saves: to a new file beside it, which takes its place.

    :param path: the workbook.
    """

    def __init__(self, backend: SaveBackend, path: Path) -> None:
        self.path = path
        self.session: SaveSession = backend.open(path, SHEET)

    def save(self, values: Mapping[str, CellValue | Cell]) -> WriteReceipt:
        """Write, replace, and confirm."""
        target = self.path.with_name("written.tmp")
        receipt = self.write(target, values)
        target.replace(self.path)
        content = self.path.read_bytes()
        self.session.committed(Fingerprint(sha256(content).hexdigest(), len(content)))
        return receipt

    def write(self, target: Path, values: Mapping[str, CellValue | Cell]) -> WriteReceipt:
        """Write and nothing more."""
        with target.open("w+b") as file:
            return self.session.write(file, updates(values))

    def close(self) -> None:
        self.session.close()


class SaveBackendContract(Contract):
    """The rules of the role `save`. What was written is read by openpyxl and by the core's own reader."""

    @pytest.fixture
    def make_backend(self) -> BackendFactory:
        """A function of a `RunContext` that returns the backend."""
        return missing_fixture("make_backend", "a function of a RunContext that returns the backend")  # type: ignore[no-any-return]

    @pytest.fixture
    def backend(self, make_backend: BackendFactory, context: RunContext) -> SaveBackend:
        """The backend of a run."""
        return make_backend(context)

    @pytest.fixture
    def book(self, context: RunContext) -> Path:
        """A workbook of two sheets."""
        return sample(context.workbook)

    @pytest.fixture
    def desk(self, backend: SaveBackend, book: Path) -> Iterator[Desk]:
        """The workbook, opened for updates of its first sheet."""
        with closing(Desk(backend, book)) as desk:
            yield desk

    # --- what is written ----------------------------------------------------------------------------------------------

    def test_text_stays_text(self, desk: Desk) -> None:
        """No text becomes a formula, a number, a date or an error, whatever it begins with; nothing of it is lost."""
        wanted = {f"H{row}": text for row, text in enumerate(TEXTS, start=2)}

        desk.save(wanted)

        _assert_holds(desk.path, wanted)
        kinds = {ref: _sheet(desk.path)[ref].data_type for ref in wanted}
        assert {ref: kind for ref, kind in kinds.items() if kind not in ("s", "inlineStr")} == {}

    def test_values_keep_their_types(self, desk: Desk) -> None:
        """Numbers, truth values, dates and times come back as what they are, in cells that held something else too."""
        wanted = {f"{column}{row}": value for column in "BEH" for row, value in enumerate(VALUES, start=4)}

        desk.save(wanted)

        _assert_holds(desk.path, wanted)

    def test_number_in_a_date_cell_is_a_number(self, desk: Desk) -> None:
        """A number that is written where a date stood is not shown as the date that Excel takes it for."""
        desk.save({"D5": 45_000, "D6": 1.5, "D7": True})

        _assert_holds(desk.path, {"D5": 45_000, "D6": 1.5, "D7": True})

    def test_rows_and_columns_may_be_new(self, desk: Desk) -> None:
        """Cells beyond the last row and the last column are made, whatever gaps that leaves."""
        wanted: dict[str, CellValue | Cell] = {
            "A24": 21,
            "B40": "far below",
            "AB5": "far right",
            "XFD3": 1,
            "C2": "between",
        }

        desk.save(wanted)

        _assert_holds(desk.path, wanted)

    def test_nothing_else_changes(self, desk: Desk) -> None:
        """Every other cell of every sheet keeps its value, its type, its link and its look, and the sheets theirs."""
        wanted: dict[str, CellValue | Cell] = {
            "B6": "other", "E5": Cell("new", "bad"), "G6": Cell(1.5, "good", "https://example.org/x"),  # type: ignore[arg-type]
            "D7": date(2025, 5, 5), "C8": None, "H30": "=text",
        }  # fmt: skip
        before_cells, before_looks = cells(desk.path, SHEET, OTHER), looks(desk.path)

        desk.save(wanted)

        named = {f"{SHEET}!{ref}" for ref in wanted}
        assert _without(cells(desk.path, SHEET, OTHER), named) == _without(before_cells, named)
        assert _without(looks(desk.path), named) == _without(before_looks, named)

    def test_saving_nothing_changes_nothing(self, desk: Desk) -> None:
        """A save without updates writes the workbook as it is, and counts nothing."""
        before_cells, before_looks = cells(desk.path, SHEET, OTHER), looks(desk.path)

        receipt = desk.save({})

        assert receipt == WriteReceipt(changed=0, unchanged=0)
        assert (cells(desk.path, SHEET, OTHER), looks(desk.path)) == (before_cells, before_looks)

    def test_nothing_empties_a_cell_and_keeps_its_look(self, desk: Desk) -> None:
        """None and an empty text leave the cell empty, looking as before."""
        before = _format(desk.path, "B6")

        desk.save({"B6": None, "E5": "", "C7": None})

        assert [_sheet(desk.path)[ref].value for ref in ("B6", "E5", "C7")] == [None, None, None]
        assert _format(desk.path, "B6") == before

    def test_style_sets_the_colours_and_nothing_else(self, desk: Desk) -> None:
        """A meaning brings its fill and font colour; all else of a look stays, and without a style all of it."""
        before = {ref: _format(desk.path, ref, colours=False) for ref in ("B6", "E6", "G6")}
        plain = _format(desk.path, "E6")

        for style, look in PALETTE.items():
            desk.save({"B6": Cell("x", style), "G6": Cell(None, style), "E6": f"{style}"})

            for ref in ("B6", "G6"):
                cell = _sheet(desk.path)[ref]
                assert (cell.fill.fgColor.rgb[-6:], cell.font.color.rgb[-6:]) == (look.fill, look.font)
                assert _format(desk.path, ref, colours=False) == before[ref]
            assert _format(desk.path, "E6") == plain

    def test_dates_look_like_dates(self, desk: Desk) -> None:
        """A date in a cell without a format for dates gets one, and one in a cell that has one is shown by that."""
        from openpyxl.styles.numbers import is_date_format

        desk.save({"D5": date(2025, 1, 2), "H5": date(2025, 1, 2), "C5": datetime(2025, 1, 2, 3, 4)})

        assert _sheet(desk.path)["D5"].number_format == "dd.mm.yyyy"
        assert is_date_format(_sheet(desk.path)["H5"].number_format)
        assert is_date_format(_sheet(desk.path)["C5"].number_format)

    def test_links(self, desk: Desk) -> None:
        """A link leads there and leaves the text; another one takes its place; an update without one leaves it."""
        first, second = 'https://example.org/a?b=c&d="e"', "https://example.org/2"

        desk.save({"B7": Cell("text", link=first), "H7": Cell(7, link=first), "E5": "no link"})
        assert [_link(desk.path, ref) for ref in ("B7", "H7", "E5")] == [first, first, None]

        desk.save({"B7": Cell("text", link=second), "H7": "other"})
        assert [_link(desk.path, ref) for ref in ("B7", "H7")] == [second, first]
        _assert_holds(desk.path, {"B7": "text", "H7": "other"})

    # --- again and again ----------------------------------------------------------------------------------------------

    def test_saves_add_up(self, desk: Desk) -> None:
        """Each save of a session is told only what is new, and the workbook holds everything."""
        wanted: dict[str, CellValue | Cell] = {}
        for number in range(4):
            new: dict[str, CellValue | Cell] = {f"H{10 + number}": f"save {number}", "G4": number}
            desk.save(new)
            wanted |= new
            _assert_holds(desk.path, wanted)

    def test_write_that_was_not_confirmed_is_written_again(self, desk: Desk) -> None:
        """The updates of a write that never became the workbook come again with the next, and count again."""
        first = desk.write(desk.path.with_name("lost.tmp"), {"H5": "one", "B6": "two"})
        again = desk.save({"H5": "one", "B6": "two", "H6": "three"})

        assert (first.changed, again.changed) == (2, 3)
        _assert_holds(desk.path, {"H5": "one", "B6": "two", "H6": "three"})

    def test_unchanged_cells_are_counted(self, desk: Desk, backend: SaveBackend) -> None:
        """What stands there already is no change: neither later in the session, nor for the next run."""
        wanted: dict[str, CellValue | Cell] = {
            "B6": Cell("=text", CellStyle.BAD, "https://example.org"), "D7": date(2025, 5, 5), "H8": 0.1 + 0.2,
            "H9": True, "H10": datetime(2025, 5, 5, 6, 7, 8), "H11": Cell(None, CellStyle.GOOD), "H12": "_x0041_",
        }  # fmt: skip
        first = desk.save(wanted)
        second = desk.save({**wanted, "H9": False})
        with closing(Desk(backend, desk.path)) as later:
            third = later.save({**wanted, "H9": False})

        assert [(r.changed, r.unchanged) for r in (first, second, third)] == [(7, 0), (1, 6), (0, 7)]

    def test_session_outlives_a_failed_write(self, desk: Desk) -> None:
        """A target that cannot be written is an `OSError`, and the next write is whole."""
        wanted: dict[str, CellValue | Cell] = {"H5": "one", "B6": "two"}

        for room in (0, 2000):
            with pytest.raises(OSError, match="No space"):
                desk.session.write(_FullDisk(room), updates(wanted))

        assert desk.save(wanted).changed == 2
        _assert_holds(desk.path, wanted)

    # --- what it cannot do --------------------------------------------------------------------------------------------

    def test_inspect_names_what_is_lost(self, backend: SaveBackend, context: RunContext) -> None:
        """Whatever is in a workbook comes out of a save, or `inspect` said before that it would not."""
        unnamed = [feature.name for feature in FEATURES if not _kept_or_named(backend, context.config_dir, feature)]

        assert unnamed == []

    def test_plain_workbook_loses_nothing(self, backend: SaveBackend, book: Path) -> None:
        """An ordinary workbook has nothing that a save would lose: a backend that fears for everything is of no use."""
        assert [loss.what for loss in backend.inspect(book) if not loss.remade] == []

    def test_what_is_no_workbook_is_told(self, backend: SaveBackend, book: Path, context: RunContext) -> None:
        """A file that the backend cannot work on is a `WorkbookError` with its name, from `inspect` and from `open`."""
        whole = book.read_bytes()
        for name, content in {**_NOT_WORKBOOKS, "cut short": whole[: len(whole) // 2]}.items():
            path = context.config_dir / f"{name}.xlsx"
            path.write_bytes(content)
            for attempt in (backend.inspect, lambda path: backend.open(path, SHEET)):
                with pytest.raises(WorkbookError) as caught:
                    attempt(path)
                assert name in str(caught.value)

    def test_missing_sheet_is_told(self, backend: SaveBackend, book: Path) -> None:
        """A sheet that the workbook lacks is a `WorkbookError` that names those that it has."""
        with pytest.raises(WorkbookError, match=SHEET):
            backend.open(book, "No such sheet")

    def test_value_that_no_cell_holds_is_refused(self, desk: Desk) -> None:
        """A value that slipped through is a `WorkbookError` that names its cell; it is not cut, and breaks no file."""
        for value in ("a\x00b", "\ufffe", "x" * 32_768, math.nan, math.inf):
            with pytest.raises(WorkbookError, match="H5"):
                desk.write(desk.path.with_name("refused.tmp"), {"H5": value})

    # --- around it ----------------------------------------------------------------------------------------------------

    def test_writes_to_the_target_alone(self, backend: SaveBackend, book: Path, context: RunContext) -> None:
        """The workbook is only read; a session may keep things in the state folder, and takes them with it."""
        before, touched = snapshot(context.config_dir), book.stat().st_mtime_ns
        outside = context.config_dir.with_name(f"{context.config_dir.name}-target")
        outside.mkdir()
        target = outside / "target"

        backend.inspect(book)
        with closing(Desk(backend, book)) as desk:
            desk.write(target, {"B6": "new"})
            kept = {name: content for name, content in snapshot(context.config_dir).items() if name in before}

        assert (kept, snapshot(context.config_dir)) == (before, before)
        assert book.stat().st_mtime_ns == touched
        assert [path.name for path in outside.iterdir()] == ["target"]
        _assert_holds(target, {"B6": "new"})

    def test_closes_in_any_state(self, backend: SaveBackend, book: Path, context: RunContext) -> None:
        """A session closes before its first write, after one that was not confirmed, and after a failed one."""
        for writes in (lambda desk: None, _write_unconfirmed, _write_to_a_full_disk):
            desk = Desk(backend, book)
            writes(desk)
            desk.close()

        assert snapshot(context.state_dir) == {}


class _FullDisk(io.BytesIO):
    """A file on a disk with so much room left."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room

    def write(self, data: Any, /) -> int:
        self._room -= len(data)
        if self._room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def _write_unconfirmed(desk: Desk) -> None:
    desk.write(desk.path.with_name("lost.tmp"), {"H5": "lost"})


def _write_to_a_full_disk(desk: Desk) -> None:
    with pytest.raises(OSError, match="No space"):
        desk.session.write(_FullDisk(1000), updates({"H5": "lost"}))


def _kept_or_named(backend: SaveBackend, folder: Path, feature: Feature) -> bool:
    path = feature.write(folder / "feature.xlsx")
    assert feature.survives(path)
    named = any(not loss.remade for loss in backend.inspect(path))
    with closing(Desk(backend, path)) as desk:
        desk.save({"A2": "django"})
        _assert_holds(path, {"A2": "django"})
    return named or feature.survives(path)


def _assert_holds(path: Path, wanted: Mapping[str, CellValue | Cell]) -> None:
    found = cells(path, SHEET)
    for update in updates(wanted):
        content = found.get(f"{SHEET}!{update.ref}")
        value = content.value if content else None
        assert same_value(update.cell.value, value), (
            f"{update.ref}: {update.cell.value!r:.80} came out as {value!r:.80}"
        )
        assert content is None or content.formula is None, f"{update.ref} is a formula: {content}"


def _without(seen: Mapping[str, Any], named: set[str]) -> dict[str, Any]:
    return {place: what for place, what in seen.items() if place not in named}


def _sheet(path: Path) -> Any:
    from openpyxl import load_workbook

    return load_workbook(path)[SHEET]


def _format(path: Path, ref: str, *, colours: bool = True) -> str:
    return format_of(_sheet(path)[ref], colours=colours)


def _link(path: Path, ref: str) -> str | None:
    link = _sheet(path)[ref].hyperlink
    return link.target if link else None
