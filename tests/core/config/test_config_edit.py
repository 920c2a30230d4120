"""Changing one value in a person's file leaves everything else as it was."""

from __future__ import annotations

import stat
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ihacpa_core import UsageError
from ihacpa_core.config.edit import with_value, write_settings_file
from ihacpa_core.fileops import FileOps

FILE = """\
# mine
[ihacpa]
workbook = "a.xlsx"   # the book
progress = [
  "rich",  # bars
  "json",
]   # several

# about the sheet
[sheet]   # here
header_row = 3
# key = "B"     # the default

[strategy.size]  # s
batch_size = 10 # ten

[processor.package-review.columns]
notes = ""   # "#" is no comment here
# the end
"""


def changes(before, after):
    """The lines that went and the lines that came, in order."""
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


@pytest.mark.parametrize(
    ("path", "value", "gone", "come"),
    [
        (("ihacpa", "workbook"), "b.xlsx", ['workbook = "a.xlsx"   # the book'], ['workbook = "b.xlsx"   # the book']),
        (("strategy", "size", "batch_size"), 25, ["batch_size = 10 # ten"], ["batch_size = 25 # ten"]),
        (("ihacpa", "save"), "patch", [], ['save = "patch"']),
        (("sheet", "key"), "Name", [], ['key = "Name"']),
        (("strategy", "memory", "target"), 0.5, [], ["[strategy.memory]", "target = 0.5"]),
        (("processor", "package-review", "concurrency"), 3, [], ["[processor.package-review]", "concurrency = 3"]),
        (("notify", "url"), "http://x/#y", [], ["[notify]", 'url = "http://x/#y"']),
        (
            ("ihacpa", "progress"),
            ["plain"],
            ["progress = [", '  "rich",  # bars', '  "json",', "]   # several"],
            ['progress = ["plain"]   # several'],
        ),
    ],
)
def test_one_value_changes_and_nothing_else(path, value, gone, come):
    """A value is replaced in its place, a new key comes to its table, a new table near its like; the rest stays."""
    edited = with_value(FILE, path, value)

    assert changes(FILE, edited) == (gone, come)
    assert tomllib.loads(edited) == expected(FILE, path, value)


def test_a_new_key_stands_above_the_comments_of_the_next_table():
    """What is written about the next table stays with it; a default that is commented out is where its key goes."""
    saved = with_value(FILE, ("ihacpa", "save"), "patch")
    keyed = with_value(FILE, ("sheet", "key"), "Name")

    assert ']   # several\nsave = "patch"\n\n# about the sheet\n[sheet]' in saved
    assert '# key = "B"     # the default\nkey = "Name"\n' in keyed


def test_the_form_of_a_pyproject_file():
    """In a pyproject.toml the tables stand under [tool.ihacpa], beside the others of the project."""
    text = '[tool.ruff]\nline-length = 100\n\n[tool.ihacpa.sheet]\nkey = "B"\n\n[tool.mypy]\nstrict = true\n'

    edited = with_value(text, ("strategy", "size", "batch_size"), 3, section=("tool", "ihacpa"))

    assert '[tool.ihacpa.sheet]\nkey = "B"\n\n[tool.ihacpa.strategy.size]\nbatch_size = 3\n\n[tool.mypy]' in edited
    first = with_value("[tool.ruff]\nx = 1\n", ("sheet", "key"), "C", section=("tool", "ihacpa"))
    assert first == '[tool.ruff]\nx = 1\n\n[tool.ihacpa.sheet]\nkey = "C"\n'


@pytest.mark.parametrize(
    "text",
    [
        'ihacpa = {strategy = "size"}\n',
        'ihacpa.strategy = "size"\n',
        '"ihacpa"."strategy" = "size"\n',
        '[ihacpa]\nstrategy = """\n[sheet]\n"""\n',
        '[sheet]\nkey = "[ihacpa]"\n[ihacpa]',
        "",
        "# nothing but this",
    ],
)
def test_files_in_other_styles(text):
    """Inline tables, dotted and quoted keys, strings over several lines, empty files: each can be changed."""
    edited = with_value(text, ("ihacpa", "save"), "patch")

    assert tomllib.loads(edited) == expected(text, ("ihacpa", "save"), "patch")


def test_line_ends_and_the_mark_of_windows_stay():
    """A file that Notepad wrote keeps its line ends and its byte order mark."""
    edited = with_value('\ufeff[sheet]\r\nkey = "B"\r\n', ("sheet", "header_row"), 1)

    assert edited == '\ufeff[sheet]\r\nkey = "B"\r\nheader_row = 1\r\n'


def test_what_cannot_be_changed_is_told_with_the_line_to_write():
    """A table where a value stands is no place for a key; the file is left to the person."""
    with pytest.raises(UsageError) as error:
        with_value("ihacpa = 1\n", ("ihacpa", "save"), "patch")

    assert "no table" in error.value.what


KEYS = st.sampled_from(["a", "b", "c-d", "e f", "x.y"])
VALUES = st.one_of(st.integers(-9, 9), st.booleans(), st.text(max_size=6), st.lists(st.integers(0, 3), max_size=3))
TABLES = st.recursive(st.dictionaries(KEYS, VALUES, max_size=3), lambda inner: st.dictionaries(KEYS, inner, max_size=3))


@given(tables=TABLES, path=st.lists(KEYS, min_size=1, max_size=3).map(tuple), value=VALUES)
def test_the_result_says_what_it_should_or_nothing_is_made(tables, path, value):
    """Whatever the file holds, the result differs from it in that value and in nothing else, or there is none."""
    import tomli_w

    text = "# first\n" + tomli_w.dumps(tables) + "# last\n"

    try:
        edited = with_value(text, path, value)
    except UsageError:
        return

    assert tomllib.loads(edited) == expected(text, path, value)
    assert "# first" in edited
    assert "# last" in edited


def test_writing_keeps_the_mode_and_follows_a_link(tmp_path):
    """The file keeps its mode, a link stays a link, and a new file is for those who may read its folder."""
    real = tmp_path / "real.toml"
    real.write_text("x = 1\n")
    real.chmod(0o640)
    (tmp_path / "ihacpa.toml").symlink_to(real)
    tmp_path.chmod(0o750)

    write_settings_file(tmp_path / "ihacpa.toml", "x = 2\n", FileOps())
    write_settings_file(tmp_path / "new.toml", "x = 3\n", FileOps())

    assert (tmp_path / "ihacpa.toml").is_symlink()
    assert real.read_text() == "x = 2\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "new.toml").stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ihacpa.toml", "new.toml", "real.toml"]


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path):
    """A disk that fails at the last moment costs nothing but the change."""

    class Full(FileOps):
        def effect(self, name, path):
            if name == "replace":
                raise OSError(28, "No space left on device")

    (tmp_path / "ihacpa.toml").write_text("x = 1\n")

    with pytest.raises(UsageError, match="as it was") as error:
        write_settings_file(tmp_path / "ihacpa.toml", "x = 2\n", Full())

    assert error.value.why == "No space left on device"
    assert [path.read_text() for path in tmp_path.iterdir()] == ["x = 1\n"]


def expected(text, path, value):
    tables = tomllib.loads(text)
    place = tables
    for key in path[:-1]:
        place = place.setdefault(key, {})
    place[path[-1]] = value
    return tables
