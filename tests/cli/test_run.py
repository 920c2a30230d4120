from __future__ import annotations

import json
import shutil

import pytest
from openpyxl import load_workbook

from ihacpa_core.errors import ExitCode

TOTALS = {f"C{row}": (row - 1) * 2 for row in range(2, 32)}


def totals(cells):
    return {ref: value for ref, value in cells.items() if ref[0] == "C" and ref != "C1"}


def test_a_run_fills_every_row(project):
    """`ihacpa` in a folder with an ihacpa.toml does the whole job, with one backup of the original."""
    before = project.workbook.read_bytes()

    result = project.run(expect=ExitCode.OK)

    assert totals(project.cells()) == TOTALS
    assert "30" in result.stdout
    backups = list((project.folder / ".ihacpa" / "book.xlsx" / "backups").iterdir())
    assert [backup.read_bytes() for backup in backups] == [before]
    assert project.leftovers() == []


def test_text_is_written_as_text(project):
    """What a function returns never becomes a formula."""
    project.run(expect=ExitCode.OK)

    cell = load_workbook(project.workbook).active["D2"]
    assert (cell.data_type, cell.value) == ("s", "=not a formula")


def test_a_second_run_over_a_finished_sheet_changes_no_byte(project):
    """Same input, same outcome: the workbook is not even written."""
    project.run(expect=ExitCode.OK)
    first = project.workbook.read_bytes()

    project.run(expect=ExitCode.OK)

    assert project.workbook.read_bytes() == first


def test_the_module_does_what_the_command_does(project):
    """`python -m ihacpa_core run BOOK` takes the workbook, options and -o from the command line."""
    shutil.copy(project.workbook, project.folder / "other.xlsx")

    project.run(
        "run", "other.xlsx", "--strategy", "size", "--batch-size", "25", "-o", "processor.python.concurrency=8",
        expect=ExitCode.OK,
    )  # fmt: skip

    assert totals(project.cells(project.folder / "other.xlsx")) == TOTALS
    assert totals(project.cells()) == {}


def test_an_output_is_a_copy_and_the_original_stays(project):
    """With --output the original is never written."""
    before = project.workbook.read_bytes()

    project.run("--output", "out.xlsx", expect=ExitCode.OK)

    assert project.workbook.read_bytes() == before
    assert totals(project.cells(project.folder / "out.xlsx")) == TOTALS


def test_an_output_that_somebody_wrote_is_not_replaced_silently(project):
    """An output that no run made needs a decision; --start-fresh replaces it and keeps a backup."""
    out = project.folder / "out.xlsx"
    shutil.copy(project.workbook, out)

    refused = project.run("--output", "out.xlsx", expect=ExitCode.DECISION_NEEDED)
    project.run("--output", "out.xlsx", "--start-fresh", expect=ExitCode.OK)

    assert "--start-fresh" in refused.stderr
    assert totals(project.cells(out)) == TOTALS


def test_a_dry_run_writes_nothing(project, calls):
    """--dry-run says what would be done; no file appears, none changes, no row is processed."""
    before = {path: path.stat().st_mtime_ns for path in project.folder.rglob("*")}

    result = project.run("--dry-run", "--limit", "7", expect=ExitCode.OK)

    after = {path: path.stat().st_mtime_ns for path in project.folder.rglob("*") if "__pycache__" not in str(path)}
    assert after == before
    assert "7 of 30 records" in result.stdout
    assert calls() == []


def test_a_dry_run_over_an_unfinished_run_writes_nothing(project):
    """--dry-run reads the journal of an unfinished run without touching it."""
    project.write("work.py", "def double(record):\n    raise SystemExit(9)\n")
    project.run()
    state = {path: path.read_bytes() for path in (project.folder / ".ihacpa").rglob("*") if path.is_file()}

    project.run("--dry-run", "--json")

    assert {path: path.read_bytes() for path in (project.folder / ".ihacpa").rglob("*") if path.is_file()} == state


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        (["--rows", "3-5"], [3, 4, 5]),
        (["--packages", "item-01", "ITEM-30"], [2, 31]),
        (["--limit", "2"], [2, 3]),
        (["--rows", "3-9", "--limit", "1"], [3]),
    ],
)
def test_a_selection_works_on_these_rows_alone(project, options, rows):
    """--rows, --packages and --limit leave every other row as it is."""
    project.run(*options, expect=ExitCode.OK)

    assert totals(project.cells()) == {f"C{row}": TOTALS[f"C{row}"] for row in rows}


def test_only_empty_leaves_filled_rows_alone(project, calls):
    """--only-empty processes the rows whose result cells are empty."""
    project.run("--rows", "2-11", expect=ExitCode.OK)

    project.run("--only-empty", expect=ExitCode.OK)

    assert len(calls()) == 30
    assert totals(project.cells()) == TOTALS


def test_no_row_matches(project):
    """A selection that means no row ends with 5 and says so."""
    result = project.run("--rows", "900-1000", expect=ExitCode.NOTHING_TO_DO)

    assert "none of the 30 rows" in result.stderr


