"""What changed between two reviews: pure, from what both kept.

A finding that is no longer there is fixed only if the later review could have seen it: a source that did not answer
mends nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from ihacpa_plugins.command.reviewed import FindingFacts, ReviewedRun, ReviewFacts, Row


class Kind(StrEnum):
    """What became of a finding."""

    NEW = "new"
    WORSE = "worse"
    BETTER = "better"
    FIXED = "fixed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one finding of a package.

    :param finding: as the later run has it, or the earlier one if that has it alone.
    :param why: what is different, or why it is not known.
    """

    kind: Kind
    finding: FindingFacts
    why: str


@dataclass(frozen=True, slots=True)
class PackageChange:
    """What became of a package that is in both runs, or in one of them."""

    before: Row | None
    after: Row | None
    changes: tuple[Change, ...] = ()

    @property
    def row(self) -> Row:
        """The later of the two."""
        found = self.after or self.before
        assert found is not None
        return found

    @property
    def versions(self) -> tuple[str, str]:
        return (self.before.version if self.before else "", self.after.version if self.after else "")

    @property
    def codes(self) -> tuple[str, str]:
        """The recommendations' codes."""
        return (self.before.advice.code if self.before else "", self.after.advice.code if self.after else "")

    @property
    def differs(self) -> bool:
        moved = self.versions[0] != self.versions[1] or self.codes[0] != self.codes[1]
        return moved or bool(self.changes)


def compare(before: ReviewedRun, after: ReviewedRun) -> list[PackageChange]:
    """Every package that differs, in the order of the later run's rows; those that it lacks come last."""
    old, new = before.by_identity, after.by_identity
    pairs = [(old.get(identity), row) for identity, row in new.items()]
    pairs_gone: list[tuple[Row, None]] = [(row, None) for identity, row in old.items() if identity not in new]
    whole = after.run.whole and not after.run.missing
    made = [_package(*pair, whole=whole) for pair in (*pairs, *pairs_gone)]
    return [change for change in made if change.differs]


def _package(before: Row | None, after: Row | None, *, whole: bool) -> PackageChange:
    changes = [*_now(before, after), *_no_longer(before, after, whole=whole)]
    order = list(Kind)
    changes.sort(key=lambda change: (order.index(change.kind), change.finding.order))
    return PackageChange(before, after, tuple(changes))


def _now(before: Row | None, after: Row | None) -> Iterator[Change]:
    """The findings of the later run that are new or differ."""
    for finding in after.hits if after is not None else ():
        known = _partner(finding, before)
        if known is None or not known.hits:
            yield Change(Kind.NEW, finding, _why_new(before, after, known))
        elif moved := list(_moved(known, finding)):
            kind = Kind.WORSE if any(step > 0 for *_, step in moved) else Kind.BETTER
            yield Change(kind, finding, "; ".join(f"{name}: {old} → {new}" for name, old, new, _ in moved))


def _no_longer(before: Row | None, after: Row | None, *, whole: bool) -> Iterator[Change]:
    """The findings of the earlier run that the later one does not have, and whether that means that they are gone.

    :param whole: the later run is about the whole sheet and finished, so that a row that it lacks is not there.
    """
    for finding in before.hits if before is not None else ():
        now = _partner(finding, after)
        if now is not None and now.hits:
            continue
        if after is None and not whole:
            yield Change(Kind.UNKNOWN, finding, "the later run has no result of this row")
        elif after is None:
            yield Change(Kind.FIXED, finding, "the package is not in the sheet any more")
        elif now is not None:
            yield Change(Kind.FIXED, finding, now.why)
        else:
            reason = _blind(before, after)
            told = f"not checked: {reason}" if reason else "no advisory names it any more"
            yield Change(Kind.UNKNOWN if reason else Kind.FIXED, finding, told)


def _partner(finding: FindingFacts, row: Row | None) -> FindingFacts | None:
    """The same flaw in another review: it shares an id."""
    found = row.facts.findings if row is not None and row.facts is not None else ()
    names = {finding.id, *finding.ids}
    return next((other for other in found if names & {other.id, *other.ids}), None)


def _why_new(before: Row | None, after: Row | None, known: FindingFacts | None) -> str:
    if before is None:
        return "the package is not in the earlier run"
    if before.facts is None or _failed(before.facts):
        return "it was not checked before"
    if after is not None and before.version != after.version:
        return f"with {after.version}"
    return "what the advisories say of it changed" if known is not None else "a new advisory"


def _blind(before: Row | None, after: Row) -> str:
    """Why the later review could not have seen what the earlier one saw; empty if it could."""
    if after.facts is None:
        return after.advice.text
    failed = _failed(after.facts)
    if failed:
        return failed
    answered = {name for name, source in after.facts.sources.items() if source.state == "ok"}
    asked = before.facts.sources if before is not None and before.facts is not None else {}
    silent = [name for name, source in asked.items() if source.state == "ok" and name not in answered]
    if silent:
        return f"{', '.join(silent)} was not asked"
    knew = {family for source in asked.values() for family in source.complete_for}
    knows = {family for source in after.facts.sources.values() for family in source.complete_for}
    lost = sorted(knew - knows)
    return f"the advisories are not complete for {', '.join(lost)} any more" if lost else ""


def _failed(facts: ReviewFacts) -> str:
    failed = [f"{name} ({source.note})" for name, source in facts.sources.items() if source.state == "failed"]
    return ", ".join(failed)


def _measures(finding: FindingFacts) -> dict[str, tuple[tuple[float, ...], str]]:
    """What makes a finding better or worse: by name, a rank of which more is worse, and how it is said."""
    held, exploit = finding.suppressed is not None, bool(finding.exploits)
    return {
        "suppression": ((not held,), "suppressed" if held else "not suppressed"),
        "verdict": ((finding.affects,), finding.verdict),
        "malicious": ((finding.malicious,), _yes(finding.malicious)),
        "severity": (finding.severity.rank, str(finding.severity)),
        "known exploited": ((finding.known_exploited,), _yes(finding.known_exploited)),
        "public exploit": ((exploit,), _yes(exploit)),
    }


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"


def _moved(old: FindingFacts, new: FindingFacts) -> Iterator[tuple[str, str, str, int]]:
    """The measures that differ: name, what was said, what is said now, and 1 for worse or -1 for better."""
    after = _measures(new)
    for name, (rank, said) in _measures(old).items():
        now, told = after[name]
        if rank != now:
            yield name, said, told, 1 if now > rank else -1
