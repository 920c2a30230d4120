"""The suppressions of a run: read when it begins, put to each review, told in the recommendation and at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

from ihacpa_core import Finding, Verdict
from ihacpa_plugins.processor.package_review.options import ReviewOptions
from ihacpa_plugins.processor.package_review.recommend import Recommendation
from ihacpa_plugins.processor.package_review.review import Review
from ihacpa_plugins.processor.package_review.suppress import Suppression, Suppressions

_SHOWN = 3
_LONGEST = 80
_LISTED = 20


class HeldBack:
    """Applies the suppressions of the settings, and remembers where they held.

    :param folder: where relative paths start from.
    """

    def __init__(self, options: ReviewOptions, folder: Path, today: Callable[[], date] = date.today) -> None:
        self._options = options
        self._folder = folder
        self._today = today
        self._suppressions = Suppressions((), today=date.max)
        self._hits: dict[str, list[str]] = {}

    def open(self, warn: Callable[[str], None]) -> None:
        """Read the OpenVEX documents; warn of what is over and does not hold any more.

        :raises UsageError: one of them cannot be read.
        """
        from ihacpa_plugins.processor.package_review.openvex import OpenVexFile

        today = self._today()
        files = [OpenVexFile(self._folder / Path(vex.file).expanduser(), vex.expires) for vex in self._options.vex]
        self._suppressions = Suppressions(self._options.suppress, files, today=today)
        for over in self._suppressions.expired:
            warn(f"the suppression of {over.label} expired on {over.expires} and does not hold: {over.reason}")
        for options, file in zip(self._options.vex, files, strict=True):
            if options.expires < today:
                warn(f"the OpenVEX document {file.name} was to be relied on until {options.expires}: it does not hold")
            if file.ignored:
                warn(f"{file.ignored} statements of {file.name} are about no package of Python, or give no reason")

    def applied(self, review: Review) -> Review:
        """`review` with its suppressed findings marked."""
        held = self._suppressions.of(review.entry, review.findings)
        if not held:
            return review
        marked = replace(review, suppressed=held)
        for finding, suppression in suppressed_of(marked):
            name = f"{finding.id} ({told(suppression)})"
            self._hits.setdefault(name, []).append(f"{review.entry.name} {review.entry.version}")
        return marked

    @property
    def notes(self) -> tuple[str, ...]:
        """Which suppressions held, a sentence each, for the end of the run."""
        listed = [f"suppressed: {name} in {_few(where)}" for name, where in sorted(self._hits.items())]
        more = len(listed) - _LISTED
        return (*listed[:_LISTED], *([f"{more} more findings are suppressed"] if more > 0 else ()))


def noted(advice: Recommendation, review: Review) -> Recommendation:
    """`advice`, which says at its end what it does not count."""
    held = [f"{finding.id} ({told(suppression)})" for finding, suppression in suppressed_of(review)]
    if not held:
        return advice
    joint = "; " if " - " in advice.text else " - "
    return replace(advice, text=f"{advice.text}{joint}{len(held)} suppressed: {_few(held)}")


def suppressed_of(review: Review) -> Iterator[tuple[Finding, Suppression]]:
    """The findings that hit the installed version, or may, and are suppressed."""
    for verdict in (Verdict.AFFECTED, Verdict.UNCERTAIN):
        for finding in review.with_verdict(verdict):
            if suppression := review.suppression(finding):
                yield finding, suppression


def told(suppression: Suppression) -> str:
    """``not reachable, until 2026-12-31``, and which document says so."""
    reason = suppression.reason if len(suppression.reason) <= _LONGEST else f"{suppression.reason[:_LONGEST]}…"
    by = "" if suppression.by == "settings" else f", says {suppression.by}"
    return f"{reason}{by}, until {suppression.expires.isoformat()}"


def _few(texts: Iterable[str]) -> str:
    listed = list(texts)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
