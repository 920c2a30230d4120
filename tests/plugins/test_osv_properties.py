"""The matcher against a slow, plain reading of the rules, on wild records."""

from __future__ import annotations

from typing import Any

import msgspec
import slow_matcher
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ihacpa_plugins.source.osv.clean import clean_version
from ihacpa_plugins.source.osv.evaluate import advisory
from ihacpa_plugins.source.osv.group import findings

from ihacpa_core import Verdict

READABLE = st.sampled_from(
    ["0", "0.1", "1.0", "1.0.0", "1.0rc1", "1.0.dev2", "1.0.post1", "1.1", "1.1+local", "2.0", "2.0a1", "1!0.5", "v1.1"]
)
UNREADABLE = st.sampled_from(["2.6.0-NA", "trunk", "2004d"])
VERSIONS = st.one_of(READABLE, READABLE, READABLE, UNREADABLE)
CLOSERS = st.sampled_from(["fixed", "last_affected"])
quick = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def a_record(ranges: list[list[dict[str, str]]], versions: list[str] | None = None, **more: Any) -> dict[str, Any]:
    affected = {
        "package": {"ecosystem": "PyPI", "name": "thing"},
        "ranges": [{"type": "ECOSYSTEM", "events": item} for item in ranges],
        "versions": versions,
    }
    return {"id": "PYSEC-2024-1", "affected": [affected], **more}


@st.composite
def wild_events(draw: st.DrawFn, bounds: st.SearchStrategy[str] = READABLE) -> list[dict[str, str]]:
    """Events of any kind in any order, sense or not."""
    kinds = st.sampled_from(["introduced", "introduced", "fixed", "last_affected", "limit"])
    return draw(st.lists(st.builds(lambda kind, text: {kind: text}, kinds, bounds), max_size=6))


@st.composite
def sound_events(draw: st.DrawFn) -> list[dict[str, str]]:
    """Intervals that do not overlap, in any order but for one without an end, some of whose bounds cannot be read."""
    numbers = sorted(draw(st.sets(st.integers(0, 9), min_size=1, max_size=6)))
    bounds = [f"{number}.0" if number else "0" for number in numbers]
    spoilt = draw(st.sets(st.sampled_from(range(len(bounds))), max_size=2))
    texts = [f"{text}-NA" if place in spoilt else text for place, text in enumerate(bounds)]
    intervals = [texts[place : place + 2] for place in range(0, len(texts), 2)]
    endless = [intervals.pop()] if len(intervals[-1]) == 1 else []
    written = [
        [{"introduced": interval[0]}, *({draw(CLOSERS): text} for text in interval[1:])]
        for interval in [*draw(st.permutations(intervals)), *endless]
    ]
    return [event for interval in written for event in interval]


def compare(record: dict[str, Any], version: str) -> None:
    expected = slow_matcher.verdict(record, "thing", version)

    assert advisory(msgspec.json.encode(record), "thing").evaluate(version).verdict == expected


@quick
@given(ranges=st.lists(wild_events(), max_size=3), listed=st.lists(VERSIONS, max_size=3), version=READABLE)
def test_readable_records(ranges: list[list[dict[str, str]]], listed: list[str], version: str) -> None:
    """Whatever the events and lists, a version that can be read has the verdict of the schema's own pseudocode."""
    compare(a_record(ranges, listed), version)


@quick
@given(events=sound_events(), version=st.integers(0, 10).map(lambda number: f"{number}.5"))
def test_records_with_unreadable_bounds(events: list[dict[str, str]], version: str) -> None:
    """A verdict is certain just when every place that an unreadable bound could have gives the same answer.

    The version is none of the bounds: what an unreadable bound right at it would do is a matter of taste.
    """
    compare(a_record([events]), version)


@quick
@given(events=wild_events(), listed=st.lists(VERSIONS, max_size=3))
def test_unreadable_versions(events: list[dict[str, str]], listed: list[str]) -> None:
    """A version that cannot be read has a certain verdict just when every version has it, or its text is listed."""
    compare(a_record([events], listed), "trunk")


NAMES = st.sampled_from(["thing.one", "Thing_One", "THING--ONE", "thing-one", "thing", "other", "thing-one "])
JUNK = st.sampled_from(["langchain==1.0", "-class.-x-", " 1.0 ", "", "1.0+local.2", "v2.0", "2004d"])


