from __future__ import annotations

import decimal
import io
import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from ihacpa_core.records import Cell, Level
from ihacpa_core.workbook.sheet_reader import iter_rows
from ihacpa_core.workbook.styles import PALETTE
from ihacpa_core.workbook.values import MAX_TEXT, fit, same_value


class Colour(StrEnum):
    RED = "red"


class OwnFloat(float):
    pass


@pytest.mark.parametrize(
    "value",
    [None, "", "text", "=1+1", "a\tb\nc", "é😀", 0, -5, 999_999_999_999_999, 1.5, True, False, date(2024, 1, 2),
     date(1900, 1, 1), datetime(2024, 1, 2, 3, 4, 5, 6000), "x" * MAX_TEXT],
)  # fmt: skip
def test_what_excel_can_hold_comes_out_as_it_went_in(value):
    """Nothing is noted of a value that is fit already."""
    cell = Cell(value, "good", "https://example.org/")

    assert fit(cell) == (cell, ())


@pytest.mark.parametrize(
    ("value", "fitted", "note"),
    [
        ("a\x00b\x0bc", "abc", "2 control characters removed"),
        ("\x1b[2J", "[2J", "1 control character removed"),
        ("a\ud800b", "a\ufffdb", "1 broken character replaced"),
        ("\ufffe\uffff", "\ufffd\ufffd", "2 broken characters replaced"),
        (float("nan"), "NaN", 'not a number is the text "NaN"'),
        (float("inf"), "inf", 'a number beyond Excel\'s range is the text "inf"'),
        (float("-inf"), "-inf", 'a number beyond Excel\'s range is the text "-inf"'),
        (1.5e308, "1.5e+308", 'a number beyond Excel\'s range is the text "1.5e+308"'),
        (5e-324, 0.0, "a number too small for Excel is 0"),
        (10**15, "1000000000000000", "a number of more than 15 digits is text"),
        (-(10**19), "-10000000000000000000", "a number of more than 15 digits is text"),
        (datetime(2024, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))), datetime(2024, 1, 2, 1), "UTC"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))), "0001-01-01T00:00:00+02:00", "beyond the calendar"),
        (date(1899, 12, 31), "1899-12-31", "a date before 1900 is text"),
        (datetime(1234, 5, 6, 7, 8), "1234-05-06 07:08:00", "a date before 1900 is text"),
    ],
)
def test_what_excel_cannot_hold_is_changed_and_named(value, fitted, note):
    """Each such value has one substitute and one note."""
    cell, notes = fit(Cell(value))

    assert cell.value == fitted
    assert type(cell.value) is type(fitted)
    assert note in notes[-1]


@pytest.mark.parametrize(
    ("value", "fitted"),
    [("a\r\nb\rc", "a\nb\nc"), (datetime(2024, 1, 1, 0, 0, 0, 1999), datetime(2024, 1, 1, 0, 0, 0, 1000)), (-0.0, 0.0),
     (Colour.RED, "red")],
)  # fmt: skip
def test_what_excel_does_to_every_value_is_not_noted(value, fitted):
    """Line ends, milliseconds and enumerations are no loss."""
    cell, notes = fit(Cell(value))

    assert (cell.value, type(cell.value), notes) == (fitted, type(fitted), ())


def test_a_text_that_is_too_long_is_cut_visibly():
    """The end says how many characters are gone; Excel counts UTF-16 units, and no character is halved."""
    cell, notes = fit(Cell("😀" * 40_000))

    match = re.fullmatch(r"(😀+)… \[cut, ([\d,]+) more characters\]", cell.value)
    assert match
    assert len(match[1]) + int(match[2].replace(",", "")) == 40_000
    assert len(cell.value.encode("utf-16-le")) // 2 <= MAX_TEXT
    assert notes == ("a text of 40,000 characters cut to Excel's 32,767",)


def test_a_number_of_any_length_becomes_text():
    """Python's own limit on digits does not come through."""
    cell, notes = fit(Cell(10**100_000))

    assert isinstance(cell.value, str)
    assert len(notes) == 2


@pytest.mark.parametrize("value", [b"x", time(1), timedelta(1), [], {}, object(), 1j])
def test_other_types_are_refused_by_name(value):
    """A value of a type that no cell holds is a mistake of the processor, and the message names the type."""
    with pytest.raises(TypeError, match=type(value).__qualname__):
        fit(Cell(value))


