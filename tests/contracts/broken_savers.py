"""Save backends that each break a rule on purpose; the contract has to notice.

All of them are the built-in one with one fault, worked into what it is told or what it wrote.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import openpyxl
from breaking import breaks, tried
from ihacpa_plugins.save.openpyxl import OpenpyxlBackend, OpenpyxlOptions

from ihacpa_core import (
    Cell,
    CellUpdate,
    Fingerprint,
    Loss,
    RunContext,
    SaveBackend,
    SaveSession,
    WorkbookError,
    WriteReceipt,
)
from ihacpa_core.testing.contracts import SaveBackendContract

pytest_plugins = ["ihacpa_core.testing.plugin"]


class Wrapped(SaveBackend):
    """The built-in backend, its sessions wrapped."""

    def __init__(self, context: RunContext) -> None:
        self.context = context
        self.inner = OpenpyxlBackend(OpenpyxlOptions(), context.state_dir)

    def inspect(self, source: Path) -> Sequence[Loss]:
        return self.inner.inspect(source)

    def open(self, source: Path, sheet: str) -> SaveSession:
        return WrappedSession(self, self.inner.open(source, sheet), source, sheet)

    def told(self, update: CellUpdate) -> CellUpdate:
        """An update on its way in."""
        return update

    def wrote(self, book: openpyxl.Workbook, updates: Sequence[CellUpdate]) -> None:
        """Change what was written."""

    def received(self, receipt: WriteReceipt) -> WriteReceipt:
        """A receipt on its way out."""
        return receipt


class WrappedSession(SaveSession):
    def __init__(self, backend: Wrapped, inner: SaveSession, source: Path, sheet: str) -> None:
        self.backend, self.inner, self.source, self.sheet = backend, inner, source, sheet

    def write(self, target: BinaryIO, updates: Sequence[CellUpdate]) -> WriteReceipt:
        buffer = io.BytesIO()
        receipt = self.inner.write(buffer, [self.backend.told(update) for update in updates])
        if type(self.backend).wrote is not Wrapped.wrote:
            book = openpyxl.load_workbook(buffer)
            self.backend.wrote(book, updates)
            buffer = io.BytesIO()
            book.save(buffer)
        target.write(buffer.getvalue())
        return self.backend.received(receipt)

    def committed(self, fingerprint: Fingerprint) -> None:
        self.inner.committed(fingerprint)

    def close(self) -> None:
        self.inner.close()


def with_cell(update: CellUpdate, **changes: Any) -> CellUpdate:
    return replace(update, cell=replace(update.cell, **changes))


# --- what is written --------------------------------------------------------------------------------------------------


@breaks("text_stays_text")
class MakesFormulas(Wrapped):
    def wrote(self, book: openpyxl.Workbook, updates: Sequence[CellUpdate]) -> None:
        for update in updates:
            if isinstance(update.cell.value, str) and update.cell.value.startswith("="):
                book["Data"][update.ref] = update.cell.value


@breaks("text_stays_text")
class StripsText(Wrapped):
    def told(self, update: CellUpdate) -> CellUpdate:
        value = update.cell.value
        return with_cell(update, value=value.strip()) if isinstance(value, str) else update


@breaks("values_keep_their_types")
class WritesTextAlways(Wrapped):
    def told(self, update: CellUpdate) -> CellUpdate:
        value = update.cell.value
        return update if value is None else with_cell(update, value=str(value))


@breaks("number_in_a_date_cell_is_a_number")
class ShowsNumbersAsDates(Wrapped):
    def wrote(self, book: openpyxl.Workbook, updates: Sequence[CellUpdate]) -> None:
        for update in updates:
            book["Data"][update.ref].number_format = "dd.mm.yyyy"


@breaks("rows_and_columns_may_be_new")
class SkipsNewRows(Wrapped):
    def open(self, source: Path, sheet: str) -> SaveSession:
        session = super().open(source, sheet)
        inner, last = session.write, openpyxl.load_workbook(source)[sheet].max_row
        session.write = lambda target, updates: inner(target, [u for u in updates if u.row <= last])  # type: ignore[method-assign]
        return session


@breaks("nothing_else_changes")
class TidiesTheOtherSheet(Wrapped):
    def wrote(self, book: openpyxl.Workbook, updates: Sequence[CellUpdate]) -> None:
        book["Other"]["C8"] = round(book["Other"]["C8"].value, 2)


@breaks("nothing_else_changes")
class LosesALook(Wrapped):
    def wrote(self, book: openpyxl.Workbook, updates: Sequence[CellUpdate]) -> None:
        book["Data"]["E6"].style = "Normal"


@breaks("nothing_else_changes")
class LosesALink(Wrapped):
    def wrote(self, book: openpyxl.Workbook, updates: Sequence[CellUpdate]) -> None:
        book["Data"]["B7"].hyperlink = None


@breaks("saving_nothing_changes_nothing")
class StampsEachSave(Wrapped):
    def wrote(self, book: openpyxl.Workbook, updates: Sequence[CellUpdate]) -> None:
        book["Data"]["Z1"] = f"saved with {len(updates)} updates"


@breaks("nothing_empties_a_cell_and_keeps_its_look")
class IgnoresNothing(Wrapped):
    def told(self, update: CellUpdate) -> CellUpdate:
        return update if update.cell.value else with_cell(update, value="-")


@breaks("style_sets_the_colours_and_nothing_else")
class IgnoresStyles(Wrapped):
    def told(self, update: CellUpdate) -> CellUpdate:
        return with_cell(update, style=None)


@breaks("style_sets_the_colours_and_nothing_else")
class ReplacesTheWholeLook(Wrapped):
    def wrote(self, book: openpyxl.Workbook, updates: Sequence[CellUpdate]) -> None:
        for update in updates:
            if update.cell.style:
                book["Data"][update.ref].font = openpyxl.styles.Font(color=book["Data"][update.ref].font.color)


@breaks("dates_look_like_dates")
class ShowsDatesAsNumbers(Wrapped):
    def wrote(self, book: openpyxl.Workbook, updates: Sequence[CellUpdate]) -> None:
        for update in updates:
            book["Data"][update.ref].number_format = "General"


@breaks("links")
class IgnoresLinks(Wrapped):
    def told(self, update: CellUpdate) -> CellUpdate:
        return with_cell(update, link=None)


@breaks("links")
class WritesTheAddress(Wrapped):
    def told(self, update: CellUpdate) -> CellUpdate:
        return with_cell(update, value=update.cell.link) if update.cell.link else update


# --- again and again --------------------------------------------------------------------------------------------------


class Reopening(Wrapped):
    """Starts each write from the workbook as it was when the session began."""

    def open(self, source: Path, sheet: str) -> SaveSession:
        session = super().open(source, sheet)
        content = source.read_bytes()
        copy = self.context.config_dir.with_name("copy.xlsx")

        def write(target: BinaryIO, updates: Sequence[CellUpdate]) -> WriteReceipt:
            copy.write_bytes(content)
            again = self.inner.open(copy, sheet)
            try:
                return again.write(target, updates)
            finally:
                again.close()

        session.write = write  # type: ignore[method-assign]
        return session


@breaks("saves_add_up")
class BeginsAnewEachTime(Reopening):
    """Forgets what the save before wrote."""


@breaks("write_that_was_not_confirmed_is_written_again", "session_outlives_a_failed_write")
class CountsOnlyOnce(Wrapped):
    def open(self, source: Path, sheet: str) -> SaveSession:
        session = super().open(source, sheet)
        inner = session.write
        seen: set[CellUpdate] = set()

        def write(target: BinaryIO, updates: Sequence[CellUpdate]) -> WriteReceipt:
            new = [update for update in updates if update not in seen]
            seen.update(new)
            inner(target, updates)
            return WriteReceipt(changed=len(new), unchanged=len(updates) - len(new))

        session.write = write  # type: ignore[method-assign]
        return session


@breaks("unchanged_cells_are_counted")
class CountsEverything(Wrapped):
    def received(self, receipt: WriteReceipt) -> WriteReceipt:
        return WriteReceipt(changed=receipt.changed + receipt.unchanged)


@breaks("session_outlives_a_failed_write")
class HidesAFullDisk(Wrapped):
    def open(self, source: Path, sheet: str) -> SaveSession:
        session = super().open(source, sheet)
        inner = session.write

        def write(target: BinaryIO, updates: Sequence[CellUpdate]) -> WriteReceipt:
            try:
                return inner(target, updates)
            except OSError as error:
                raise WorkbookError("it could not be saved") from error

        session.write = write  # type: ignore[method-assign]
        return session


# --- what it cannot do ------------------------------------------------------------------------------------------------


@breaks("inspect_names_what_is_lost")
class SaysThatNothingIsLost(Wrapped):
    def inspect(self, source: Path) -> Sequence[Loss]:
        self.inner.inspect(source)
        return []


@breaks("inspect_names_what_is_lost")
class CallsEverythingRemade(Wrapped):
    def inspect(self, source: Path) -> Sequence[Loss]:
        return [replace(loss, remade=True) for loss in self.inner.inspect(source)]


@breaks("plain_workbook_loses_nothing")
class FearsForEverything(Wrapped):
    def inspect(self, source: Path) -> Sequence[Loss]:
        return [*self.inner.inspect(source), Loss("perhaps something")]


@breaks("what_is_no_workbook_is_told")
class LetsItsLibraryRaise(Wrapped):
    def inspect(self, source: Path) -> Sequence[Loss]:
        openpyxl.load_workbook(source)
        return []


@breaks("missing_sheet_is_told")
class TakesTheFirstSheet(Wrapped):
    def open(self, source: Path, sheet: str) -> SaveSession:
        return super().open(source, openpyxl.load_workbook(source).sheetnames[0])


@breaks("value_that_no_cell_holds_is_refused")
class CutsAndDrops(Wrapped):
    def told(self, update: CellUpdate) -> CellUpdate:
        value = update.cell.value
        return replace(update, cell=Cell(value[:100].replace("\x00", ""))) if isinstance(value, str) else update


# --- around it --------------------------------------------------------------------------------------------------------


@breaks("writes_to_the_target_alone")
class KeepsACopyBeside(Wrapped):
    def inspect(self, source: Path) -> Sequence[Loss]:
        source.with_suffix(".copy").write_bytes(source.read_bytes())
        return self.inner.inspect(source)


@breaks("writes_to_the_target_alone")
class SavesInPlace(Wrapped):
    def open(self, source: Path, sheet: str) -> SaveSession:
        session = super().open(source, sheet)
        inner = session.write

        def write(target: BinaryIO, updates: Sequence[CellUpdate]) -> WriteReceipt:
            receipt = inner(target, updates)
            target.seek(0)
            source.write_bytes(target.read())
            return receipt

        session.write = write  # type: ignore[method-assign]
        return session


@breaks("closes_in_any_state")
class LeavesItsTemporaryFolder(Wrapped):
    def open(self, source: Path, sheet: str) -> SaveSession:
        session = super().open(source, sheet)
        (self.context.state_dir / "sheet.tmp").write_text("the text of every cell")
        return session


@breaks("closes_in_any_state")
class ClosesAfterASaveOnly(Wrapped):
    def open(self, source: Path, sheet: str) -> SaveSession:
        session = super().open(source, sheet)
        inner: Callable[[], None] = session.close
        done: list[Fingerprint] = []

        def close() -> None:
            inner()
            assert done

        session.committed = done.append  # type: ignore[method-assign]
        session.close = close  # type: ignore[method-assign]
        return session


globals().update(tried(globals(), SaveBackendContract, "make_backend"))