def test_a_record_that_fails_stops_nothing(project):
    """An exception fails its row; the others are done, the exit code is 3, and the summary says how to retry."""
    project.write(
        "work.py",
        "def double(record):\n"
        "    if record['Amount'] in (3, 7):\n"
        "        raise ValueError('no luck with ' + record.key)\n"
        "    return {'Total': record['Amount'] * 2}\n",
    )

    result = project.run(expect=ExitCode.INCOMPLETE)

    assert totals(project.cells()) == {ref: value for ref, value in TOTALS.items() if value not in (6, 14)}
    assert "no luck with item-03" in result.stdout
    assert "--only-failed" in result.stdout


def test_only_failed_retries_what_failed(project, calls):
    """The command that the summary names processes the failed rows and no other."""
    broken = project.folder / "broken"
    broken.touch()
    project.write(
        "work.py",
        "from pathlib import Path\nHERE = Path(__file__).parent\n"
        "def double(record):\n"
        "    with (HERE / 'calls.txt').open('a') as calls: calls.write(record.key + '\\n')\n"
        "    if record['Amount'] in (3, 7) and (HERE / 'broken').exists():\n"
        "        raise ValueError('no luck')\n"
        "    return {'Total': record['Amount'] * 2}\n",
    )
    project.run(expect=ExitCode.INCOMPLETE)
    broken.unlink()

    project.run("--only-failed", expect=ExitCode.OK)

    assert sorted(calls()[30:]) == ["item-03", "item-07"]
    assert totals(project.cells()) == TOTALS


def test_a_transient_failure_is_tried_again(project, calls):
    """An error that may pass is tried again; the row is done and the retries are counted."""
    project.write(
        "work.py",
        "from pathlib import Path\nfrom ihacpa_core import TransientError\nHERE = Path(__file__).parent\n"
        "def double(record):\n"
        "    seen = HERE / record.key\n"
        "    if record['Amount'] == 5 and not seen.exists():\n"
        "        seen.touch()\n"
        "        raise TransientError('busy', retry_after=0.05)\n"
        "    return {'Total': record['Amount'] * 2}\n",
    )

    result = project.run("--json", expect=ExitCode.OK)

    assert json.loads(result.stdout)["metrics"]["retries"] == 1
    assert totals(project.cells()) == TOTALS


def test_json_is_the_summary_and_run_json_the_same(project):
    """--json prints what run.json holds, and nothing else stands on standard output."""
    result = project.run("--json", expect=ExitCode.OK)

    printed = json.loads(result.stdout)
    kept = json.loads((project.folder / ".ihacpa" / "book.xlsx" / "run.json").read_text())
    assert printed == kept
    assert printed["metrics"]["done"] == 30
    assert printed["metrics"]["batches"] == 3
    assert printed["state"] == "finished"


def test_the_settings_of_a_run_repeat_it(project):
    """settings.toml, which is kept with each run, is a settings file that does the same again."""
    project.run("--batch-size", "7", expect=ExitCode.OK)
    kept = next((project.folder / ".ihacpa" / "book.xlsx" / "runs").glob("*/settings.toml"))
    first = project.cells()
    project.write_workbook(["Name", "Amount", "Total", "Note"], [[f"item-{n:02}", n] for n in range(1, 31)])

    result = project.run("--config", str(kept), "--start-fresh", "--json", expect=ExitCode.OK)

    assert project.cells() == first
    assert json.loads(result.stdout)["metrics"]["batches"] == 5


def test_no_control_characters_when_piped(project):
    """Standard output and error of a piped run are plain lines."""
    result = project.run(expect=ExitCode.OK)

    text = result.stdout + result.stderr
    assert [letter for letter in text if ord(letter) < 32 and letter not in "\n\t"] == []


def test_fail_on_and_batch_size_are_checked(project):
    """--batch-size for a strategy that has one works; a level that does not exist is a mistake with its origin."""
    result = project.run("--fail-on", "terrible", expect=ExitCode.USAGE)

    assert "--fail-on" in result.stderr
    assert "critical" in result.stderr


def test_verbose_logs_every_record(project):
    """The log of a run tells its batches and saves; with -v every record as well."""
    project.run("--limit", "3", expect=ExitCode.OK)
    project.run("--limit", "3", "-v", expect=ExitCode.OK)

    logs = (project.folder / ".ihacpa" / "book.xlsx" / "logs").iterdir()
    quiet, verbose = (path.read_text() for path in sorted(logs, key=lambda path: path.stat().st_mtime_ns))
    assert "batch 1 committed" in quiet
    assert "item-02" not in quiet.partition("slowest")[0]
    assert "item-02" in verbose.partition("slowest")[0]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("sys.exit(0)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("next(iter([]))", "StopIteration"),
        ("raise asyncio.CancelledError", "Cancelled"),
        ("return 7", "not a mapping"),
        ("return {1: 1}", "header or letter"),
        ("return {'Sum': 1}", "no column 'Sum'"),
        ("return {'ZZZ': 1}", "no column 'ZZZ'"),
        ("return {'Name': 'x'}", "holds the keys"),
        ("return {'Total': 1, 'C': 2}", "two values"),
        ("return {'Total': b'bytes'}", "bytes"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "async "])
