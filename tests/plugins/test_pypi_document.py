"""Documents of the index, in all their shapes, become the facts that the review needs."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ihacpa_plugins.source.pypi.document import DocumentError, read_document
from ihacpa_plugins.source.pypi.facts import PackageFacts, release_of


def file(day: str = "2024-01-02", *, yanked: bool = False, reason: str | None = None) -> dict[str, Any]:
    return {"upload_time_iso_8601": f"{day}T10:00:00.123456Z", "yanked": yanked, "yanked_reason": reason, "size": 5}


def facts(releases: dict[str, list[dict[str, Any]]], **info: Any) -> PackageFacts:
    document = {"info": {"name": "Sample", **info}, "releases": releases, "vulnerabilities": [{"id": "x"}]}
    return read_document(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("releases", "latest"),
    [
        ({"1.0": [file()], "1.10": [file()], "1.9": [file()]}, "1.10"),
        ({"1.0": [file()], "2.0rc1": [file()]}, "1.0"),
        ({"1.0a1": [file()], "1.0a2": [file()]}, "1.0a2"),
        ({"1.0": [file()], "2.0": []}, "1.0"),
        ({"1.0": [file()], "2.0": [file(yanked=True), file(yanked=True)]}, "1.0"),
        ({"1.0": [file()], "2.0": [file(yanked=True), file()]}, "2.0"),
        ({"1.0": [file()], "1!0.1": [file()]}, "1!0.1"),
        ({"1.0": [file()], "1.0.post1": [file()]}, "1.0.post1"),
        ({"2004d": [file("2004-05-01")], "2004x": [file("2004-02-01")]}, "2004d"),
        ({"9.9-beta-x": [file()], "0.1": [file()]}, "0.1"),
        ({"1.0": []}, ""),
        ({}, ""),
    ],
)
def test_latest(releases: dict[str, list[dict[str, Any]]], latest: str) -> None:
    """The latest is the newest final release that can be installed; a pre-release only where there is nothing else."""
    assert facts(releases).latest == latest


def test_a_release_is_dated_by_its_first_file() -> None:
    """The date is the UTC day of the earliest upload, whatever the order of the files."""
    late, early = file("2024-01-05"), {"upload_time_iso_8601": "2024-01-03T00:30:00+02:00"}

    release = release_of(facts({"1.0": [late, early]}), "1.0")

    assert release.installed_date == release.latest_date == date(2024, 1, 2)


@pytest.mark.parametrize("odd", [{}, {"upload_time_iso_8601": "soon"}, {"upload_time_iso_8601": None}])
def test_a_file_without_a_date(odd: dict[str, Any]) -> None:
    """A release whose files have no readable date exists without one."""
    release = release_of(facts({"1.0": [odd]}), "1.0")

    assert (release.installed_exists, release.installed_date) == (True, None)


@pytest.mark.parametrize(
    ("installed", "exists"),
    [("1.0", True), ("1.0.0", True), ("v1.0", True), ("1.0+local", False), ("1.1", False), ("NEW", False), ("", False),
     ("2004d", True), ("2.0", False)],
)  # fmt: skip
def test_the_installed_release_is_found_by_its_meaning(installed: str, exists: bool) -> None:
    """1.0 is 1.0.0; a text that PEP 440 cannot read is found as it stands; a release without files is gone."""
    release = release_of(facts({"1.0": [file()], "2004d": [file()], "2.0": []}), installed)

    assert release.installed_exists is exists


def test_yanked_releases_are_told_with_their_reason() -> None:
    """A release is yanked when all of its files are; it is no version to go to."""
    known = facts({"1.0": [file(yanked=True, reason="broken")], "1.1": [file(yanked=True), file()], "1.2": []})

    release = release_of(known, "1.0")

    assert (release.yanked, release.yanked_reason) == (True, "broken")
    assert release_of(known, "1.1").yanked is False
    assert release.versions == ("1.1",)


@pytest.mark.parametrize(
    ("info", "github"),
    [
        ({"project_urls": {"Source": "https://github.com/psf/requests"}}, "https://github.com/psf/requests"),
        ({"project_urls": {"Bug Tracker": "https://github.com/a/b/issues"}}, "https://github.com/a/b"),
        ({"project_urls": {"Funding": "https://github.com/sponsors/me", "x": None}}, ""),
        ({"project_urls": {"Docs": "https://github.com/a/docs", "Source Code": "http://www.github.com/a/code/tree/main"}},
         "https://github.com/a/code"),
        ({"home_page": "git+https://github.com/a/b.git"}, "https://github.com/a/b"),
        ({"home_page": "https://github.com/a/b", "project_urls": {"Changelog": "https://github.com/z/z"}},
         "https://github.com/a/b"),
        ({"home_page": "https://notgithub.com/a/b", "project_urls": {}}, ""),
        ({"home_page": "https://github.com/only-owner", "project_urls": None}, ""),
        ({"home_page": "https://a.github.io/b"}, ""),
    ],
)  # fmt: skip
def test_github(info: dict[str, Any], github: str) -> None:
    """The repository comes from the most promising link, as owner and name, whatever page of it is linked."""
    assert facts({}, **info).github == github


def test_words_about_the_package() -> None:
    """Status and required Python are taken from the document, and are empty where it has none."""
    classifiers = ["Programming Language :: Python", "Development Status :: 5 - Production/Stable"]

    full = facts({}, requires_python=">=3.8", classifiers=classifiers)
    bare = facts({}, requires_python="", classifiers=None)

    assert (full.requires, full.status) == ("Python >=3.8", "5 - Production/Stable")
    assert (bare.requires, bare.status) == ("", "")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"info": {}, "releases": [1]}', b'{"info": {}, "rel'])
def test_what_is_no_document_is_refused(body: bytes) -> None:
    """Anything but a document is an error with a text for a person, never facts."""
    with pytest.raises(DocumentError, match="the index's answer"):
        read_document(body)


_KEYS = st.sampled_from(["info", "releases", "name", "1.0", "yanked", "project_urls"])
_JSON = st.recursive(
    st.none() | st.text() | st.integers(), lambda inner: st.dictionaries(_KEYS, inner | st.lists(inner))
)


@given(st.binary() | _JSON.map(lambda value: json.dumps(value).encode()))
def test_nothing_but_facts_or_a_document_error(body: bytes) -> None:
    """Whatever the index sends, reading it ends with facts or with a DocumentError."""
    try:
        known = read_document(body)
    except DocumentError as error:
        assert str(error)
    else:
        assert isinstance(known, PackageFacts)
