"""``ihacpa doctor``: what is wrong, in a line, and what to do about it."""

from __future__ import annotations

import json

import pytest

from ihacpa_core import ExitCode
from ihacpa_core.engine.lock import WorkbookLock
from ihacpa_core.testing.index import LoopbackIndex


def checks(done):
    """The checks of a ``--json``, by name; of several with one name, the worst."""
    ranks = ["skip", "pass", "warn", "fail"]
    found = sorted(json.loads(done.stdout)["checks"], key=lambda check: ranks.index(check["health"]))
    return {check["name"]: check for check in found}


def files(project):
    return {path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file() and "__py" not in str(path)}


def test_all_is_well_and_nothing_changed(project):
    """A project that runs passes every check, a line each, with exit code 0; no file appears and none changes."""
    before = files(project)

    done = project.run("doctor", expect=ExitCode.OK)

    assert files(project) == before
    lines = done.stdout.splitlines()
    assert {line.split()[0] for line in lines[:-2]} == {"pass"}
    assert lines[-1].endswith("0 warnings, 0 failed")
    assert any("30 records, key in column A" in line for line in lines)
    assert "\x1b" not in done.stdout


def test_after_a_run_its_journal_is_read(project):
    """The journal of earlier runs is read whole, and the state folder is private."""
    project.run("--limit", "2", expect=ExitCode.OK)

    found = checks(project.run("doctor", "--json", expect=ExitCode.OK))

    assert found["earlier runs"]["message"].startswith("1 runs with ")
    assert "mode 0700" in found["state folder"]["message"]


def test_every_mistake_of_the_settings_is_a_failed_check(project):
    """Each mistake is a line with its place and its fix; what needs the settings is left out, and the code is 2."""
    project.write("ihacpa.toml", '[ihacpa]\nworkbook = "book.xlsx"\nstrategy = "sise"\nattempts = 0\n')

    done = project.run("doctor", "book.xlsx", expect=ExitCode.USAGE)

    assert "fail  settings      ihacpa.toml:3: ihacpa.strategy: unknown strategy 'sise'" in done.stdout
    assert "fix:          did you mean 'size'?" in done.stdout
    assert "ihacpa.toml:4: ihacpa.attempts" in done.stdout
    assert "book.xlsx is a workbook" in done.stdout
    assert "2 failed, 1 not made" in done.stdout


def test_a_plugin_that_cannot_be_loaded_is_a_failed_check(project):
    """A hook plugin that raises when it is imported is told like any other failure; the other plugins are looked at."""
    project.write("bad.py", "import there_is_no_such_module\n")

    done = project.run("doctor", "-p", "./bad.py", expect=ExitCode.USAGE)

    assert "there_is_no_such_module" in done.stdout
    assert "ihacpa.save:openpyxl" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_the_workbook_is_missing_open_or_unwritable(project):
    """Each has its own line: a missing file fails with 4, one that is open elsewhere is a warning that names who."""
    project.write(".~lock.book.xlsx#", ",ada,desk,01.02.2026 10:00,file:///x;")
    opened = checks(project.run("doctor", "--json", expect=ExitCode.OK))

    project.workbook.unlink()
    missing = project.run("doctor", "--json", expect=ExitCode.WORKBOOK)

    assert opened["closed"]["health"] == "warn"
    assert "ada on desk" in opened["closed"]["message"]
    assert checks(missing)["workbook"]["health"] == "fail"
    assert json.loads(missing.stdout)["exit_code"] == 4


def test_a_header_that_is_not_there(project):
    """A sheet that is not as the settings say fails, with what to set."""
    done = project.run("doctor", "-o", "sheet.header_row=40", expect=ExitCode.WORKBOOK)

    assert "fail  records" in done.stdout
    assert "header_row = 1" in done.stdout


def test_another_run_holds_the_workbook(project):
    """The line says who holds it, and the exit code is the one that a run would have."""
    with WorkbookLock(project.workbook).acquire():
        done = project.run("doctor", expect=ExitCode.LOCKED)

    assert "fail  lock" in done.stdout
    assert "--wait 600" in done.stdout


def test_a_state_folder_that_others_can_read(project):
    """It is a warning with the command that mends it."""
    project.run("--limit", "1", expect=ExitCode.OK)
    (project.folder / ".ihacpa" / "book.xlsx").chmod(0o755)

    found = checks(project.run("doctor", "--json", expect=ExitCode.OK))["state folder"]

    assert found["health"] == "warn"
    assert found["fix"].startswith("chmod -R go-rwx '")


