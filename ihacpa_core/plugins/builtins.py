"""The roles, and the built-in plugins as a static table.

Strings only: a built-in is imported when it is selected, so that what a run does not use costs nothing. The table
needs no entry-point metadata.
"""

from __future__ import annotations

from dataclasses import dataclass

OWN_DISTRIBUTION = "ihacpa"
HOOKS_GROUP = "ihacpa"
"""The entry-point group of always-on hook plugins."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role: its word, and the hook that offers implementations of it."""

    word: str
    hook: str

    @property
    def group(self) -> str:
        """The entry-point group of plugins that offer it."""
        return f"{HOOKS_GROUP}.{self.word}"


@dataclass(frozen=True, slots=True)
class Needs:
    """The parts that an offer needs in turn: the option that names them, their role, and that option's default."""

    key: str
    role: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Builtin:
    """A built-in offer: the word that selects it and the module that makes it.

    :param needs: known here as well, so that what a run would use can be told without an import.
    """

    role: str
    name: str
    module: str
    summary: str
    aliases: tuple[str, ...] = ()
    takes_argument: bool = False
    needs: Needs | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltinCommand:
    """A command that a plugin brings along: the module that implements it and its line in ``--help``."""

    name: str
    module: str
    summary: str


ROLES = {
    role.word: role
    for role in (
        Role("strategy", "ihacpa_strategies"),
        Role("checkpoint", "ihacpa_checkpoint_stores"),
        Role("save", "ihacpa_save_backends"),
        Role("progress", "ihacpa_progress_reporters"),
        Role("processor", "ihacpa_processors"),
        Role("executor", "ihacpa_executors"),
        Role("source", "ihacpa_review_sources"),
    )
}

BUILTINS = (
    Builtin(
        role="strategy",
        name="size",
        aliases=("fixed-size",),
        module="ihacpa_plugins.strategy.size",
        summary="the same number of records in every batch",
    ),
    Builtin(
        role="strategy",
        name="memory",
        aliases=("memory-adaptive",),
        module="ihacpa_plugins.strategy.memory",
        summary="batches as large as memory allows",
    ),
    Builtin(
        role="strategy",
        name="time",
        aliases=("time-based",),
        module="ihacpa_plugins.strategy.time",
        summary="a batch ends after an interval, however many records it holds",
    ),
    Builtin(
        role="checkpoint",
        name="sqlite",
        module="ihacpa_plugins.checkpoint.sqlite",
        summary="journal and checkpoints in one SQLite file",
    ),
    Builtin(
        role="checkpoint",
        name="file",
        module="ihacpa_plugins.checkpoint.file",
        summary="journal and checkpoints in plain files that a person can read",
    ),
    Builtin(
        role="save",
        name="openpyxl",
        module="ihacpa_plugins.save.openpyxl",
        summary="writes the workbook with openpyxl",
    ),
    Builtin(
        role="save",
        name="patch",
        module="ihacpa_plugins.save.patch",
        summary="changes the cells in the file and leaves everything else in it as it is",
    ),
    Builtin(
        role="progress",
        name="rich",
        module="ihacpa_plugins.progress.rich",
        summary="live bars on a terminal",
    ),
    Builtin(
        role="progress",
        name="plain",
        module="ihacpa_plugins.progress.plain",
        summary="a line a batch",
    ),
    Builtin(
        role="progress",
        name="json",
        module="ihacpa_plugins.progress.json",
        summary="JSON lines for machines",
    ),
    Builtin(
        role="progress",
        name="none",
        module="ihacpa_plugins.progress.none",
        summary="says nothing",
    ),
    Builtin(
        role="processor",
        name="package-review",
        module="ihacpa_plugins.processor.package_review",
        summary="reviews Python packages: releases, vulnerabilities, a recommendation",
        needs=Needs("sources", "source", ("pypi", "osv", "kev", "epss", "exploitdb")),
    ),
    Builtin(
        role="processor",
        name="python",
        module="ihacpa_plugins.processor.python",
        summary="a function of yours: python:MODULE_OR_FILE:FUNCTION",
        takes_argument=True,
    ),
    Builtin(
        role="executor",
        name="local",
        module="ihacpa_plugins.executor.local",
        summary="several records at once in this process",
    ),
    Builtin(
        role="source",
        name="pypi",
        module="ihacpa_plugins.source.pypi",
        summary="releases, dates and links from the package index",
    ),
    Builtin(
        role="source",
        name="osv",
        module="ihacpa_plugins.source.osv",
        summary="advisories in OSV form: PYSEC, GHSA, CVE and others",
    ),
    Builtin(
        role="source",
        name="kev",
        module="ihacpa_plugins.source.kev",
        summary="flaws that are known to be exploited: CISA's catalogue",
    ),
    Builtin(
        role="source",
        name="epss",
        module="ihacpa_plugins.source.epss",
        summary="how likely a flaw is to be exploited: FIRST's EPSS",
    ),
    Builtin(
        role="source",
        name="exploitdb",
        module="ihacpa_plugins.source.exploitdb",
        summary="public exploits: Exploit-DB",
    ),
    Builtin(
        role="source",
        name="nvd",
        module="ihacpa_plugins.source.nvd",
        summary="ratings of flaws that nobody else rated: NIST's NVD, online",
    ),
    Builtin(
        role="source",
        name="snyk",
        module="ihacpa_plugins.source.snyk",
        summary="Snyk's vulnerabilities; needs a token",
    ),
)

COMMANDS = (
    BuiltinCommand(
        name="advisories",
        module="ihacpa_plugins.command.advisories",
        summary="bring in, look at and search the advisories that the review uses",
    ),
    BuiltinCommand(
        name="report",
        module="ihacpa_plugins.command.report",
        summary="tell what a review found: md, json, csv, sarif, cyclonedx",
    ),
    BuiltinCommand(
        name="diff",
        module="ihacpa_plugins.command.diff",
        summary="compare two reviews: what is new, fixed, worse, better",
    ),
    BuiltinCommand(
        name="explain",
        module="ihacpa_plugins.command.explain",
        summary="say why a package came to its result",
    ),
    BuiltinCommand(
        name="format",
        module="ihacpa_plugins.command.format",
        summary="find and mend cells whose colour does not match their text",
    ),
    BuiltinCommand(
        name="cells",
        module="ihacpa_plugins.command.cells",
        summary="set cells of a workbook, leaving everything else in it as it is",
    ),
)
