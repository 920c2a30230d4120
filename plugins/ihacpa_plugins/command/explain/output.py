"""What ``ihacpa explain`` prints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ihacpa_plugins.command.explain.subjects import Subject
from ihacpa_plugins.command.plain import one_line
from ihacpa_plugins.command.reviewed import FindingFacts, ReviewFacts, SourceFacts
from ihacpa_plugins.processor.package_review.rules import MEANINGS

SCHEMA = 1
_SHOWN = 10


def as_json(subjects: Sequence[Subject]) -> str:
    """One document, with a schema number that changes when a field changes meaning."""
    packages = [_document(subject) for subject in subjects]
    document = {"schema": SCHEMA, "kind": "ihacpa-explanation", "packages": packages}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_text(subjects: Sequence[Subject]) -> str:
    """A few paragraphs for a person."""
    return "\n".join("\n".join(_paragraphs(subject)) + "\n" for subject in subjects)


def _document(subject: Subject) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(subject.facts)
    rule = subject.facts.recommendation.rule
    facts["recommendation"]["rule"] = {"name": rule, "number": _number(rule), "meaning": MEANINGS.get(rule, "")}
    origin = {"run": subject.run_id or None, "row": subject.row, "told": subject.origin}
    return {"origin": origin, **facts, "unchecked": list(subject.unchecked)}


def _paragraphs(subject: Subject) -> Iterator[str]:
    facts = subject.facts
    yield one_line(f"{facts.name} {facts.version}: {facts.recommendation.text}")
    yield f"  {one_line(subject.origin)}"
    yield from _rules(facts)
    yield from _findings(facts, complete=not subject.unchecked)
    if facts.clean_version:
        yield "update"
        told = "is the lowest version above it that no record hits, same major version first"
        doubt = "is the best that there is, and may be affected as well"
        yield f"  {one_line(facts.clean_version)} {told if facts.clean_version_sure else doubt}"
    yield from _index(facts)
    yield "sources"
    for name, source in facts.sources.items():
        yield f"  {one_line(name):<10} {_source(source)}"
    if not facts.sources:
        yield "  none was asked"
    if subject.unchecked:
        yield "not checked"
        yield from (f"  {one_line(what)}" for what in subject.unchecked)


def _number(rule: str) -> int | None:
    return list(MEANINGS).index(rule) + 1 if rule in MEANINGS else None


def _rules(facts: ReviewFacts) -> Iterator[str]:
    """The rule that held, and what did not hold before it."""
    held = facts.recommendation.rule
    number = _number(held)
    if number is None:
        return
    yield "rule (the first that holds)"
    for place, meaning in enumerate(list(MEANINGS.values())[: number - 1], start=1):
        yield f"  {place} of {len(MEANINGS)} does not hold: {meaning}"
    yield f"  {number} of {len(MEANINGS)} holds: {MEANINGS[held]}"


def _findings(facts: ReviewFacts, *, complete: bool) -> Iterator[str]:
    if not facts.findings:
        yield "findings"
        yield "  no record of this package" + ("" if complete else ", as far as was checked")
        return
    hits = facts.hits
    others = [finding for finding in facts.findings if not finding.hits]
    yield f"findings ({len(facts.findings)} known, {len(hits)} of them affect it or may)"
    for finding in hits:
        yield from _finding(finding)
    for finding in others[:_SHOWN]:
        yield f"  {one_line(f'{finding.id} ({finding.severity}): not affected: {finding.why}')}"
    if len(others) > _SHOWN:
        yield f"  and {len(others) - _SHOWN} more that do not affect it"


def _finding(finding: FindingFacts) -> Iterator[str]:
    verdict = "affects it" if finding.affects else "uncertain"
    yield f"  {one_line(f'{finding.id} ({finding.severity}): {verdict}: {finding.why}')}"
    if finding.aliases:
        yield f"    also {one_line(', '.join(finding.aliases))}"
    yield f"    {one_line('fixed in ' + ', '.join(finding.fixed_in)) if finding.fixed_in else 'no fix is named'}"
    if finding.severity.vector:
        yield f"    {one_line(finding.severity.vector)}"
    urgent = [remark for remark in finding.remarks if not remark.startswith("suppressed")]
    if urgent:
        yield f"    {one_line(', '.join(urgent))}"
    if finding.suppressed is not None:
        held = finding.suppressed
        yield f"    suppressed by {one_line(f'{held.by} until {held.expires}: {held.reason}')}; it does not count"


def _index(facts: ReviewFacts) -> Iterator[str]:
    release = facts.release
    if release is None:
        return
    yield "releases"
    there = f"of {release.installed_date or 'an unknown day'}" if release.installed_exists else "not on the index"
    yanked = f", yanked: {release.yanked_reason or 'no reason given'}" if release.yanked else ""
    yield f"  {one_line(f'{facts.version} is installed, {there}{yanked}')}"
    latest = f"{release.latest or 'none'} is the latest, of {release.latest_date or 'an unknown day'}"
    yield f"  {one_line(latest)}"


def _source(source: SourceFacts) -> str:
    words = [
        source.state,
        f"data of {source.as_of}" if source.as_of else "",
        f"complete for {', '.join(source.complete_for)}" if source.complete_for else "",
        source.note,
    ]
    return one_line(", ".join(filter(None, words)))
