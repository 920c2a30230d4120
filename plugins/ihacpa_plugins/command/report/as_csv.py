"""A report as CSV: a line a row. A spreadsheet opens it without ever taking a text for a formula."""

from __future__ import annotations

import csv
import io

from ihacpa_plugins.command.reviewed import ReviewedRun, Row, worst

HEADERS = (
    "row", "package", "installed", "code", "recommendation", "worst", "findings", "ids", "fixed in", "update to",
    "known exploited", "highest EPSS", "exploits", "uncertain", "suppressed", "not checked", "published", "latest",
    "latest published", "github",
)  # fmt: skip
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")


def render(review: ReviewedRun) -> str:
    """The header and a line a row; lists are separated by spaces or semicolons."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(HEADERS)
    writer.writerows([harmless(str(value)) for value in _line(row)] for row in review.rows)
    return file.getvalue()


def harmless(text: str) -> str:
    """`text` as a spreadsheet takes it for text: https://owasp.org/www-community/attacks/CSV_Injection"""
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def _line(row: Row) -> tuple[object, ...]:
    facts = row.facts
    affecting = facts.affecting if facts is not None else []
    unsure = [finding.id for finding in row.hits if not finding.affects and finding.suppressed is None]
    held = [f"{f.id} until {f.suppressed.expires}: {f.suppressed.reason}" for f in row.hits if f.suppressed is not None]
    chances = [finding.epss for finding in affecting if finding.epss is not None]
    release = facts.release if facts is not None else None
    return (
        row.outcome.row,
        row.name,
        row.version,
        row.advice.code,
        row.advice.text,
        worst(affecting),
        len(affecting) if facts is not None else "",
        " ".join(finding.id for finding in affecting),
        " ".join(dict.fromkeys(fix for finding in affecting for fix in finding.fixed_in[:1])),
        (facts.clean_version or "") if facts is not None else "",
        " ".join(finding.id for finding in affecting if finding.known_exploited),
        f"{max(chances):.5f}" if chances else "",
        " ".join(dict.fromkeys(exploit for finding in affecting for exploit in finding.exploits)),
        " ".join(unsure),
        "; ".join(held),
        "; ".join(row.unchecked),
        (release.installed_date or "") if release else "",
        release.latest if release else "",
        (release.latest_date or "") if release else "",
        release.github if release else "",
    )
