"""The file store on real files: what a person finds there, what may go wrong on a disk, and what is told."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path

import pytest
from file_journals import IMPATIENT, checkpoint, group, mode, read, written
from hypothesis import given
from hypothesis import strategies as st
from ihacpa_plugins.checkpoint.file import FileStore

from ihacpa_core import RunContext, StoreError
from ihacpa_core.errors import ExitCode
from ihacpa_core.testing import run_context
from ihacpa_core.testing.project import Project, kill, wait_until


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    return run_context(tmp_path)


# --- what a person finds ----------------------------------------------------------------------------------------------


def test_a_journal_is_lines_of_json_that_any_tool_can_check(context: RunContext) -> None:
    """Each line is JSON and carries the length and the BLAKE2b of what follows them; the header says what it is."""
    path = written(context)

    lines = path.read_bytes().splitlines()
    assert {"format": "ihacpa journal", "schema": 1, "run": "r1", "number": 1}.items() <= json.loads(lines[0]).items()
    for line in lines:
        body = line.split(b",", 2)[2]
        assert json.loads(line)["length"] == len(body)
        assert json.loads(line)["sum"] == blake2b(body, digest_size=8).hexdigest()
    assert [json.loads(line)["group"] for line in lines[1:]] == [[1, 2], [1, 2], [3, 4], [3, 4], [5, 6], [5, 6]]
    assert json.loads(lines[1])["payload"] == {"n": 1, "text": "ä"}


def test_files_are_for_their_owner_alone(context: RunContext) -> None:
    """Journal, seal and checkpoints are readable by nobody else, whatever the umask."""
    before = os.umask(0)
    try:
        store = FileStore(context)
        store.append(group(1))
        store.write_checkpoint(checkpoint())
        store.close()
    finally:
        os.umask(before)

    made = sorted(path.relative_to(context.state_dir).as_posix() for path in context.state_dir.rglob("*"))
    assert made == ["checkpoints", "checkpoints/c1.json", "journal", "journal/r1.jsonl", "journal/r1.jsonl.seal"]
    assert {mode(path) for path in context.state_dir.rglob("*.*")} == {0o600}
    assert {mode(context.state_dir / folder) for folder in ("journal", "checkpoints")} == {0o700}


@pytest.mark.parametrize(
    "name", ["../../out", "/etc/out", "..", ".hidden", "a\x00b", "Ä b", "", "x" * 300, "\ud800", "A"]
)
def test_no_id_leads_out_of_the_folder(context: RunContext, name: str) -> None:
    """Whatever an id is, its file lies in the store's folder, and what was written comes back under that id."""
    store = FileStore(context)
    store.append(group(1, run_id=name))
    store.write_checkpoint(checkpoint(name))

    assert list(store.runs()) == [name]
    assert read(context, name) == group(1, run_id=name)
    assert [data.checkpoint_id for data in store.checkpoints("r1")] == [name]
    places = {path.parent.relative_to(context.config_dir).as_posix() for path in context.config_dir.rglob("*.*")}
    assert places == {"state/journal", "state/checkpoints"}
    store.remove_checkpoint(name)
    assert FileStore(context).checkpoints("r1") == []


def test_ids_that_differ_in_capitals_have_files_that_differ_in_more(context: RunContext) -> None:
    """Where capitals do not count in file names, two checkpoints do not become one."""
    store = FileStore(context)
    for name in ("abc", "ABC", "Abc"):
        store.write_checkpoint(checkpoint(name))

    names = {path.name.lower() for path in (context.state_dir / "checkpoints").iterdir()}
    assert len(names) == 3


def test_checkpoints_follow_the_journal_and_not_the_clock(context: RunContext) -> None:
    """Oldest first is by the entries that they cover: a clock that was turned back changes nothing."""
    store = FileStore(context)
    for sequence, name in enumerate(("z", "a", "m"), start=1):
        moment = datetime(2026, 1, 2, tzinfo=UTC) - timedelta(hours=sequence)
        store.write_checkpoint(checkpoint(name, sequence=sequence, created=moment))

    assert [data.checkpoint_id for data in store.checkpoints("r1")] == ["z", "a", "m"]


# --- a torn end -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [1, 40, -1])
def test_a_torn_end_is_cut_off_and_told_once(context: RunContext, left: int) -> None:
    """A group that an append did not complete is not there; the next append cuts it off, and the person hears of it."""
    path = written(context, close=False)
    whole = path.read_bytes()
    at = whole.index(b'{"length"', whole.index(b'"sequence":4')) + left if left > 0 else len(whole) - 1
    path.write_bytes(whole[:at])
    told: list[str] = []
    store = FileStore(replace(context, warn=told.append))

    assert list(store.entries("r1")) == group(1, 4)
    store.append(group(5, text="new"))

    assert list(store.entries("r1")) == [*group(1, 4), *group(5, text="new")]
    assert read(context) == [*group(1, 4), *group(5, text="new")]
    assert [str(path) in message for message in told] == [True]