def test_what_a_function_may_not_do_fails_its_row_alone(project, body, said, prefix):
    """Whatever a function raises or returns, one row fails with a word on why, and the others are done."""
    project.write(
        "work.py",
        f"import asyncio, sys\n{prefix}def double(record):\n"
        f"    if record.row == 4:\n        {body}\n    return {{'Total': record['Amount'] * 2}}\n",
    )

    result = project.run(expect=ExitCode.INCOMPLETE, timeout=30)

    assert said in " ".join(result.stdout.split())
    assert totals(project.cells()) == {ref: value for ref, value in TOTALS.items() if ref != "C4"}


def test_a_function_that_hangs_keeps_no_process_alive(project):
    """A run that ends while a call hangs ends: its threads are let go."""
    project.write(
        "work.py",
        "import time\ndef double(record):\n    if record.row == 2: time.sleep(600)\n    raise ValueError('x')\n",
    )

    result = project.run("-o", "max_failures=3", "-o", "grace=300ms", timeout=20)

    assert result.exit_code == ExitCode.INCOMPLETE
    assert "stopped early" in result.stdout


def test_what_a_function_prints_is_no_result(project):
    """With --json nothing but the summary stands on standard output."""
    project.write("work.py", "def double(record):\n    print('noise')\n    return {'Total': 1}\n")

    result = project.run("--json", expect=ExitCode.OK)

    assert json.loads(result.stdout)["metrics"]["done"] == 30
    assert "noise" in result.stderr


def test_a_reader_that_leaves_changes_no_exit_code(project):
    """A failed row is exit code 3, whether or not somebody reads the summary."""
    project.write("work.py", "def double(record):\n    raise ValueError('x')\n")
    process = project.start()
    process.stdout.close()

    process.wait(timeout=60)
    process.stderr.close()

    assert process.returncode == ExitCode.INCOMPLETE


def test_traceback_changes_no_exit_code(project):
    """--traceback shows where an error comes from, and the exit code stays."""
    result = project.run("nowhere.xlsx", "--traceback", expect=ExitCode.WORKBOOK)

    assert "Traceback" in result.stderr
    assert "hint:" in result.stderr


@pytest.mark.parametrize("hook", ["batch_committed", "run_finished", "record_finished"])
def test_an_observer_that_leaves_ends_no_run(project, hook):
    """`exit()` in an observer is its fault alone: the run is whole, and the summary tells."""
    project.write(
        "leaver.py",
        f"import sys\nfrom ihacpa_core import hookimpl\n\n@hookimpl\ndef ihacpa_{hook}(event):\n    sys.exit(0)\n",
    )

    result = project.run("-p", "./leaver.py", "--json", expect=ExitCode.OK)

    assert totals(project.cells()) == TOTALS
    assert json.loads(result.stdout)["metrics"]["done"] == 30
    assert f"failed in ihacpa_{hook}(): SystemExit: 0" in result.stderr


def test_names_that_nothing_matches_are_told(project):
    """A misspelt package among others is named; a workbook after --packages is a mistake."""
    result = project.run("--packages", "item-01", "nosuch", expect=ExitCode.OK)
    refused = project.run("--packages", "item-01", "book.xlsx", expect=ExitCode.USAGE)

    assert "nosuch" in result.stderr
    assert "ihacpa book.xlsx" in refused.stderr


def test_a_copy_has_the_ending_of_its_source(project):
    """A macro workbook under another ending is one that Excel refuses."""
    shutil.copy(project.workbook, project.folder / "macros.xlsm")

    result = project.run("macros.xlsm", "--output", "out.xlsx", expect=ExitCode.USAGE)

    assert "out.xlsm" in result.stderr


def test_state_is_private(project):
    """Journal, backups and logs are readable by the owner alone."""
    project.run(expect=ExitCode.OK)

    folder = project.folder / ".ihacpa"
    modes = {path.name: path.stat().st_mode & 0o077 for path in [folder, *folder.rglob("*")]}
    assert {name for name, others in modes.items() if others} == set()


def test_the_python_call_does_the_same(project, monkeypatch):
    """`ihacpa_core.run` with a function is the command without a command line."""
    from ihacpa_core import ExitCode as PublicExitCode
    from ihacpa_core import run

    (project.folder / "ihacpa.toml").unlink()
    monkeypatch.chdir(project.folder)

    summary = run("book.xlsx", processor=lambda record: {"Total": record["Amount"] * 2}, header_row=1, key="Name")

    assert summary.exit_code is PublicExitCode.OK
    assert summary.metrics.done == 30
    assert totals(project.cells()) == TOTALS
