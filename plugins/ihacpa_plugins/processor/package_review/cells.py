"""Turns a review into the cells of its row, by field."""

from __future__ import annotations

from ihacpa_core import AnswerState, Cell, CellStyle, Release
from ihacpa_plugins.processor.package_review import links
from ihacpa_plugins.processor.package_review.answers import NOT_CONFIGURED, VIEWS, result_text, style_of
from ihacpa_plugins.processor.package_review.recommend import Recommendation
from ihacpa_plugins.processor.package_review.review import Review
from ihacpa_plugins.processor.package_review.versions import is_newer

Cells = dict[str, Cell]

NOT_AVAILABLE = Cell("Not Available", CellStyle.BAD)
_SAYS_NOTHING = Cell("n/a", CellStyle.INFO)
_INDEX_FIELDS = (
    "pypi_link", "date_published", "latest_version", "latest_link", "latest_date", "requires", "status", "github",
)  # fmt: skip


def row_cells(review: Review, recommendation: Recommendation) -> Cells:
    """Every cell that the review fills; a field that is not in it stays as it is."""
    answered = {"recommendation": Cell(recommendation.text, recommendation.style)}
    if review.entry.problem:
        unread = _not_checked(review.entry.problem)
        return {**dict.fromkeys((*_INDEX_FIELDS, *VIEWS), unread), **answered}
    return {**_index_cells(review), **_link_cells(review), **_result_cells(review), **answered}


def _result_cells(review: Review) -> Cells:
    texts = {field: result_text(field, review) for field in VIEWS}
    return {field: Cell(text, style_of(text)) for field, text in texts.items()}


def _link_cells(review: Review) -> Cells:
    name = review.entry.canonical
    repository = review.release.github if review.release is not None else ""
    style = CellStyle.ACCENT if repository else CellStyle.INFO
    return {
        "github_advisory_link": _link(links.github_advisories(name, repository), style),
        "nvd_link": _link(links.nvd(name)),
        "mitre_link": _link(links.mitre(name)),
        "snyk_link": _link(links.snyk(name)),
        "exploitdb_link": _link(links.exploitdb(name)),
    }


def _index_cells(review: Review) -> Cells:
    if review.release is not None:
        return {**_installed_cells(review, review.release), **_latest_cells(review, review.release)}
    if review.unknown_to_index:
        return dict.fromkeys(_INDEX_FIELDS, NOT_AVAILABLE)
    if review.index is None or review.index.state is AnswerState.NOT_CONFIGURED:
        return dict.fromkeys(_INDEX_FIELDS, Cell(NOT_CONFIGURED, style_of(NOT_CONFIGURED)))
    return dict.fromkeys(_INDEX_FIELDS, _not_checked(f"{review.index.source}: {review.index.note or 'no answer'}"))


def _installed_cells(review: Review, release: Release) -> Cells:
    if review.version_problem:
        unread = _not_checked(review.version_problem)
        return {"pypi_link": unread, "date_published": unread}
    page = links.project(review.entry.canonical, review.entry.version)
    there, day = release.installed_exists, release.installed_date
    return {
        "pypi_link": _link(page) if there else NOT_AVAILABLE,
        "date_published": Cell(day, CellStyle.INFO) if there and day else NOT_AVAILABLE,
    }


def _latest_cells(review: Review, release: Release) -> Cells:
    newer = is_newer(release.latest, review.entry.version)
    style = CellStyle.WARN if newer else CellStyle.INFO
    page = links.project(review.entry.canonical, release.latest)
    return {
        "latest_version": Cell(release.latest, style) if release.latest else NOT_AVAILABLE,
        "latest_link": _link(page, style) if release.latest else NOT_AVAILABLE,
        "latest_date": Cell(release.latest_date, style) if release.latest_date else NOT_AVAILABLE,
        "requires": Cell(release.requires, CellStyle.INFO) if release.requires else _SAYS_NOTHING,
        "status": Cell(release.status, CellStyle.INFO) if release.status else _SAYS_NOTHING,
        "github": _link(release.github, CellStyle.ACCENT) if release.github else _SAYS_NOTHING,
    }


def _link(address: str, style: CellStyle = CellStyle.INFO) -> Cell:
    return Cell(address, style, link=address)


def _not_checked(reason: str) -> Cell:
    text = f"NOT CHECKED - {reason}"
    return Cell(text, style_of(text))