def test_half_a_group_is_no_group(context: RunContext) -> None:
    """Of a group whose last line is missing, the whole lines before it do not count either."""
    path = written(context, close=False)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))

    assert read(context) == group(1, 4)


@given(left=st.binary(max_size=60) | st.just(bytes(5000)))
def test_what_is_no_line_behind_the_end_is_never_believed(
    tmp_path_factory: pytest.TempPathFactory, left: bytes
) -> None:
    """Zeros, rubbish, or anything short behind the last group changes nothing of what is read or appended."""
    context = run_context(tmp_path_factory.mktemp("torn"))
    path = written(context, close=False)
    with path.open("ab") as file:
        file.write(left)

    store = FileStore(context)
    assert list(store.entries("r1")) == group(1, 6)
    store.append(group(7))
    assert read(context) == group(1, 8)


def test_who_only_looks_is_not_warned_and_cuts_nothing(context: RunContext) -> None:
    """A torn end may be what another process is writing: a store that only looks leaves it, and says nothing."""
    path = written(context, close=False)
    with path.open("ab") as file:
        file.write(b'{"length":')
    before = path.read_bytes()
    told: list[str] = []

    found = list(FileStore(replace(context, read_only=True, warn=told.append)).entries("r1"))

    assert (found, told, path.read_bytes()) == (group(1, 6), [], before)


def test_a_run_whose_first_append_was_torn_has_not_begun(context: RunContext) -> None:
    """A journal with nothing but a part of its first group is no run, and the same run can still begin."""
    path = written(context, 1, close=False)
    whole = path.read_bytes()
    for cut in (0, 5, 60, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert list(FileStore(context).runs()) == []
        assert read(context) == []

    store = FileStore(context)
    store.append(group(1))
    store.append(group(1, run_id="r2"))
    assert list(FileStore(context).runs()) == ["r1", "r2"]


# --- damage -----------------------------------------------------------------------------------------------------------


def harms() -> dict[str, Callable[[list[bytes]], list[bytes]]]:
    """Ways to change the lines of a journal that are none of a torn end."""
    return {
        "altered": lambda lines: [line.replace(b'"n":3', b'"n":8') for line in lines],
        "removed": lambda lines: [*lines[:2], *lines[3:]],
        "removed from the last group": lambda lines: [*lines[:5], lines[6]],
        "twice": lambda lines: [*lines[:3], lines[2], *lines[3:]],
        "in another order": lambda lines: [lines[0], *lines[3:5], *lines[1:3], *lines[5:]],
        "joined": lambda lines: [*lines[:4], lines[4].rstrip(b"\n"), *lines[5:]],
        "a note before the last group": lambda lines: [*lines[:5], b"# checked by me\n", *lines[5:]],
        "an empty line": lambda lines: [*lines[:3], b"\n", *lines[3:]],
        "ends of lines of another system": lambda lines: [line.replace(b"\n", b"\r\n") for line in lines],
        "another run's line": lambda lines: [*lines[:3], lines[3].replace(b'"run":"r1"', b'"run":"r2"'), *lines[4:]],
        "without its header": lambda lines: lines[1:],
    }


@pytest.mark.parametrize("harm", harms())
def test_damage_in_the_middle_is_told_and_left_as_it_is(context: RunContext, harm: str) -> None:
    """What was changed in the journal is a `StoreError` with what to do; nothing is cut, and nothing appended."""
    path = written(context, close=False)
    path.write_bytes(b"".join(harms()[harm](path.read_bytes().splitlines(keepends=True))))
    before = path.read_bytes()

    with pytest.raises(StoreError, match="damaged") as caught:
        read(context)
    with pytest.raises(StoreError, match="damaged"):
        FileStore(context).append(group(7))

    assert "--start-fresh" in caught.value.hint
    assert path.read_bytes() == before


def test_what_stands_before_the_damage_is_right(context: RunContext) -> None:
    """The groups before an altered line come back before the error."""
    path = written(context)
    path.write_bytes(path.read_bytes().replace(b'"n":5', b'"n":8'))
    entries = FileStore(context).entries("r1")

    assert [next(entries) for _ in range(4)] == group(1, 4)
    with pytest.raises(StoreError):
        next(entries)


@pytest.mark.parametrize("groups", [0, 1, 2])
def test_a_tail_that_goes_missing_after_a_clean_end_is_told(context: RunContext, groups: int) -> None:
    """The seal of a clean end says how many entries there were: fewer are a `StoreError`, with the way on."""
    path = written(context)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: 1 + 2 * groups]))

    with pytest.raises(StoreError, match="not whole") as caught:
        read(context)
    with pytest.raises(StoreError, match="not whole"):
        FileStore(context).append(group(1 + 2 * groups))

    assert "r1.jsonl.seal" in caught.value.hint
    (path.parent / "r1.jsonl.seal").unlink()
    assert read(context) == group(1, 2 * groups)


