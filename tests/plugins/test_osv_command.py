"""``ihacpa advisories``, run with real files."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import feed_files
import osv_sets
import pytest
from ihacpa_plugins.advisory_data.errors import AdvisoryDataError, ImportRefused
from ihacpa_plugins.command import advisories
from ihacpa_plugins.source.epss.options import EpssOptions
from ihacpa_plugins.source.exploitdb.options import ExploitDbOptions
from ihacpa_plugins.source.kev.options import KevOptions
from ihacpa_plugins.source.osv import OsvOptions

from ihacpa_core import ExitCode, UsageError

Run = Callable[..., tuple[int, str, str]]
VECTOR = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
SAMPLE = Path(__file__).parents[2] / "examples" / "advisories"


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in a folder of its own: exit code, standard output, standard error."""

    def command(*words: str) -> tuple[int, str, str]:
        parser = argparse.ArgumentParser()
        advisories.add_arguments(parser)
        options = {
            "osv": OsvOptions(database="advisories.sqlite", url=str(tmp_path / "configured.zip")),
            "kev": KevOptions(url=str(tmp_path / "kev.json")),
            "epss": EpssOptions(url=str(tmp_path / "epss.csv.gz")),
            "exploitdb": ExploitDbOptions(url=str(tmp_path / "exploits.csv")),
        }
        code = advisories.run(parser.parse_args(words), lambda role, name: (options[name], tmp_path))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


@pytest.fixture
def full(tmp_path: Path, run: Run) -> Path:
    """A set that is complete for its families, brought in."""
    records = [
        osv_sets.record(
            aliases=["CVE-2024-1", "GHSA-1"],
            severity=[{"type": "CVSS_V3", "score": VECTOR}],
            events=["introduced 0", "fixed 2.0"],
        ),
        osv_sets.record("PYSEC-2024-2", events=["introduced 0", "fixed 1.5-NA"]),
        osv_sets.record("PYSEC-2024-3", events=["introduced 9.0"]),
        *osv_sets.many(5, "GHSA"),
    ]
    path = osv_sets.as_zip(tmp_path / "all.zip", records)
    run("import", str(path))
    return path


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_import_says_what_was_brought_in(tmp_path: Path, run: Run) -> None:
    """An import prints the set's counts, day, families and place."""
    source = osv_sets.as_zip(tmp_path / "all.zip", osv_sets.many(1200))

    code, out, err = run("import", str(source))

    assert code == ExitCode.OK
    assert "1,200, of which 0 withdrawn, on 1,200 packages" in out
    assert "complete for  PYSEC\n" in out
    assert str(tmp_path / "advisories.sqlite") in out
    assert err == f"reading {source}\n"


