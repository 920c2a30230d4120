"""A workbook held open for saving again and again: what was changed, member by member, over the file as it was opened.

A `write` builds on what was last committed. So one that never became the workbook leaves no trace, and its updates,
which come again, count again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

from ihacpa_core import PALETTE, CellUpdate, Fingerprint, SaveSession, WriteReceipt
from ihacpa_plugins.save.patch.archive import Archive, plain
from ihacpa_plugins.save.patch.book import CONTENT_TYPES, Book, relations_part
from ihacpa_plugins.save.patch.calculation import asking_to_calculate, chain_without, has_formulas
from ihacpa_plugins.save.patch.output import write_archive
from ihacpa_plugins.save.patch.refs import number
from ihacpa_plugins.save.patch.registry import RELATIONS_TYPE, STYLES_TYPE, with_relation, with_type
from ihacpa_plugins.save.patch.segments import Content, content_of
from ihacpa_plugins.save.patch.sheet import Changes, OpenSheet
from ihacpa_plugins.save.patch.strings import SharedStrings
from ihacpa_plugins.save.patch.styles import EMPTY, Styles

_NEW_STYLES: Final = "xl/styles.xml"


class PatchSession(SaveSession):
    """One sheet of one workbook.

    :param sheet: the name of the sheet; None for the one that is shown on opening.
    :param keep_formulas: refuse to overwrite a formula, instead of doing it.
    :raises WorkbookError: it cannot be read, lacks the sheet, or is written in a way that cannot be changed safely.
    """

    def __init__(self, source: Path, sheet: str | None, *, keep_formulas: bool = False) -> None:
        self._archive = Archive(source)
        try:
            self._book = Book(self._archive)
            self._open(sheet, keep_formulas)
        except BaseException:  # whatever it was, the file must not stay open
            self._archive.close()
            raise

    def _open(self, sheet: str | None, keep_formulas: bool) -> None:
        book = self._book
        there = book.part_of("styles")
        self._styles_part = there or _NEW_STYLES
        text = book.read(there) if there else EMPTY.format(book.outline.uri).encode()
        self._styles = Styles(text, book.name, self._styles_part, PALETTE)
        strings = book.part_of("sharedStrings")
        shared = SharedStrings(self._archive, self._archive.find(strings) if strings else None)
        self._sheet = OpenSheet(book, book.sheet(sheet), self._styles, shared, keep_formulas=keep_formulas)
        self._parts = _Parts(self._archive, book)
        self._styles_written = 0
        self._calculates = False
        self._pending = (0, False)

    def write(self, target: BinaryIO, updates: Sequence[CellUpdate]) -> WriteReceipt:
        self._sheet.rollback()
        self._parts.rollback()
        keyed = {update.row << 14 | (number(update.column) - 1): update for update in updates}
        changes = self._sheet.apply(keyed) if keyed else Changes()
        if changes.cells:
            self._gather(changes)
        self._parts.write(target)
        return WriteReceipt(changed=changes.cells, unchanged=len(keyed) - changes.cells)

    def committed(self, fingerprint: Fingerprint) -> None:
        self._sheet.commit()
        self._parts.commit()
        self._styles_written, self._calculates = self._pending

    def close(self) -> None:
        self._archive.close()

    # --- the members that change --------------------------------------------------------------------------------------

    def _gather(self, changes: Changes) -> None:
        """Put the new text of every part that changed among the members."""
        parts = self._parts
        parts.put(self._sheet.sheet.part, self._sheet.content())
        if changes.links:
            self._gather_relations()
        styles_written = self._styles_written
        if self._styles.changed != styles_written:
            styles_written = self._styles.changed
            self._gather_styles()
        for name, text in chain_without(parts.text, self._book, self._sheet.sheet, changes.formulas).items():
            parts.put(name, None if text is None else content_of(text), text)
        if not self._calculates:
            self._ask_to_calculate()
        self._pending = (styles_written, True)

    def _gather_relations(self) -> None:
        part, content = relations_part(self._sheet.sheet.part), self._sheet.relations()
        assert content is not None
        if part not in self._parts:
            self._list(part, RELATIONS_TYPE)
        self._parts.put(part, content)

    def _gather_styles(self) -> None:
        if self._styles_part not in self._parts:
            self._list(self._styles_part, STYLES_TYPE)
            name = relations_part(self._book.part)
            kind = f"{self._book.relationships}/styles"
            text = with_relation(self._parts.text(name) or b"", kind, f"/{self._styles_part}", self._book.name)
            self._parts.put(name, content_of(text), text)
        self._parts.put(self._styles_part, content_of(self._styles.text()))

    def _list(self, part: str, kind: str) -> None:
        old = self._parts.text(CONTENT_TYPES) or b""
        new = with_type(old, part, kind, self._book.name)
        if new != old:
            self._parts.put(CONTENT_TYPES, content_of(new), new)

    def _ask_to_calculate(self) -> None:
        if not has_formulas(self._book, self._sheet.sheet, in_sheet=self._sheet.has_formulas):
            return
        text = asking_to_calculate(self._book.text, self._book)
        if text != self._book.text:
            self._parts.put(self._book.part, content_of(text))


class _Parts:
    """The members that are not any more as they were: new content, or None for one that is gone."""

    def __init__(self, archive: Archive, book: Book) -> None:
        self._archive, self._book = archive, book
        self._contents: dict[str, Content | None] = {}
        self._texts: dict[str, bytes | None] = {}
        self._saved = (self._contents, self._texts)

    def __contains__(self, name: str) -> bool:
        """Whether there is such a part, in the file or among the new ones."""
        return self._archive.find(name) is not None or name in self._contents

    def put(self, name: str, content: Content | None, text: bytes | None = None) -> None:
        """Give a part new content; `text` as well, where it will be asked for."""
        member = self._archive.find(name)
        name = member.name if member else name
        self._contents[name] = content
        self._texts[name] = text

    def text(self, name: str) -> bytes | None:
        """The text of a part as it is now; None if it was removed."""
        member = self._archive.find(name)
        name = member.name if member else name
        return self._texts[name] if name in self._texts else self._book.read(name)

    def write(self, target: BinaryIO) -> None:
        known = {plain(member.name) for member in self._archive.members}
        changed = {name: content for name, content in self._contents.items() if content is not None}
        added = {name: content for name, content in changed.items() if plain(name) not in known}
        removed = [name for name, content in self._contents.items() if content is None]
        write_archive(target, self._archive, changed, added, removed)

    def commit(self) -> None:
        self._saved = (dict(self._contents), dict(self._texts))

    def rollback(self) -> None:
        contents, texts = self._saved
        self._contents, self._texts = dict(contents), dict(texts)