def test_a_checkpoint_seals_the_journal(context: RunContext) -> None:
    """From a checkpoint on, the entries before it cannot go missing unseen, though the run was killed later."""
    store = FileStore(context)
    store.append(group(1))
    store.append(group(3))
    store.write_checkpoint(checkpoint())
    path = context.state_dir / "journal" / "r1.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))

    with pytest.raises(StoreError, match="not whole"):
        read(context)


def test_a_journal_that_was_taken_away_is_told(context: RunContext) -> None:
    """A seal without its journal is a `StoreError`: a run is not forgotten because a file is missing."""
    written(context).unlink()

    with pytest.raises(StoreError, match="damaged"):
        FileStore(context).runs()
    with pytest.raises(StoreError, match="not whole"):
        read(context)


def test_a_run_that_was_put_away_whole_is_no_error(context: RunContext) -> None:
    """What the hint says helps: the run's files moved away, the next run begins, behind those that are left."""
    path = written(context)
    FileStore(context).append(group(1, run_id="r2"))
    path.write_bytes(b"Dear diary")
    with pytest.raises(StoreError):
        FileStore(context).runs()
    for file in path.parent.glob("r1.jsonl*"):
        file.unlink()

    store = FileStore(context)
    store.append(group(1, run_id="r0"))

    assert list(store.runs()) == ["r2", "r0"]


def test_a_planted_link_is_not_written_through(context: RunContext, tmp_path: Path) -> None:
    """A link in the journal's place is refused, and what it leads to stays as it was."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"")
    (context.state_dir / "journal").mkdir()
    (context.state_dir / "journal" / "r1.jsonl").symlink_to(victim)

    with pytest.raises(StoreError, match="not a plain file"):
        FileStore(context).append(group(1))

    assert victim.read_bytes() == b""


def test_a_journal_that_was_replaced_while_in_use_is_refused(context: RunContext) -> None:
    """Nothing more is written to a journal that the next run would not find."""
    store = FileStore(context)
    store.append(group(1))
    path = context.state_dir / "journal" / "r1.jsonl"
    copy = path.read_bytes()
    path.unlink()
    path.write_bytes(copy)

    with pytest.raises(StoreError, match="moved or replaced"):
        store.append(group(3))


def test_a_folder_in_the_place_of_the_journals_is_told(context: RunContext) -> None:
    """A journal folder that cannot be looked into is a `StoreError`, and never an empty one."""
    (context.state_dir / "journal").write_bytes(b"")

    with pytest.raises(StoreError):
        FileStore(context).runs()


# --- checkpoints that cannot be used ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (lambda text: text[: len(text) // 2], "torn"),
        (lambda text: b"", "torn"),
        (lambda text: text.replace(b'"batch": 1,', b'"batch" 1,'), "no JSON"),
        (lambda text: text.replace(b'"batch": 1,', b'"batch": 2,'), "checksum"),
        (lambda text: text.replace(b'"backup"', b'"Backup"'), "missing"),
        (lambda text: b"[" * 100_000 + b"}", "no JSON"),
        (lambda text: text.replace(b'"schema": 1', b'"schema": 2'), "version"),
    ],
)
def test_a_checkpoint_that_cannot_be_used_is_named_with_what_is_wrong(
    context: RunContext, harm: Callable[[bytes], bytes], complaint: str
) -> None:
    """Torn, altered or newer: it is named by its file's name, hides no other, and can be removed by that name."""
    store = FileStore(context)
    for name in ("c1", "c2"):
        store.write_checkpoint(checkpoint(name))
    path = context.state_dir / "checkpoints" / "c1.json"
    path.write_bytes(harm(path.read_bytes()))

    (broken,) = store.broken_checkpoints()

    assert (broken.checkpoint_id, complaint in broken.why) == ("c1", True), broken
    assert [data.checkpoint_id for data in store.checkpoints("r1")] == ["c2"]
    store.remove_checkpoint(broken.checkpoint_id)
    assert store.broken_checkpoints() == []


def test_a_copy_of_a_checkpoint_is_not_another_one(context: RunContext) -> None:
    """A file that was copied by hand is named as what it is; the original counts."""
    store = FileStore(context)
    store.write_checkpoint(checkpoint("c1"))
    folder = context.state_dir / "checkpoints"
    (folder / "copy of c1.json").write_bytes((folder / "c1.json").read_bytes())

    assert [broken.why for broken in store.broken_checkpoints()] == ["it is a copy of c1 under another name"]
    assert [data.checkpoint_id for data in store.checkpoints("r1")] == ["c1"]


