"""The `osv` source, as the package review uses it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
import osv_sets
import pytest
from ihacpa_plugins.source.osv import OsvOptions, ihacpa_review_sources
from ihacpa_plugins.source.osv.importing import bring_in
from ihacpa_plugins.source.osv.options import database_path

from ihacpa_core import AnswerState, Package, RunContext, SourceAnswer, SourceKind, Verdict


class Project:
    """A folder with a database, and what the source said and warned of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: list[str] = []

    def bring_in(self, *records: dict[str, object], **files: str) -> None:
        bring_in(str(osv_sets.as_zip(self.path / "all.zip", records, **files)), self.path / "a.sqlite", force=True)

    def ask(self, *versions: str, known: tuple[str, ...] = (), max_age: str = "7d") -> list[SourceAnswer]:
        """Open the source, look up versions of "thing", and close it."""
        (offer,) = ihacpa_review_sources()
        context = RunContext(
            run_id="1",
            workbook=self.path / "book.xlsx",
            state_dir=self.path,
            config_dir=self.path,
            warn=self.warnings.append,
        )
        source = offer.factory(OsvOptions(database="a.sqlite", max_age=max_age, online=False), context)
        assert source.kind is SourceKind.ADVISORIES

        async def all_of_it() -> list[SourceAnswer]:
            await source.open()
            packages = [Package(name="Thing", canonical="thing", version=item, versions=known) for item in versions]
            answers = [await source.look_up(package, ()) for package in packages]
            await source.close()
            return answers

        return asyncio.run(all_of_it())


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_an_answer_holds_every_flaw_and_the_way_out(project: Project) -> None:
    """The answer has every flaw of the package, the day of the data, what it is complete for, and a clean release."""
    project.bring_in(osv_sets.record(), osv_sets.record("PYSEC-2024-2", events=["introduced 5.0"]))

    (answer,) = project.ask("1.0", known=("1.0", "2.0", "2.1"))

    assert (answer.source, answer.state, answer.note) == ("osv", AnswerState.OK, "")
    assert [(item.id, item.verdict, item.fixed_in) for item in answer.findings] == [
        ("PYSEC-2024-1", Verdict.AFFECTED, ("2.0",)),
        ("PYSEC-2024-2", Verdict.NOT_AFFECTED, ()),
    ]
    assert (str(answer.as_of), answer.complete_for, answer.clean_version) == ("2026-01-02", {"PYSEC"}, "2.0")


def test_a_version_without_a_flaw_has_nothing_to_update_to(project: Project) -> None:
    """Where nothing was found there is no version to propose."""
    project.bring_in(osv_sets.record())

    (answer,) = project.ask("2.0", known=("2.0", "2.1"))

    assert (answer.findings[0].verdict, answer.clean_version) == (Verdict.NOT_AFFECTED, None)


def test_without_a_database_the_answer_says_so(project: Project) -> None:
    """A database that is not there fails each look-up with what to type, and is warned of once."""
    answers = project.ask("1.0", "2.0")

    assert {answer.state for answer in answers} == {AnswerState.FAILED}
    assert {answer.note for answer in answers} == {"no advisory database; run: ihacpa advisories update"}
    assert len(project.warnings) == 1


def test_a_damaged_database_fails_look_ups(project: Project) -> None:
    """A file that is no database fails each look-up with its name; nothing is raised."""
    (project.path / "a.sqlite").write_bytes(b"not a database at all" * 100)

    (answer,) = project.ask("1.0")

    assert answer.state is AnswerState.FAILED
    assert "not an advisory database" in answer.note


def test_a_partial_set_is_complete_for_nothing(project: Project) -> None:
    """A sample finds flaws, and says that it is a sample."""
    project.bring_in(osv_sets.record(), ihacpa_set='{"complete_for": []}')

    (answer,) = project.ask("1.0")

    assert (answer.complete_for, answer.note) == (frozenset(), "the advisory set is partial")
    assert answer.findings[0].verdict is Verdict.AFFECTED


@pytest.mark.parametrize(("day", "max_age", "count"), [("2026-01-02", "7d", 1), ("2026-01-02", "5000w", 0)])
def test_old_data_is_warned_of_once(project: Project, day: str, max_age: str, count: int) -> None:
    """Data older than the settings allow is warned of with its day, once a run."""
    project.bring_in(osv_sets.record(), ihacpa_set=f'{{"date": "{day}", "complete_for": ["PYSEC"]}}')

    project.ask("1.0", "1.1", "1.2", max_age=max_age)

    assert len(project.warnings) == count
    assert all(day in warning for warning in project.warnings)


def test_data_without_a_day_is_warned_of(project: Project) -> None:
    """Data that does not tell its day may be any age."""
    project.bring_in(osv_sets.record() | {"modified": None})

    (answer,) = project.ask("1.0")

    assert answer.as_of is None
    assert "no date" in project.warnings[0]


@pytest.mark.parametrize("wrong", [{"max_age": "a week"}, {"max_age": "7"}, {"database": ""}, {"databse": "x"}])
def test_options_are_checked(wrong: dict[str, str]) -> None:
    """An age that is none, an empty path and a name that does not exist are mistakes."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, OsvOptions)


@pytest.mark.parametrize(
    ("data_home", "text", "expected"),
    [
        ("/data", "$XDG_DATA_HOME/ihacpa/a.sqlite", "/data/ihacpa/a.sqlite"),
        ("", "${XDG_DATA_HOME}/ihacpa/a.sqlite", "/home/me/.local/share/ihacpa/a.sqlite"),
        ("", "~/a.sqlite", "/home/me/a.sqlite"),
        ("", "/var/a.sqlite", "/var/a.sqlite"),
        ("", "data/a.sqlite", "/base/data/a.sqlite"),
    ],
)
def test_where_the_database_lies(monkeypatch: pytest.MonkeyPatch, data_home: str, text: str, expected: str) -> None:
    """Paths start at the settings' folder, and know the home folder and the place for data."""
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_DATA_HOME", data_home)

    assert os.fspath(database_path(OsvOptions(database=text), Path("/base"))) == expected