@st.composite
def wild_records(draw: st.DrawFn) -> dict[str, Any]:
    """Records with all the odd shapes that real ones have: see the slow matcher for what they mean."""
    ranges = st.builds(
        lambda kind, events: {"type": kind, "events": events},
        st.sampled_from(["ECOSYSTEM", "ECOSYSTEM", "SEMVER", "GIT"]),
        st.one_of(wild_events(), st.just([])),
    )
    entry = st.fixed_dictionaries(
        {
            "package": st.builds(
                lambda name, ecosystem: {"name": name, "ecosystem": ecosystem},
                NAMES.map(str.strip),
                st.sampled_from(["PyPI", "PyPI", "PyPI", "npm"]),
            )
        },
        optional={
            "ranges": st.one_of(st.none(), st.lists(ranges, max_size=3)),
            "versions": st.one_of(st.none(), st.lists(st.one_of(VERSIONS, JUNK.map(str.strip)), max_size=4)),
        },
    )
    return {
        "id": "PYSEC-2024-1",
        "affected": draw(st.lists(entry, max_size=4)),
        **draw(st.sampled_from([{}, {}, {}, {"withdrawn": "2024-05-01T00:00:00Z"}, {"withdrawn": None}])),
    }


@settings(quick, max_examples=400)
@given(record=wild_records(), version=st.one_of(READABLE, st.sampled_from(["2.0+cu118", "1.0.0.0", "v1.0", "0"])))
def test_whole_records(record: dict[str, Any], version: str) -> None:
    """Respelled names, other ecosystems, commits, junk in lists, withdrawn and empty records have the plain verdict."""
    expected = slow_matcher.verdict(record, "thing-one", version)

    found = advisory(msgspec.json.encode(record), "thing-one")

    assert (found.evaluate(version).verdict if found.live else "not_affected") == expected


@quick
@given(
    records=st.lists(
        st.builds(
            lambda number, events, aliases: a_record([events], aliases=aliases) | {"id": f"PYSEC-2024-{number}"},
            st.integers(1, 6),
            wild_events(),
            st.lists(st.sampled_from(["CVE-2024-1", "CVE-2024-2", "GHSA-a", "GHSA-b", "MAL-2024-7"]), max_size=2),
        ),
        max_size=6,
        unique_by=lambda record: record["id"],
    ),
    version=READABLE,
)
def test_groups(records: list[dict[str, Any]], version: str) -> None:
    """Each id is in one finding, findings share none, and the verdict is the strongest of the records in it."""
    advisories = [advisory(msgspec.json.encode(record), "thing") for record in records]

    found = findings(advisories, version)

    names = [name for finding in found for name in finding.ids]
    assert len(names) == len(set(names))
    assert set(names) == {name for record in records for name in [record["id"], *record["aliases"]]}
    for finding in found:
        verdicts = {slow_matcher.verdict(item, "thing", version) for item in records if item["id"] in finding.ids}
        assert finding.verdict == ("affected" if "affected" in verdicts else "not_affected")


@quick
@given(
    records=st.lists(wild_events(), max_size=4),
    version=READABLE,
    candidates=st.lists(READABLE, max_size=8),
)
def test_clean_version(records: list[list[dict[str, str]]], version: str, candidates: list[str]) -> None:
    """The version to update to is above the installed one and hit by no record; there is one if there could be."""
    sources = [a_record([events]) | {"id": f"PYSEC-2024-{number}"} for number, events in enumerate(records)]
    advisories = [advisory(msgspec.json.encode(source), "thing") for source in sources]

    clean = clean_version(advisories, version, candidates)

    pool = candidates or [
        text for events in records for event in events for kind, text in event.items() if kind == "fixed"
    ]
    installed = slow_matcher.read(version)
    good = {
        parsed
        for text in pool
        if (parsed := slow_matcher.read(text)) and installed and parsed > installed
        if all(slow_matcher.verdict(source, "thing", text) == Verdict.NOT_AFFECTED for source in sources)
    }
    assert (clean.sure and slow_matcher.read(clean.version) in good) if clean is not None else not good


@quick
@given(
    events=sound_events(),
    candidates=st.lists(st.integers(0, 10).map(lambda number: f"{number}.5"), min_size=1, max_size=6),
)
def test_clean_version_in_doubt(events: list[dict[str, str]], candidates: list[str]) -> None:
    """What all records are sure of comes before what one is uncertain about, which is told as such."""
    record = a_record([events])

    clean = clean_version([advisory(msgspec.json.encode(record), "thing")], "0.1", candidates)

    verdicts = {text: slow_matcher.verdict(record, "thing", text) for text in candidates}
    sure = {text for text, verdict in verdicts.items() if verdict == Verdict.NOT_AFFECTED}
    possible = sure or {text for text, verdict in verdicts.items() if verdict == Verdict.UNCERTAIN}
    if clean is None:
        assert not possible
    else:
        assert clean.version in possible
        assert clean.sure is bool(sure)