@pytest.mark.parametrize(
    ("value", "plain"), [(decimal.Decimal("1.5"), 1.5), (Fraction(1, 2), 0.5), (OwnFloat(1), 1.0), (Level.HIGH, 3)]
)
def test_numbers_of_other_libraries_are_numbers(value, plain):
    """What calls itself a number is one: of numpy, pandas, decimal, enum."""
    assert fit(Cell(value)) == (Cell(plain), ())


@pytest.mark.parametrize("link", ["https://pypi.org/project/x/", "HTTP://a/?q=é#b", "https://a/" + "x" * 2069])
def test_web_links_are_kept(link):
    """Addresses of http and https are links."""
    assert fit(Cell("x", link=link)) == (Cell("x", link=link), ())


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "file:///etc/passwd", "ftp://a/", "", "https://", "//a/b", "mailto:a@b", "https://a/\nb",
     "https://a b/", "https://[::1", "\x01https://a/", "https://a/\ud800", "https://a/" + "x" * 2070],
)  # fmt: skip
def test_other_links_are_dropped_with_a_note(link):
    """The value stays; the link goes, and that is said."""
    cell, notes = fit(Cell("x", "bad", link))

    assert cell == Cell("x", "bad")
    assert len(notes) == 1
    assert "link" in notes[0]


def test_a_link_that_is_no_text_is_refused():
    """A link of another type is a mistake of the processor."""
    with pytest.raises(TypeError, match="bytes"):
        fit(Cell("x", link=b"https://a/"))


@pytest.mark.parametrize(
    ("wanted", "found", "same"),
    [
        (0.1 + 0.2, 0.3, True), (5.0, 5, True), (5, 5.0, True), ("", None, True), (None, "", True), (0, None, False),
        (date(2024, 1, 1), datetime(2024, 1, 1), True), (datetime(2024, 1, 1, 1), date(2024, 1, 1), False),
        (True, 1, False), (True, True, True), ("5", 5, False), ("a", "A", False), (1, 1.1, False),
        (999_999_999_999_999, 999_999_999_999_998, False), (date(2024, 1, 1), 45292, False), ("x", None, False),
    ],
)  # fmt: skip
def test_a_value_is_compared_as_a_workbook_holds_it(wanted, found, same):
    """Number types, 15 digits and midnights make no difference; all else does."""
    assert same_value(wanted, found) is same


texts = st.text(st.characters(), max_size=60) | st.text(st.sampled_from("_x0041\r\n\x00\ud83d\ude00 é="), max_size=40)
anything = st.one_of(
    st.none(), st.booleans(), texts, st.integers(), st.floats(), st.dates(), st.datetimes(),
    st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-11))])),
    st.integers(30_000, 70_000).flatmap(lambda size: st.sampled_from("a😀\x00").map(lambda char: char * size)),
)  # fmt: skip


def escaped(text: str) -> str:
    """Text as Excel writes it: what would read as an escape is escaped."""
    return re.sub(r"_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", text)


@settings(max_examples=150, deadline=None)
@given(st.lists(anything, min_size=1, max_size=8))
def test_a_fitted_value_survives_a_save(values):
    """Whatever a processor returns, its fitted form is written by openpyxl, and read back by openpyxl and by us."""
    book = Workbook()
    fitted = [fit(Cell(value))[0].value for value in values]
    for row, value in enumerate(fitted, start=1):
        cell = book.active.cell(row, 1)
        if isinstance(value, str):
            cell.value, cell.data_type = escaped(value), "s"
        else:
            cell.value = value
    target = io.BytesIO()

    book.save(target)

    ours = {row.number: row.cells["A"].value for row in iter_rows(target) if "A" in row.cells}
    theirs = load_workbook(target).active
    for row, value in enumerate(fitted, start=1):
        assert same_value(value, ours.get(row)), (value, ours.get(row))
        assert same_value(escaped(value) if isinstance(value, str) else value, theirs.cell(row, 1).value)


@given(anything)
def test_fitting_twice_changes_nothing_more(value):
    """A fitted value is fit."""
    once = fit(Cell(value))[0]

    assert fit(once) == (once, ())


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("style", PALETTE)
def test_every_colour_can_be_read(style):
    """Font on fill has the contrast that WCAG AA asks for."""
    look = PALETTE[style]

    assert (luminance(look.fill) + 0.05) / (luminance(look.font) + 0.05) >= 4.5
