"""The words of the result columns: what was found, what was not, and what nobody looked for.

Only a source that answered and has every record of what the column shows can make it say ``None found`` or ``SAFE``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ihacpa_core import AnswerState, CellStyle, Finding, SourceAnswer, Verdict
from ihacpa_plugins.processor.package_review.merge import enriched
from ihacpa_plugins.processor.package_review.review import DECISIVE, Review, gap, rating, signs
from ihacpa_plugins.processor.package_review.versions import order

NOT_CONFIGURED = "NOT CHECKED - not configured"
LONGEST = 32_000
"""Characters in a cell; Excel's own limit is 32,767."""


@dataclass(frozen=True, slots=True)
class View:
    """A column that shows a part of the findings.

    :param families: the families of ids of which one must be complete before the column says "none".
    :param shows: the id under which a finding is listed, or nothing if the column does not show it.
    :param source: the source that must have answered besides; empty: the advisory sources are enough.
    :param helper: a source that only adds to what the column shows; where it is asked, it must have answered too.
    """

    families: frozenset[str]
    shows: Callable[[Finding], str]
    source: str = ""
    helper: str = ""
    remark: Callable[[Finding], str] = lambda finding: ", ".join([rating(finding.severity), *signs([finding])])


def _first(finding: Finding, head: str) -> str:
    return next((name for name in finding.ids if name.startswith(head)), "")


def _cve(finding: Finding) -> str:
    return _first(finding, "CVE-")


def _ghsa_or_own(finding: Finding) -> str:
    return _first(finding, "GHSA-") or ("" if _cve(finding) else finding.id)


def _exploited(finding: Finding) -> str:
    return finding.id if finding.exploits else ""


def _own(finding: Finding) -> str:
    return finding.id


VIEWS = {
    "github_advisory": View(frozenset({"GHSA"}), _ghsa_or_own),
    "nvd": View(DECISIVE, _cve, helper="nvd"),
    "mitre": View(DECISIVE, _cve),
    "snyk": View(frozenset(), _own, source="snyk"),
    "exploitdb": View(DECISIVE, _exploited, "exploitdb", remark=lambda finding: ", ".join(finding.exploits)),
}
_APART = frozenset(view.source for view in VIEWS.values() if view.source)
"""The sources that have a column of their own: where one of them fails, the other columns are none the worse."""


def result_text(field: str, review: Review) -> str:
    """What stands in the result column `field`."""
    view = VIEWS[field]
    own = review.answers.get(view.source) if view.source else None
    if not _is_configured(view, own, review):
        return NOT_CONFIGURED
    if view.source in review.advisories and own is not None:  # a source with a database of its own, shown apart
        known = enriched(own.findings, review.findings)
        review = replace(review, advisories={view.source: own}, enrichments={}, findings=known)
        view = replace(view, families=own.complete_for)
    view = _marking(view, review)
    shown = [finding for finding in review.findings if view.shows(finding)]
    affecting = [finding for finding in review.with_verdict(Verdict.AFFECTED) if view.shows(finding)]
    uncertain = [finding for finding in review.with_verdict(Verdict.UNCERTAIN) if view.shows(finding)]
    failed = _failed(view, review)
    missing = f"; not checked: {failed.source} ({failed.note or 'no answer'})" if failed is not None else ""
    if affecting:
        return _vulnerable(review.entry.version, affecting, uncertain, view) + missing
    if uncertain:
        return _uncertain(review.entry.version, uncertain, view) + missing
    obstacle = f"{failed.source}: {failed.note or 'no answer'}" if failed else _obstacle(view, own, review)
    if obstacle:
        return f"NOT CHECKED - {obstacle}"
    if not shown:
        return "None found"
    if review.ambiguity:
        return f"UNCERTAIN - {review.ambiguity}"
    return f"SAFE - {len(shown)} known, {review.entry.version} not affected"


def _marking(view: View, review: Review) -> View:
    """`view`, with a word at each finding that is suppressed: it is a fact all the same."""
    if not review.suppressed:
        return view

    def remark(finding: Finding) -> str:
        held = review.suppression(finding)
        until = f", suppressed until {held.expires.isoformat()}" if held else ""
        return f"{view.remark(finding)}{until}"

    return replace(view, remark=remark)


def style_of(text: str) -> CellStyle:
    """The colour that goes with a text of `result_text`."""
    if text.startswith("VULNERABLE"):
        return CellStyle.BAD
    if text.startswith(("SAFE", "None found")):
        return CellStyle.GOOD
    return CellStyle.INFO if text == NOT_CONFIGURED else CellStyle.WARN


def _is_configured(view: View, own: SourceAnswer | None, review: Review) -> bool:
    if view.source:
        return own is not None and own.state is not AnswerState.NOT_CONFIGURED
    return review.advised


def _failed(view: View, review: Review) -> SourceAnswer | None:
    """The first answer that did not come, of those that the column stands on."""
    apart = _APART - {view.source}
    asked = [answer for name, answer in review.advisories.items() if name not in apart]
    asked += [answer for name, answer in review.enrichments.items() if name in (view.source, view.helper)]
    return next((answer for answer in asked if answer.state is AnswerState.FAILED), None)


def _obstacle(view: View, own: SourceAnswer | None, review: Review) -> str:
    """Why nothing found means nothing here, though nothing failed; empty if it means that there is nothing."""
    if review.version_problem:
        return review.version_problem
    if own is not None and not own.complete_for:
        return f"{own.source} does not say that it knows all"
    return gap(review, view.families)


def _vulnerable(version: str, affecting: Sequence[Finding], uncertain: Sequence[Finding], view: View) -> str:
    doubt = f"; {len(uncertain)} uncertain: {', '.join(view.shows(f) for f in uncertain[:5])}" if uncertain else ""
    head = f"VULNERABLE - {len(affecting)} affect {version}: "
    return _listed(head, (f"{view.shows(f)} ({view.remark(f)})" for f in affecting), f"; {fix_text(affecting)}{doubt}")


def _uncertain(version: str, uncertain: Sequence[Finding], view: View) -> str:
    head = f"UNCERTAIN - {len(uncertain)} may affect {version}"
    if len({finding.why for finding in uncertain}) > 1:
        return _listed(f"{head}: ", (f"{view.shows(f)} ({view.remark(f)}{_why(f)})" for f in uncertain), "")
    reason = f" ({uncertain[0].why})" if uncertain[0].why else ""  # the same for all: an unreadable version, mostly
    return _listed(f"{head}{reason}: ", (f"{view.shows(f)} ({view.remark(f)})" for f in uncertain), "")


def _why(finding: Finding) -> str:
    return f"; {finding.why}" if finding.why else ""


def fix_text(affecting: Sequence[Finding]) -> str:
    """``fixed in X``: the lowest version that mends all of them, as far as the records name fixes."""
    fixes = [finding.fixed_in[0] for finding in affecting if finding.fixed_in]
    if not fixes:
        return "no fix named"
    missing = len(affecting) - len(fixes)
    return f"fixed in {max(fixes, key=order)}" + (f", no fix named for {missing}" if missing else "")


def _listed(head: str, items: Iterable[str], tail: str) -> str:
    """`head`, as many items as a cell can hold, how many were left out, `tail`."""
    kept: list[str] = []
    everything = list(items)
    room = LONGEST - len(head) - len(tail) - len(", … and 99999 more")
    for item in everything:
        room -= len(item) + 2
        if room < 0:
            break
        kept.append(item)
    left = len(everything) - len(kept)
    more = [f"… and {left} more"] if left else []
    return head + ", ".join([*kept, *more]) + tail
