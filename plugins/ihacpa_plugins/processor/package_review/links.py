"""Addresses of the pages where a person looks a package up."""

from __future__ import annotations

from urllib.parse import quote, urlencode


def project(name: str, version: str = "") -> str:
    """The package's page at the public index, or that of one of its releases."""
    page = f"https://pypi.org/project/{_path(name)}/"
    return f"{page}{_path(version)}/" if version else page


def github_advisories(name: str, repository: str) -> str:
    """The advisories of the repository; without one, GitHub's advisories on the package."""
    if repository:
        return f"{repository}/security/advisories"
    return _search("https://github.com/advisories", f"type:reviewed ecosystem:pip {name}")


def nvd(name: str) -> str:
    """NIST's National Vulnerability Database."""
    return _search("https://nvd.nist.gov/vuln/search/results", name)


def mitre(name: str) -> str:
    """The CVE Program's list."""
    return _search("https://www.cve.org/CVERecord/SearchResults", name)


def snyk(name: str) -> str:
    """Snyk's page of the package."""
    return f"https://security.snyk.io/package/pip/{_path(name)}"


def exploitdb(name: str) -> str:
    """Exploit-DB's search."""
    return _search("https://www.exploit-db.com/search", name, key="q")


def _path(text: str) -> str:
    return quote(text, safe="")


def _search(page: str, words: str, *, key: str = "query") -> str:
    return f"{page}?{urlencode({key: words})}"
