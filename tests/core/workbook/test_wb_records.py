from __future__ import annotations

import pytest
from openpyxl import Workbook

from ihacpa_core.errors import UsageError, WorkbookError
from ihacpa_core.records import RecordId
from ihacpa_core.workbook.records import read_sheet


@pytest.fixture
def write(tmp_path):
    """Writes rows (lists of values, from row 1) with openpyxl."""

    def write(*rows, title="Packages"):
        book = Workbook()
        book.active.title = title
        for number, row in enumerate(rows, start=1):
            for column, value in enumerate(row, start=1):
                book.active.cell(number, column, value)
        path = tmp_path / "book.xlsx"
        book.save(path)
        return path

    return write


HEADER = ["#", "Package  Name", "Installed\nVersion"]


def test_records_are_the_rows_with_a_key(write):
    """A row without a key is skipped, wherever it is, and a gap does not end the sheet."""
    path = write(
        ["Title"],
        [],
        HEADER,
        [1, "requests", "2.31.0"],
        [],
        [2, None, "1.0"],
        [3, "  ", "1.0"],
        [],
        [4, " flask ", 2.2],
    )

    sheet = read_sheet(path)

    assert [(record.row, record.number, record.key) for record in sheet.records] == [
        (4, 1, "requests"),
        (9, 2, "flask"),
    ]
    assert (sheet.name, sheet.key, sheet.warnings) == ("Packages", "B", ())
    assert dict(sheet.records[1].contents) == {"A": 4, "B": " flask ", "C": 2.2}


def test_a_record_is_read_by_header_and_by_letter(write):
    """White space and case of a header do not count; all records share one header object."""
    sheet = read_sheet(write([], [], HEADER, [1, "a", "1"], [2, "b", "2"]))

    assert sheet.records[1]["installed version"] == sheet.records[1]["C"] == "2"
    assert sheet.headers.texts == {"A": "#", "B": "Package  Name", "C": "Installed\nVersion"}
    assert sheet.records[0].headers is sheet.records[1].headers is sheet.headers


def test_duplicates_are_counted(write):
    """The second row of a key is its second occurrence."""
    sheet = read_sheet(write([], [], HEADER, [1, "a"], [2, "b"], [3, "a"]))

    assert [record.id for record in sheet.records] == [RecordId("a"), RecordId("b"), RecordId("a", 2)]


@pytest.mark.parametrize(("value", "key"), [(7, "7"), (7.0, "7"), (1.5, "1.5"), (True, "TRUE"), ("\xa0x ", "x")])
def test_a_key_is_text(write, value, key):
    """A number or truth value in the key column is a key as it is shown."""
    assert read_sheet(write([], [], HEADER, [1, value])).records[0].key == key


def test_formulas_come_beside_values(write):
    """A cell with a formula that was never calculated has no value and is known to hold a formula."""
    record = read_sheet(write([], [], HEADER, [1, "a", '=HYPERLINK("x")'])).records[0]

    assert record.formulas == {"C": '=HYPERLINK("x")'}
    assert "C" not in record.contents


def test_keys_that_were_never_calculated_are_warned_of(write):
    """Rows whose key is a formula without a value are skipped, counted, and the remedy is named."""
    sheet = read_sheet(write([], [], HEADER, [1, "=A4"], [2, "b"], [3, "=A6"]))

    assert [record.key for record in sheet.records] == ["b"]
    assert len(sheet.warnings) == 1
    assert sheet.warnings[0].startswith("2 rows skipped, the first is row 4")
    assert "save it once" in sheet.warnings[0]


def test_the_sheet_is_described_by_its_settings(write):
    """Header row, first row and the key's header text are the caller's."""
    path = write(["Order", "Note"], ["(example)", ""], ["A1", "x"], ["A2", None], title="Orders")

    sheet = read_sheet(path, name="orders", header_row=1, first_row=3, key="order")

    assert [(record.row, record.key) for record in sheet.records] == [(3, "A1"), (4, "A2")]
    assert sheet.name == "Orders"


def test_an_empty_header_row_shows_where_the_header_may_be(write):
    """Without a text in the header row the message names the row that looks like one."""
    path = write([], [], [], [], HEADER, [1, "a", "1"])

    with pytest.raises(WorkbookError) as caught:
        read_sheet(path)

    assert 'sheet "Packages": no header in row 3: row 3 is empty; row 5 holds A "#", B "Package  Name"' in str(
        caught.value
    )
    assert "header_row = 5 under [sheet]" in caught.value.hint


def test_numbers_alone_are_no_header(write):
    """A row of data is not taken for the header."""
    with pytest.raises(WorkbookError, match='row 3 holds A "1", B "2"'):
        read_sheet(write(HEADER, [], [1, 2]))


def test_an_empty_sheet_has_no_header(write):
    """A sheet without any row is refused, with the option that chooses another one."""
    with pytest.raises(WorkbookError, match="row 3 is empty") as caught:
        read_sheet(write())

    assert "--sheet" in caught.value.hint


def test_a_header_above_the_one_that_was_named_is_doubted(write):
    """When row 3 is data and row 1 the header, a warning says so."""
    sheet = read_sheet(write(HEADER, [1, "a", "1"], [2, "b", "2"], [3, "c", "3"]))

    assert [record.key for record in sheet.records] == ["c"]
    assert sheet.warnings[0].startswith('row 1 looks like the header (A "#"')
    assert "header_row = 1" in sheet.warnings[0]


@pytest.mark.parametrize("key", ["Pakage Name", "XFE", "ZZ", "No"])
def test_a_key_that_is_no_column_lists_the_headers(write, key):
    """A key column that the sheet lacks is refused, whether it reads like a letter or not."""
    with pytest.raises(WorkbookError) as caught:
        read_sheet(write([], [], HEADER, [1, "a", "1"]), key=key)

    assert f'no key column "{key}": row 3 holds A "#", B "Package  Name"' in str(caught.value)
    if key == "Pakage Name":
        assert 'did you mean "Package  Name"?' in caught.value.hint


def test_a_key_column_without_a_header_is_taken_when_it_holds_keys(write):
    """A letter is enough where the header cell above the keys is empty."""
    assert read_sheet(write([], [], ["#", None, "Version"], [1, "a", "1"])).records[0].key == "a"


def test_a_sheet_with_a_header_alone_has_no_records(write):
    """That there is nothing to do is for the caller to say."""
    assert read_sheet(write([], [], HEADER)).records == ()


def test_a_first_row_above_the_header_is_a_mistake(write):
    """The two settings must fit together."""
    with pytest.raises(UsageError, match="first_row 3 is not below"):
        read_sheet(write([], [], HEADER), first_row=3)


def test_more_rows_than_memory_has_room_for_are_refused(write, monkeypatch):
    """The number of records is bounded."""
    monkeypatch.setattr("ihacpa_core.workbook.records.MAX_RECORDS", 2)

    with pytest.raises(WorkbookError, match="too large"):
        read_sheet(write([], [], HEADER, [1, "a"], [2, "b"], [3, "c"]))
