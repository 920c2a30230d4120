"""The core's own tables: ``[ihacpa]`` and ``[sheet]``. Their descriptions feed ``--help`` and the documentation."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from ihacpa_core.config.units import DURATION_EXPECTED, DURATION_WORDS, Duration

SaveEvery = Annotated[
    str,
    Meta(
        pattern=rf"^(?:batch|auto|end|{DURATION_WORDS})$",
        extra={"expected": f'"batch", "auto", "end" or {DURATION_EXPECTED}'},
    ),
]
FailOn = Literal["", "low", "medium", "high", "critical"]

AUTO = "auto"
"""In `CoreOptions.progress`: the reporters that suit the terminal."""


class CoreOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[ihacpa]``"""

    workbook: Annotated[str, Meta(description="the workbook that is worked on", extra={"path": True})] = ""
    output: Annotated[
        str, Meta(description="write to a copy; empty: in place, with a backup", extra={"path": True})
    ] = ""
    strategy: Annotated[str, Meta(description="where a batch ends")] = "size"
    checkpoint: Annotated[str, Meta(description="where the journal and the checkpoints are kept")] = "sqlite"
    save: Annotated[str, Meta(description="how the workbook is written")] = "openpyxl"
    progress: Annotated[
        tuple[str, ...], Meta(description='how the run is shown; "auto": what suits the terminal; several at once')
    ] = (AUTO,)
    processor: Annotated[str, Meta(description="what is done with a record")] = "package-review"
    executor: Annotated[str, Meta(description="what runs the records of a batch")] = "local"
    save_every: Annotated[
        SaveEvery, Meta(description='"batch", "auto" (at most a tenth of the time), "end", or a duration')
    ] = "auto"
    checkpoint_every: Annotated[int, Meta(ge=1, le=100_000, description="batches between checkpoints")] = 5
    keep_checkpoints: Annotated[bool, Meta(description="keep a run's checkpoints after it succeeded")] = False
    checkpoint_expiry: Annotated[
        Duration,
        Meta(description="how long a checkpoint of an unfinished run is kept; prune removes it after that"),
    ] = "30d"
    keep_backups: Annotated[int, Meta(ge=1, le=10_000, description="backups of the workbook that are kept")] = 10
    state_dir: Annotated[
        str, Meta(min_length=1, description="journal, backups and logs; a relative one is beside the workbook")
    ] = ".ihacpa"
    config_dir: Annotated[
        str,
        Meta(description="where relative paths start from; empty: the folder of this file", extra={"path": True}),
    ] = ""
    plugins: Annotated[tuple[str, ...], Meta(description="always-on hook plugins: names, or ./file.py")] = ()
    require: Annotated[
        tuple[str, ...], Meta(description='distributions that must be installed: "ihacpa-acme>=1.2"')
    ] = ()
    overwrite_formulas: Annotated[bool, Meta(description="write over cells that hold a formula")] = False
    max_failures: Annotated[int, Meta(ge=0, description="stop after so many failed records; 0: never")] = 0
    attempts: Annotated[int, Meta(ge=1, le=100, description="how often a record is tried")] = 3
    grace: Annotated[
        Duration,
        Meta(description="how long records in flight may take to finish after Ctrl-C", extra={"at_most": "1h"}),
    ] = "10s"
    fail_on: Annotated[FailOn, Meta(description="exit code 1 if a finding is at least so serious; empty: never")] = ""


class SheetOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[sheet]``"""

    name: Annotated[str, Meta(max_length=31, description="the worksheet; empty: the active one")] = ""
    header_row: Annotated[int, Meta(ge=1, le=1_048_575, description="the row with the column headers")] = 3
    first_row: Annotated[
        Annotated[int, Meta(ge=2, le=1_048_576)] | None,
        Meta(description="the first row of data; the row after the headers if not set"),
    ] = None
    key: Annotated[str, Meta(min_length=1, description="header or letter of the column that names a record")] = "B"

    @property
    def first_data_row(self) -> int:
        """The first row of data: `first_row`, or the one after the headers."""
        return self.first_row or self.header_row + 1


TABLES: dict[str, type[Struct]] = {"ihacpa": CoreOptions, "sheet": SheetOptions}