# --- a whole run ------------------------------------------------------------------------------------------------------


@pytest.fixture
def filed(project: Project) -> Project:
    """The project of 30 rows, with this store."""
    settings = (project.folder / "ihacpa.toml").read_text()
    project.write("ihacpa.toml", settings.replace("[ihacpa]\n", '[ihacpa]\ncheckpoint = "file"\n'))
    return project


@pytest.mark.parametrize("after", [3, 17])
def test_a_killed_run_goes_on_from_its_files(filed: Project, calls: Callable[[], list[str]], after: int) -> None:
    """kill -9 in the middle, then the same command: no finished row is lost, and only those in flight are repeated."""
    process = filed.start("--save-every", "end")
    wait_until(lambda: len(calls()) >= after, what=f"{after} calls")
    kill(process)

    result = filed.run("--save-every", "end", expect=ExitCode.OK)

    cells = filed.cells()
    assert [cells[f"C{row}"] for row in range(2, 32)] == [2 * n for n in range(1, 31)]
    assert len(calls()) <= 30 + 4
    assert "is resumed" in result.stderr
    assert [path for path in filed.folder.rglob("*") if path.suffix == ".tmp"] == []


def test_a_finished_run_is_there_to_be_read(filed: Project) -> None:
    """After a run every outcome is a line that a person finds, and the doctor is content with the files."""
    filed.run(expect=ExitCode.OK)

    (path,) = (filed.folder / ".ihacpa" / "book.xlsx" / "journal").glob("*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    outcomes = [line["payload"]["key"] for line in lines if line["kind"] == "outcome"]
    assert sorted(outcomes) == [f"item-{n:02}" for n in range(1, 31)]
    assert lines[-1]["kind"] == "finished"
    told = filed.run("doctor", expect=ExitCode.OK).stdout
    assert "file gives back what it is given" in told
    assert f"1 runs with {len(lines)} journal entries, all of them readable" in told


def test_a_run_tells_of_a_torn_end_and_goes_on(filed: Project, calls: Callable[[], list[str]]) -> None:
    """What a loss of power left half-written at the end of the journal costs its own records and nothing else."""
    process = filed.start("--save-every", "end")
    wait_until(lambda: len(calls()) >= 10, what="10 calls")
    kill(process)
    (path,) = (filed.folder / ".ihacpa" / "book.xlsx" / "journal").glob("*.jsonl")
    os.truncate(path, path.stat().st_size - 20)

    result = filed.run("--save-every", "end", expect=ExitCode.OK)

    assert "were never completed" in " ".join(result.stderr.split())
    cells = filed.cells()
    assert [cells[f"C{row}"] for row in range(2, 32)] == [2 * n for n in range(1, 31)]


def test_a_run_stops_at_a_journal_that_was_altered(filed: Project, calls: Callable[[], list[str]]) -> None:
    """A journal that was changed by hand is told with what to do, and the workbook is not touched."""
    process = filed.start("--save-every", "end")
    wait_until(lambda: len(calls()) >= 10, what="10 calls")
    kill(process)
    (path,) = (filed.folder / ".ihacpa" / "book.xlsx" / "journal").glob("*.jsonl")
    path.write_bytes(path.read_bytes().replace(b'"value":2,', b'"value":3,', 1))
    before = filed.workbook.read_bytes()

    result = filed.run(expect=ExitCode.WORKBOOK)

    assert "damaged" in result.stderr
    assert "--start-fresh" in result.stderr
    assert filed.workbook.read_bytes() == before


# --- the rest ---------------------------------------------------------------------------------------------------------


def test_entries_of_several_runs_are_not_appended_together(context: RunContext) -> None:
    """Two files do not change in one step, so such a group is refused, and nothing of it is there."""
    with pytest.raises(StoreError, match="several runs"):
        FileStore(context).append([*group(1, 1), *group(1, 1, run_id="r2")])

    assert list(FileStore(context).runs()) == []


def test_a_second_store_waits_and_is_refused(context: RunContext) -> None:
    """While one store writes to a run's journal, another is refused after its patience; then it is its turn."""
    first, second = FileStore(context), FileStore(context, IMPATIENT)
    first.append(group(1))

    with pytest.raises(StoreError, match="another process"):
        second.append(group(3))

    first.close()
    second.append(group(3))
    assert read(context) == group(1, 4)


def test_a_closed_store_refuses(context: RunContext) -> None:
    """After `close` nothing is written any more."""
    store = FileStore(context)
    store.close()

    for write in (lambda: store.append(group(1)), lambda: store.write_checkpoint(checkpoint())):
        with pytest.raises(StoreError, match="cannot be written"):
            write()
    assert list(context.state_dir.iterdir()) == []
