"""How this backend says no: what is wrong, why, and what helps. It is said before anything is written."""

from __future__ import annotations

from ihacpa_core import WorkbookError


def damaged(book: str, why: str) -> WorkbookError:
    """The file is not a whole or honest workbook: no backend can work on it."""
    return WorkbookError(
        f"{book} is damaged", why=why, hint="open it in Excel and save it once, or take an older copy of it"
    )


def beyond(book: str, why: str) -> WorkbookError:
    """The file is right, but written in a way that this backend does not change without guessing."""
    return WorkbookError(
        f"{book} cannot be changed in place",
        why=why,
        hint='open it in Excel and save it once, or choose save = "openpyxl"',
    )


def locked(book: str, why: str, hint: str) -> WorkbookError:
    """Somebody said that this is not to be changed."""
    return WorkbookError(f"{book} cannot be changed as asked", why=why, hint=hint)


def unfit(ref: str, what: str) -> WorkbookError:
    """No cell holds such a value."""
    return WorkbookError(f"cell {ref} cannot hold {what}", hint="report the processor that made it")
