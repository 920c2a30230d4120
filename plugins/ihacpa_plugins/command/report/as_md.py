"""A report as Markdown, for people: what to act on first, then what nobody could tell, then the rest as numbers."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ihacpa_plugins.command.plain import counted, one_line
from ihacpa_plugins.command.report.links import source_of
from ihacpa_plugins.command.reviewed import FindingFacts, ReviewedRun, Row

ORDER = ("SECURITY RISK", "MANUAL REVIEW", "UPDATE", "PROCEED")
_SPECIAL = re.compile(r"([\\`*_\[\]|~])")


def render(review: ReviewedRun) -> str:
    """The whole document."""
    blocks = [
        _head(review),
        _numbers(review),
        _section("Security risks", ("Row", "Package", "Findings", "What to do"), map(_risk, _of(review, ORDER[0]))),
        _section("For a person to look at", ("Row", "Package", "Why"), map(_unsure, _of(review, ORDER[1]))),
        _section("Updates", ("Row", "Package", "Which"), map(_told, _of(review, ORDER[2]))),
        _section("Failed", ("Row", "Package", "Why"), map(_told, _others(review))),
        _section("Suppressed", ("Row", "Package", "Finding", "Reason", "Until"), _suppressed(review)),
        _section("Not checked", ("What", "Rows"), _unchecked(review)),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def escaped(text: str) -> str:
    """`text` on one line, and nothing in it that Markdown or HTML would take for more."""
    return html.escape(_SPECIAL.sub(r"\\\1", one_line(text)), quote=False)


def _head(review: ReviewedRun) -> str:
    run = review.run
    lines = [
        f"# Review of {escaped(run.workbook.name)}",
        "",
        f"- sheet: {escaped(run.sheet)}",
        f"- run: {run.run_id}, begun {run.started:%Y-%m-%d %H:%M} UTC",
        f"- packages: {len(review.rows)} of {run.records}" + ("" if run.finished else "; **the run is not finished**"),
    ]
    if not run.whole:
        lines.append("- **only some rows of the sheet were reviewed**")
    for name, days in review.data.items():
        if days:
            lines.append(f"- data of {escaped(name)}: {' to '.join(dict.fromkeys((days[0], days[-1])))}")
    return "\n".join(lines)


def _numbers(review: ReviewedRun) -> str:
    counts = Counter(row.advice.code for row in review.rows)
    known = [code for code in ORDER if counts[code]]
    rows = [(code, str(counts[code])) for code in (*known, *sorted(counts.keys() - set(ORDER)))]
    return _table(("Recommendation", "Packages"), rows)


def _of(review: ReviewedRun, code: str) -> list[Row]:
    """The rows with this recommendation, the worst first."""
    rows = [row for row in review.rows if row.advice.code == code]
    return sorted(rows, key=lambda row: (-row.outcome.level, row.outcome.row))


def _others(review: ReviewedRun) -> list[Row]:
    return [row for row in review.rows if row.facts is None]


def _risk(row: Row) -> Sequence[str]:
    return (str(row.outcome.row), _package(row), "<br>".join(_findings(row)), _reasons(row))


def _unsure(row: Row) -> Sequence[str]:
    return (str(row.outcome.row), _package(row), "<br>".join([_reasons(row), *_findings(row)]))


def _told(row: Row) -> Sequence[str]:
    return (str(row.outcome.row), _package(row), _reasons(row))


def _reasons(row: Row) -> str:
    """The recommendation without its code, which stands in the heading."""
    return escaped(row.advice.text.removeprefix(f"{row.advice.code} - "))


def _suppressed(review: ReviewedRun) -> Iterator[Sequence[str]]:
    for row in review.rows:
        for finding in row.hits:
            held = finding.suppressed
            if held is not None:
                by = "" if held.by == "settings" else f" ({held.by})"
                where = (str(row.outcome.row), _package(row), _finding(finding))
                yield (*where, escaped(f"{held.reason}{by}"), escaped(held.expires))


def _unchecked(review: ReviewedRun) -> Iterator[Sequence[str]]:
    counts = Counter(what for row in review.rows for what in row.unchecked)
    for what, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        yield escaped(what), str(count)


def _package(row: Row) -> str:
    return escaped(f"{row.name} {row.version}".strip())


def _finding(finding: FindingFacts) -> str:
    _, page = source_of(finding.id)
    doubt = [] if finding.affects else [f"uncertain: {finding.why}"]
    fixed = [f"fixed in {finding.fixed_in[0]}"] if finding.fixed_in else []
    remarks = [str(finding.severity), *doubt, *finding.remarks, *fixed]
    return f"[{escaped(finding.id)}]({page}) {escaped('; '.join(remarks))}"


def _findings(row: Row) -> list[str]:
    """The findings that count."""
    return [_finding(finding) for finding in row.hits if finding.suppressed is None]


def _section(title: str, headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A heading and a table; nothing if there are no rows."""
    listed = list(rows)
    return f"## {title} ({counted(len(listed), 'line')})\n\n{_table(headers, listed)}" if listed else ""


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
