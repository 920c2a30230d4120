from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ihacpa_core.workbook.refs import MAX_COLUMN, column_index, column_letter, split_ref


@given(st.integers(1, MAX_COLUMN))
def test_a_column_letter_leads_back_to_its_number(index: int) -> None:
    """Letter and number are two names of one column, for every column of a sheet."""
    assert column_index(column_letter(index)) == index


def test_a_reference_is_split_whatever_its_case() -> None:
    """ "b7" is column B of row 7."""
    assert split_ref("b7") == ("B", 7)
    assert split_ref("XFD1048576") == ("XFD", 1_048_576)


@pytest.mark.parametrize("ref", ["", "7", "B", "B0", "XFE1", "A1048577", "$A$1", "A1:B2", "A99999999999", "Ä1", "A１"])
def test_what_is_no_cell_of_a_sheet_is_refused(ref: str) -> None:
    """A reference beyond the sheet's borders, or none at all, is an error."""
    with pytest.raises(ValueError, match="no "):
        split_ref(ref)


@pytest.mark.parametrize("letters", ["", "XFE", "AAAA", "A1", "é"])
def test_what_is_no_column_is_refused(letters: str) -> None:
    """Letters beyond XFD name no column."""
    with pytest.raises(ValueError, match="no column"):
        column_index(letters)


@pytest.mark.parametrize("index", [0, -1, MAX_COLUMN + 1])
def test_a_number_beyond_the_sheet_is_refused(index: int) -> None:
    """Columns are numbered from 1 to 16,384."""
    with pytest.raises(ValueError, match="no column"):
        column_letter(index)
