"""``ihacpa config`` as a person types it."""

from __future__ import annotations

import json
import tomllib

from ihacpa_core import ExitCode


def test_set_changes_one_value_and_says_where(project):
    """The value is written into its line, comments stay, and what stands there now is printed with its place."""
    text = "# mine\n" + (project.folder / "ihacpa.toml").read_text()
    project.write("ihacpa.toml", text)

    done = project.run("config", "set", "save_every", "30s", expect=ExitCode.OK)
    again = project.run("config", "set", "processor.python.results", "Total,Note", expect=ExitCode.OK)

    assert done.stdout == f'{project.folder}/ihacpa.toml:5: ihacpa.save_every = "30s"\n'
    assert again.stdout.endswith('processor.python.results = ["Total", "Note"]\n')
    wanted = text.replace('double"\n', 'double"\nsave_every = "30s"\n').replace('["Total"]', '["Total", "Note"]')
    assert (project.folder / "ihacpa.toml").read_text() == wanted
    assert project.run("config", "check", expect=ExitCode.OK).stdout.endswith(": no mistake\n")


def test_set_writes_nothing_that_would_be_a_mistake(project):
    """A value out of range, an unknown key, a table, or a file that is wrong elsewhere: nothing changes."""
    before = (project.folder / "ihacpa.toml").read_bytes()

    for key, value, told in (
        ("checkpoint_every", "0", "config set: ihacpa.checkpoint_every: expected a whole number from 1"),
        ("strategy.size.batch_sise", "5", "did you mean 'batch_size'?"),
        ("strategy.sise.batch_size", "5", "did you mean 'size'?"),
        ("strategy", "sise", "did you mean 'size'?"),
        ("sheet", "3", "ihacpa.sheet: unknown key"),
        ("processor.package-review.columns", "{notes = ''}", "is a table"),
        ("notes", "5", "unknown key"),
        ("", "5", "is no key"),
    ):
        done = project.run("config", "set", key, value, expect=ExitCode.USAGE)
        assert told in done.stderr

    assert (project.folder / "ihacpa.toml").read_bytes() == before
    project.write("ihacpa.toml", before.decode() + "[strategy.sise]\n")
    assert "ihacpa.toml:12" in project.run("config", "set", "sheet.header_row", "2", expect=ExitCode.USAGE).stderr


def test_set_mends_a_mistake_in_the_key_itself(project):
    """A value that is wrong now can be set right."""
    project.write("ihacpa.toml", '[sheet]\nheader_row = "three"\n')

    project.run("config", "set", "sheet.header_row", "1", expect=ExitCode.OK)

    assert (project.folder / "ihacpa.toml").read_text() == "[sheet]\nheader_row = 1\n"


def test_set_makes_the_file_or_uses_that_of_the_project(project):
    """Without a settings file one is made here; in a project its pyproject.toml has them under [tool.ihacpa]."""
    (project.folder / "ihacpa.toml").unlink()
    new, old = project.folder / "new", project.folder / "old"
    new.mkdir()
    old.mkdir()
    (old / "pyproject.toml").write_text('[project]\nname = "x"\n\n[tool.ihacpa.sheet]\nkey = "B"  # here\n')

    project.run("config", "set", "strategy", "size", "-C", "new", expect=ExitCode.OK)
    done = project.run("config", "set", "workbook", "book.xlsx", "-C", "old", expect=ExitCode.OK)

    assert (new / "ihacpa.toml").read_text() == '[ihacpa]\nstrategy = "size"\n'
    assert 'tool.ihacpa.ihacpa.workbook = "book.xlsx"' in done.stdout
    tool = tomllib.loads((old / "pyproject.toml").read_text())["tool"]["ihacpa"]
    assert tool == {"sheet": {"key": "B"}, "ihacpa": {"workbook": "book.xlsx"}}


def test_set_writes_a_path_as_the_file_needs_it(project):
    """A relative path is typed in one folder and written for that of the file."""
    (project.folder / "sub").mkdir()

    project.run("config", "set", "workbook", "book.xlsx", "-C", "sub", expect=ExitCode.OK)

    assert 'workbook = "sub/book.xlsx"' in (project.folder / "ihacpa.toml").read_text()


def test_path_is_where_the_settings_are(project):
    """The path is printed alone, so that another command can take it; without a file it is an error."""
    assert project.run("config", "path", expect=ExitCode.OK).stdout == f"{project.folder}/ihacpa.toml\n"
    (project.folder / "ihacpa.toml").unlink()

    assert "ihacpa init writes one" in project.run("config", "path", expect=ExitCode.USAGE).stderr


def test_check_all_looks_at_what_nothing_selects(project):
    """Tables of offers that are not selected are checked with --all, and only then."""
    text = (project.folder / "ihacpa.toml").read_text()
    project.write("ihacpa.toml", text + '[processor.package-review]\nconcurrency = 0\n[source.osv]\nmax_agee = "7d"\n')

    assert project.run("config", "check", expect=ExitCode.OK).stdout.endswith(": no mistake\n")
    done = project.run("config", "check", "--all", "--json", expect=ExitCode.USAGE)

    found = [(one["where"], one["key"]) for one in json.loads(done.stdout)]
    assert found == [
        ("ihacpa.toml:13", "processor.package-review.concurrency"),
        ("ihacpa.toml:15", "source.osv.max_agee"),
    ]


def test_schema_goes_to_standard_output_whole(project):
    """The schema is JSON on standard output, with the tables of the plugins that -p switches on."""
    project.write("bell.py", OPTION)

    done = project.run("config", "schema", "-p", "./bell.py", expect=ExitCode.OK)

    schema = json.loads(done.stdout)
    assert done.stderr == ""
    assert {"ihacpa", "sheet", "strategy", "source", "bell"} <= set(schema["properties"])
    assert "batch_size" in schema["$defs"]["SizeOptions"]["properties"]


OPTION = """\
from ihacpa_core import hookimpl

@hookimpl
def ihacpa_addoption(parser):
    parser.addoption("--bell-tone", help="the tone", choices=("a", "c"), default="a")
"""