def test_what_a_save_would_lose(project):
    """Things that the save backend does not keep fail with 7, and are accepted where the settings say so."""
    lossy = "from ihacpa_core import Loss\nfrom ihacpa_plugins.save import openpyxl as module\n"
    project.write(
        "lossy.py",
        lossy
        + "module.OpenpyxlBackend.inspect = lambda self, source: [Loss('2 sparklines'), Loss('x', remade=True)]\n",
    )

    refused = project.run("doctor", "-p", "./lossy.py", expect=ExitCode.DECISION_NEEDED)
    accepted = project.run("doctor", "-p", "./lossy.py", "-o", "save.openpyxl.accept_loss=true", expect=ExitCode.OK)

    assert "a save with openpyxl would lose: 2 sparklines" in refused.stdout
    assert "warn  save" in accepted.stdout


@pytest.fixture
def review(project):
    """A project that reviews packages."""
    project.write_workbook(["Package name", "Version"], [["attrs", "1.0"]])
    project.write("ihacpa.toml", '[ihacpa]\nworkbook = "book.xlsx"\n[sheet]\nheader_row = 1\nkey = "A"\n')
    return project


def test_the_index_and_the_advisories_of_a_review(review):
    """The sources bring their own checks: the index is asked once, and without advisory data a run would end with 3."""
    with LoopbackIndex({"attrs": ["1.0"]}) as index:
        words = ("doctor", "-o", f"source.pypi.url={index.url}", "--json")
        online = checks(review.run(*words, expect=ExitCode.OK))["advisories"]
        asked = sum(index.requests.values())
        found = checks(review.run(*words, "-o", "source.osv.online=false", expect=ExitCode.INCOMPLETE))

    assert found["index"]["health"] == "pass"
    assert asked == 1
    assert (online["health"], found["advisories"]["health"]) == ("warn", "fail")
    assert "https://api.osv.dev is asked about each package" in online["message"]
    assert online["fix"] == found["advisories"]["fix"] == "ihacpa advisories update"


def test_an_index_that_does_not_answer_and_one_that_is_not_asked(review):
    """A refused connection fails with what to do; with --offline nobody is asked."""
    with LoopbackIndex() as index:
        url = index.url

    silent = checks(review.run("doctor", "-o", f"source.pypi.url={url}", "--json"))["index"]
    offline = checks(review.run("doctor", "-o", f"source.pypi.url={url}", "--json", "--offline"))["index"]

    assert (silent["health"], offline["health"]) == ("fail", "skip")
    assert "does not answer" in silent["message"]


CHECKS = """\
from ihacpa_core import CheckResult, ExitCode, HealthCheck, hookimpl

def fine(context):
    return CheckResult.warned(f"offline {context.offline}", fix=str(context.options("processor", "python").concurrency))

def bad(context):
    raise KeyError("mail")

@hookimpl
def ihacpa_health_checks():
    return [HealthCheck(name="fine", run=fine), HealthCheck(name="bad", run=bad),
            HealthCheck(name="odd", run=lambda context: "yes"), "no check"]
"""


def test_plugins_bring_checks_of_their_own(project):
    """A check sees the options of what is selected; one that raises, returns something else or is none is a failure."""
    project.write("mine.py", CHECKS)

    found = checks(project.run("doctor", "-p", "./mine.py", "--offline", "--json", expect=ExitCode.INTERNAL))

    assert (found["fine"]["message"], found["fine"]["fix"]) == ("offline True", "4")
    assert found["bad"]["message"] == "KeyError: 'mail'"
    assert "returned a str, not a CheckResult" in found["odd"]["message"]
    assert "offers a str, not a HealthCheck" in found["plugin"]["message"]


def test_a_plugin_that_fails_to_offer_its_checks(project):
    """The others are made all the same."""
    project.write("mine.py", CHECKS.replace("    return [", "    raise OSError('no disk')\n    return ["))

    found = checks(project.run("doctor", "-p", "./mine.py", "--json", expect=ExitCode.USAGE))

    assert "no disk" in found["plugin"]["message"]
    assert found["journal"]["health"] == "pass"


def test_a_store_that_forgets_is_found_out(project):
    """A checkpoint store that gives back something else fails the round trip."""
    project.write(
        "forgetful.py",
        "from ihacpa_plugins.checkpoint import sqlite\nsqlite.SqliteStore.entries = lambda self, run_id: iter(())\n",
    )

    done = project.run("doctor", "-p", "./forgetful.py", expect=ExitCode.WORKBOOK)

    assert "fail  journal" in done.stdout
