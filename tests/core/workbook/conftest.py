"""Workbooks written part by part, whole ones and damaged ones."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from wb_parts import whole_book

MakeBook = Callable[..., Path]


@pytest.fixture
def make_book(tmp_path: Path) -> MakeBook:
    """Writes a workbook: `make_book('<row>...</row>', {part: text or None to leave it out})`."""

    def make(rows: str = "", changes: dict[str, str | bytes | None] | None = None, name: str = "book.xlsx") -> Path:
        parts = {**whole_book(rows), **(changes or {})}
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
            for part, content in parts.items():
                if content is not None:
                    target.writestr(part, content)
        return path

    return make