def test_update_takes_the_configured_source_or_another(tmp_path: Path, run: Run) -> None:
    """An update reads the source of the settings, unless the command names one."""
    osv_sets.as_zip(tmp_path / "configured.zip", osv_sets.many(4))

    assert "4, of which" in run("update", "osv")[1]
    assert "5, of which" in run("update", "--from", str(osv_sets.as_zip(tmp_path / "b.zip", osv_sets.many(5))))[1]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Every source of the settings, as files; the folder that they are in."""
    osv_sets.as_zip(tmp_path / "configured.zip", osv_sets.many(4))
    feed_files.kev_file(tmp_path / "kev.json", ["CVE-2024-1001"])
    feed_files.epss_file(tmp_path / "epss.csv.gz", {"CVE-2024-1001": 0.5})
    feed_files.exploits_file(tmp_path / "exploits.csv", {1: "CVE-2024-1001"})
    return tmp_path


def test_update_renews_every_set(run: Run, sources: Path) -> None:
    """An update without a name takes every set, and the status tells of each: source, day, licence, completeness."""
    code, out, err = run("update")
    (told,) = lines(run("status", "--json")[1])

    assert code == ExitCode.OK
    assert [line for line in out.splitlines() if line.startswith("set ")] == [
        f"set           {name}, from {sources / file}"
        for name, file in {
            "osv": "configured.zip", "kev": "kev.json", "epss": "epss.csv.gz", "exploitdb": "exploits.csv"
        }.items()
    ]  # fmt: skip
    assert err.count("reading ") == 4
    found = {item["set"]: (item["records"], item["complete_for"], item["licence"][:4]) for item in told["sets"]}
    assert found == {
        "osv": (4, ["PYSEC"], "CC-B"),
        "kev": (1, ["KEV"], "CC0-"),
        "epss": (1, ["EPSS"], "free"),
        "exploitdb": (1, ["EDB"], "GPL-"),
    }


def test_an_update_that_fails_for_one_set_renews_the_others(run: Run, sources: Path) -> None:
    """A set that cannot be had is named, keeps what it was, and keeps no other from being renewed."""
    run("update")
    (sources / "kev.json").unlink()
    osv_sets.as_zip(sources / "configured.zip", osv_sets.many(5))

    code, out, err = run("update")

    assert code == ExitCode.INCOMPLETE
    assert "5, of which" in out
    assert f"kev was not renewed: no such file: {sources / 'kev.json'}" in err
    assert {item["set"] for item in lines(run("status", "--json")[1])[0]["sets"]} == {"osv", "kev", "epss", "exploitdb"}


def test_an_update_of_named_sets(run: Run, sources: Path) -> None:
    """Sets can be named; an unknown name is a usage error, and a single set that cannot be had ends the command."""
    assert run("update", "kev", "epss")[0] == ExitCode.OK

    assert {item["set"] for item in lines(run("status", "--json")[1])[0]["sets"]} == {"kev", "epss"}
    assert run("status")[0] == ExitCode.INCOMPLETE
    assert "osv, not there" in run("status")[1]
    with pytest.raises(UsageError, match="no such set: kve"):
        run("update", "kve")
    (sources / "kev.json").unlink()
    with pytest.raises(ImportRefused, match="no such file"):
        run("update", "kev")


@pytest.mark.parametrize("name", ["kev.json", "epss.csv.gz", "exploits.csv", "configured.zip"])
def test_import_sees_what_a_file_is(tmp_path: Path, run: Run, sources: Path, name: str) -> None:
    """What a file holds is seen from its content, whatever it is called."""
    (tmp_path / name).rename(tmp_path / "download")

    code, out, _ = run("import", str(tmp_path / "download"))

    assert code == ExitCode.OK
    assert out.startswith("set           ")


def test_an_export_is_imported_elsewhere(tmp_path: Path, run: Run, sources: Path) -> None:
    """All sets go to another machine in one file, and the advisories alone as OSV keeps them."""
    run("update")
    before = lines(run("status", "--json")[1])[0]["sets"]

    assert "wrote the sets epss, exploitdb, kev, osv to" in run("export", str(tmp_path / "all.sqlite"))[1]
    assert "wrote 4 advisories to" in run("export", str(tmp_path / "osv.zip"))[1]
    (tmp_path / "advisories.sqlite").unlink()
    assert run("import", str(tmp_path / "all.sqlite"))[0] == ExitCode.OK

    after = lines(run("status", "--json")[1])[0]["sets"]
    changing = {"imported_at": ""}
    assert [item | changing for item in after] == [item | changing for item in before]


def test_import_names_what_it_cannot_read(tmp_path: Path, run: Run) -> None:
    """A file that is none of these is refused, with how it begins and what can be imported."""
    (tmp_path / "page.csv").write_text("<html>Sign in</html>")

    with pytest.raises(ImportRefused, match="nothing that can be imported") as error:
        run("import", str(tmp_path / "page.csv"))

    assert "<html>Sign in</html>" in error.value.why
    assert "files_exploits.csv" in error.value.hint


def test_a_person_vouches_on_the_command_line(tmp_path: Path, run: Run) -> None:
    """The families that a person vouches for are those that the set counts as complete for."""
    source = osv_sets.as_zip(tmp_path / "all.zip", osv_sets.many(4))

    _, out, _ = run("import", str(source), "--complete-for", "PYSEC,GHSA,MAL")

    assert "complete for  GHSA, MAL, PYSEC\n" in out


def test_import_errors_have_exit_codes(tmp_path: Path, run: Run, full: Path) -> None:
    """A list that makes no sense, a file that is not there, and a drop are errors that changed nothing."""
    before = (tmp_path / "advisories.sqlite").read_bytes()

    with pytest.raises(UsageError, match="--complete-for"):
        run("import", str(full), "--complete-for", ";")
    with pytest.raises(ImportRefused, match="no such file"):
        run("import", "nowhere.zip")
    with pytest.raises(ImportRefused, match="in use"):
        run("import", str(osv_sets.as_zip(tmp_path / "small.zip", osv_sets.many(1))))

    assert ImportRefused.exit_code == ExitCode.USAGE
    assert (tmp_path / "advisories.sqlite").read_bytes() == before
    assert run("import", str(tmp_path / "small.zip"), "--force")[0] == ExitCode.OK


def test_status_without_a_database(tmp_path: Path, run: Run) -> None:
    """Without a database the status says so, what to type, and that nothing could be checked."""
    code, out, err = run("status")

    assert code == ExitCode.INCOMPLETE
    assert out == f"There is no advisory database at {tmp_path / 'advisories.sqlite'}.\n"
    assert "ihacpa advisories update" in err
    assert lines(run("status", "--json")[1]) == [{"present": False}]


def test_status_tells_the_set(run: Run, full: Path) -> None:
    """The status tells the source, day, counts, families, checksum and place, and warns of old data."""
    code, out, err = run("status")
    (told,) = lines(run("status", "--format", "json")[1])
    (said,) = told["sets"]

    assert code == ExitCode.OK
    assert "2026-01-02" in out
    assert said["sha256"] in out
    assert (said["source"], said["records"], said["complete_for"]) == (str(full), 8, ["GHSA", "PYSEC"])
    assert "older than 7d" in err


def test_status_names_what_is_unreadable(tmp_path: Path, run: Run) -> None:
    """Records that could not be read are counted and named."""
    osv_sets.as_zip(tmp_path / "all.zip", osv_sets.many(2), broken="{")
    run("import", str(tmp_path / "all.zip"))

    assert "unreadable    1: broken.json" in run("status")[1]


def test_match_prints_a_json_line_for_each(run: Run, full: Path) -> None:
    """Each line has the name and version as given, the status, the findings that hit or may, and where to go."""
    code, out, err = run("match", "Thing==1.0", "THING==9.1", "thing==5", "unknown==1", "--format", "json")

    affected, newer, uncertain, unknown = lines(out)
    assert (code, err) == (ExitCode.OK, "")
    assert (affected["name"], affected["version"], affected["status"]) == ("Thing", "1.0", "affected")
    assert affected["findings"][0] == {
        "id": "CVE-2024-1",
        "ids": ["CVE-2024-1", "GHSA-1", "PYSEC-2024-1"],
        "verdict": "affected",
        "why": "range [0, 2.0)",
        "fixed_in": ["2.0"],
        "severity": {"rating": "CRITICAL", "score": 9.8, "vector": VECTOR},
        "malicious": False,
        "known_exploited": None,
        "epss": None,
        "exploits": None,
    }
    assert [item["id"] for item in affected["findings"]] == ["CVE-2024-1", "PYSEC-2024-2"]
    assert affected["findings"][1]["severity"] == {"rating": None, "score": None, "vector": None}
    assert [item["status"] for item in (newer, uncertain, unknown)] == ["affected", "uncertain", "not_affected"]
    assert unknown == {
        "name": "unknown",
        "version": "1",
        "status": "not_affected",
        "findings": [],
        "clean_version": None,
        "clean_version_sure": True,
    }


def test_match_tells_of_exploitation(tmp_path: Path, run: Run) -> None:
    """Where the other sets were brought in, a match says what they know; what they do not know is told apart."""
    hit = osv_sets.record(aliases=["CVE-2024-1001"])
    run("import", str(osv_sets.as_zip(tmp_path / "all.zip", [hit, osv_sets.record("PYSEC-2024-2")])))
    feed_files.bring_in_feeds(tmp_path, tmp_path / "advisories.sqlite", "CVE-2024-1001")

    (line,) = lines(run("match", "thing==1.0", "--json")[1])
    text = run("match", "thing==1.0")[1]

    told = {item["id"]: (item["known_exploited"], item["epss"], item["exploits"]) for item in line["findings"]}
    assert told == {"CVE-2024-1001": (True, 0.94321, ["EDB-50331"]), "PYSEC-2024-2": (False, None, [])}
    assert "CVE-2024-1001 (UNKNOWN, known exploited, exploit public: EDB-50331, EPSS 0.9432): range" in text


def test_match_for_people(run: Run, full: Path) -> None:
    """Without a format the answer is a line for the version and one for each flaw."""
    _, out, _ = run("match", "thing==1.0", "unknown==1")

    assert out.splitlines() == [
        "thing==1.0: affected; update to 2.0 (may be affected as well)",
        "  CVE-2024-1 (CRITICAL 9.8): range [0, 2.0); fixed in 2.0",
        "  PYSEC-2024-2 (UNKNOWN): uncertain, bound unreadable: 1.5-NA; no fix named",
        "unknown==1: not affected",
    ]


def test_match_reads_lists(tmp_path: Path, run: Run, full: Path) -> None:
    """A list has one pin a line; comments, empty lines, extras, markers and Windows line ends are no matter."""
    text = '# all of it\r\n\r\nthing==1.0  # old\r\nThing[extra] == 2.0 ; python_version > "3"\r\n  a.b_c===2004d\r\n'
    (tmp_path / "list.txt").write_bytes(b"\xef\xbb\xbf" + text.encode())

    _, out, _ = run("match", "-r", str(tmp_path / "list.txt"), "first==1", "--json")

    pins = [(line["name"], line["version"]) for line in lines(out)]
    assert pins == [("first", "1"), ("thing", "1.0"), ("Thing", "2.0"), ("a.b_c", "2004d")]


def test_match_names_every_bad_line(tmp_path: Path, run: Run, full: Path) -> None:
    """Lines that are no pins are an error that names each with its number, and nothing is printed."""
    path = tmp_path / "list.txt"
    path.write_text("ok==1\nrequests>=2\n\n-e git+https://example.org/x\nname==1.*\nname\n==2\n")

    with pytest.raises(UsageError) as error:
        run("match", "-r", str(path))

    assert [f"{path}:{number}:" in error.value.why for number in (1, 2, 4, 5, 6, 7)] == [False, *[True] * 5]
    assert error.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize("words", [["match"], ["match", "-r", "/nonexistent/list"], ["match", "thing"]])
def test_match_without_a_question(run: Run, full: Path, words: list[str]) -> None:
    """Nothing to ask about, a list that is not there, and a name without a version are usage errors."""
    with pytest.raises(UsageError):
        run(*words)


def test_match_without_a_database(run: Run) -> None:
    """Without a database there is no answer, and an error that says what to type."""
    with pytest.raises(AdvisoryDataError, match="no advisory database") as error:
        run("match", "thing==1.0")

    assert (error.value.exit_code, error.value.hint) == (ExitCode.INCOMPLETE, "ihacpa advisories update")


def test_the_sample_set_shows_flaws_and_calls_nothing_safe(run: Run) -> None:
    """The sample of this project finds known flaws, and is certain of nothing else."""
    assert run("import", str(SAMPLE))[0] == ExitCode.OK

    code, out, err = run("match", "requests==2.31.0", "requests==99.0", "unheard-of==1.0", "--json")

    hit, fixed, unknown = lines(out)
    assert code == ExitCode.INCOMPLETE
    assert "partial" in err
    assert (hit["status"], hit["findings"][0]["fixed_in"]) == ("affected", ["2.32.0"])
    assert (fixed["status"], unknown["status"]) == ("uncertain", "uncertain")


def test_the_sample_set_holds_facts_alone() -> None:
    """The sample has about forty records in OSV form, each with a range, and no text of anybody's."""
    paths = [path for path in SAMPLE.glob("*.json") if path.name != "ihacpa-set.json"]

    assert 40 <= len(paths) <= 50
    for path in paths:
        item = json.loads(path.read_text())
        assert path.stem == item["id"]
        assert all(affected["ranges"] for affected in item["affected"])
        assert not {"summary", "details", "references", "credits"} & set(item)


def test_help_loads_nothing_heavy() -> None:
    """Declaring the arguments imports neither SQLite nor the matcher nor an HTTP client."""
    script = (
        "import argparse, sys; from ihacpa_plugins.command import advisories;"
        "advisories.add_arguments(argparse.ArgumentParser());"
        "print([name for name in ('sqlite3', 'packaging', 'cvss', 'httpx2', 'msgspec') if name in sys.modules])"
    )

    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "[]\n"
