"""CISA's catalogue of known exploited vulnerabilities, as JSON.

https://www.cisa.gov/known-exploited-vulnerabilities-catalog, licence CC0-1.0.
"""

from __future__ import annotations

import msgspec

from ihacpa_plugins.advisory_data.feeds import Content, Feed, cve, day


class _Entry(msgspec.Struct):
    cveID: object = None  # noqa: N815 - the format's own name
    dateAdded: object = None  # noqa: N815


class _Catalogue(msgspec.Struct):
    vulnerabilities: list[_Entry]
    dateReleased: object = None  # noqa: N815
    count: int | None = None


def read(text: str) -> Content:
    """The CVEs of a catalogue and the days on which they were added.

    :raises ValueError: it is no catalogue, or holds fewer entries than it says.
    """
    try:
        catalogue = msgspec.json.decode(text, type=_Catalogue)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error
    found = catalogue.vulnerabilities
    if catalogue.count is not None and catalogue.count != len(found):
        raise ValueError(f"it says that it has {catalogue.count} entries, and has {len(found)}")
    content = Content(day=day(catalogue.dateReleased))
    for number, entry in enumerate(found, start=1):
        try:
            content.rows.append((cve(entry.cveID), str(entry.dateAdded or "")))
        except ValueError as error:
            content.unreadable.append(f"entry {number}: {error}")
    return content


FEED = Feed(name="kev", family="KEV", read=read)
