"""The odd shapes that real advisory records have, one by one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from ihacpa_plugins.source.osv.evaluate import Evaluation, advisory

from ihacpa_core import Verdict

YES, NO, UNSURE = Verdict.AFFECTED, Verdict.NOT_AFFECTED, Verdict.UNCERTAIN


def events(*texts: str) -> list[dict[str, str]]:
    """Events from words: ``"introduced 0"``."""
    return [dict([text.split(" ", 1)]) for text in texts]


def ask(version: str, *ranges: list[dict[str, str]], package: str = "thing", **more: Any) -> Evaluation:
    """Evaluate a record of the package "thing" with these ranges."""
    record = {"id": "PYSEC-2024-1", **more.pop("record", {})}
    affected = {"package": {"ecosystem": "PyPI", "name": more.pop("name", "thing")}, **more}
    affected.setdefault("ranges", [{"type": "ECOSYSTEM", "events": item} for item in ranges])
    record.setdefault("affected", [affected])
    return advisory(msgspec.json.encode(record), package).evaluate(version)


PAIRS = events("introduced 5.0", "fixed 5.0.8", "introduced 4.2", "fixed 4.2.15")


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("4.1", NO), ("4.2", YES), ("4.2.14", YES), ("4.2.15", NO), ("5.0", YES), ("5.0.8", NO), ("5.1", NO)],
)
def test_events_in_any_order_are_sorted(version: str, verdict: Verdict) -> None:
    """Intervals that are written newest first are evaluated like sorted ones."""
    assert ask(version, PAIRS).verdict is verdict


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("1.9", YES), ("2.0.0", YES), ("2.11.1", YES), ("2.11.2", NO)],
)
def test_fixed_and_introduced_at_one_version_keep_their_order(version: str, verdict: Verdict) -> None:
    """Intervals that touch hold the version where they touch."""
    touching = events("introduced 0", "fixed 2.0.0", "introduced 2.0.0", "fixed 2.11.2")

    assert ask(version, touching).verdict is verdict


@pytest.mark.parametrize(("version", "verdict"), [("1.0", YES), ("1.0.0", YES), ("1.0.post1", NO), ("0.9rc1", YES)])
def test_last_affected_is_the_last(version: str, verdict: Verdict) -> None:
    """The version that last_affected names is affected, and what follows it is not."""
    assert ask(version, events("introduced 0", "last_affected 1.0")).verdict is verdict


def test_several_last_affected_in_one_range_end_at_the_lowest() -> None:
    """Of several last_affected after one introduced the lowest ends the interval."""
    several = events("introduced 0", "last_affected 2.9.0rc1", "last_affected 2.9.0b1", "last_affected 2.9.0rc3")

    assert ask("2.9.0b1", several).verdict is YES
    assert ask("2.9.0b2", several).verdict is NO


@pytest.mark.parametrize(("version", "verdict"), [("0.dev0", YES), ("0a1", YES), ("0!0.0.1.dev3", YES)])
def test_introduced_zero_lies_before_every_version(version: str, verdict: Verdict) -> None:
    """A pre-release of version 0 is after "0", which is no version."""
    assert ask(version, events("introduced 0", "fixed 1.0")).verdict is verdict


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("1.9", YES), ("2.0", NO), ("3.0", NO)],
)
def test_limit_ends_what_nothing_fixed(version: str, verdict: Verdict) -> None:
    """A version at the highest limit or above it is outside the range."""
    assert ask(version, events("introduced 0", "limit 1.5", "limit 2.0")).verdict is verdict
    assert ask(version, events("introduced 0", "limit *")).verdict is YES


def test_any_range_is_enough() -> None:
    """A version in one of several ranges is affected."""
    ranges = events("introduced 0", "fixed 1.0"), events("introduced 2.0", "fixed 3.0")

    assert [ask(version, *ranges).verdict for version in ("0.5", "1.5", "2.5")] == [YES, NO, YES]


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        ("1.10", YES),
        ("1.10.0", YES),
        ("v1.10", YES),
        ("1!1.10", NO),
        ("1.1", NO),
        ("2004d", YES),
        ("2004e", NO),
        ("1.10+local", NO),
    ],
)
def test_lists_are_compared_by_text_and_by_version(version: str, verdict: Verdict) -> None:
    """A listed version is the same release however it is spelt, and one that PEP 440 cannot read is itself."""
    listed = ["1.10", "2004d", "langchain-openai==0.1.25", "-class.-jw.util.version.Version-"]

    assert ask(version, ranges=None, versions=listed).verdict is verdict


def test_a_version_outside_the_ranges_may_still_be_listed() -> None:
    """Lists and ranges add up: either is enough."""
    found = ask("2.0rc1", events("introduced 2.0", "fixed 2.5"), versions=["2.0rc1", "2.0"])

    assert found == Evaluation(YES, "listed: 2.0rc1", ("2.5",))


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("1!0.5", YES), ("1!1.0", NO), ("2.0", YES), ("99", YES)],
)
def test_epochs_outrank_releases(version: str, verdict: Verdict) -> None:
    """A version of a later epoch is above every version of an earlier one."""
    assert ask(version, events("introduced 1.0", "fixed 1!1.0")).verdict is verdict


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("2.0.dev1", YES), ("2.0a1", YES), ("2.0rc1", NO), ("2.0rc1.post1", NO), ("2.0", NO)],
)
def test_pre_release_bounds(version: str, verdict: Verdict) -> None:
    """A fix in a pre-release holds from that pre-release on."""
    assert ask(version, events("introduced 1.0", "fixed 2.0rc1")).verdict is verdict


@pytest.mark.parametrize(("version", "verdict"), [("2.0+cu118", NO), ("1.9+cu118", YES), ("2.0.post1", NO)])
def test_local_and_post_versions_lie_after_their_release(version: str, verdict: Verdict) -> None:
    """A local or post version of the fixed release has the fix."""
    assert ask(version, events("introduced 0", "fixed 2.0")).verdict is verdict


def test_commit_ranges_say_nothing_by_themselves() -> None:
    """A record that has commits alone affects no version, and one with a list affects the listed ones."""
    git = {"type": "GIT", "repo": "https://example.org/x", "events": events("introduced 0", "fixed 1d0502f")}

    assert ask("1.0", ranges=[git]).verdict is NO
    assert ask("1.0", ranges=[git], versions=["1.0"]).verdict is YES


@pytest.mark.parametrize("empty", [{}, {"versions": None, "ranges": None}, {"versions": [], "ranges": []}])
def test_a_record_that_names_no_version_affects_none(empty: dict[str, Any]) -> None:
    """Neither a list nor a range matches nothing."""
    assert ask("1.0", **{"ranges": [], **empty}) == Evaluation(NO, "names no version")


@pytest.mark.parametrize("name", ["Zope_Interface", "zope.interface", "zope--interface", "ZOPE-interface"])
def test_names_are_compared_in_canonical_form(name: str) -> None:
    """A record finds its package however either is spelt."""
    assert ask("1.0", events("introduced 0"), name=name, package="zope-interface").verdict is YES


def test_other_packages_and_ecosystems_do_not_count() -> None:
    """A record's ranges for another package, or for a package of another ecosystem, say nothing."""
    elsewhere = {"package": {"ecosystem": "npm", "name": "thing"}, "ranges": [{"events": events("introduced 0")}]}
    other = {"package": {"ecosystem": "PyPI", "name": "other"}, "ranges": [{"events": events("introduced 0")}]}
    mine = {"package": {"ecosystem": "PyPI", "name": "thing"}, "versions": ["1.0"]}

    record = {"affected": [None, elsewhere, other, mine]}

    assert ask("1.0", record=record).verdict is YES
    assert ask("2.0", record=record).verdict is NO


# --- what cannot be read ----------------------------------------------------------------------------------------------


def test_a_bound_that_cannot_be_read_is_uncertain() -> None:
    """Where the bound decides, nobody can tell, and the reason names it."""
    found = ask("2.3.0", events("introduced 0", "last_affected 2.6.0-NA"))

    assert found == Evaluation(UNSURE, "bound unreadable: 2.6.0-NA")


@pytest.mark.parametrize(
    ("written", "version", "verdict"),
    [
        # a version that was not introduced into is not affected, wherever the flaw ends
        (("introduced 2.0", "fixed 2.6.0-NA"), "1.0", NO),
        # whatever the unreadable end is, a readable one came before
        (("introduced 0", "last_affected 2.9.0-NA", "last_affected 2.9.0rc3"), "2.9.0", NO),
        (("introduced 0", "fixed 4.6.0.stable11", "introduced 4.6.1.dev0", "fixed 4.6.1.dev138"), "4.6.1", NO),
        # another interval holds the version
        (("introduced 0", "fixed 4.6.0.stable11", "introduced 4.6.1.dev0", "fixed 4.6.1.dev138"), "4.6.1.dev5", YES),
        (("introduced 0", "fixed 1.0", "introduced 2.0", "fixed 2.6.0-NA"), "0.5", YES),
        (("introduced 2.0", "fixed 2.6.0-NA", "introduced 0", "fixed 1.0"), "0.5", YES),
        (("introduced 0", "fixed 2.6.0-NA", "introduced 5.0"), "6.0", YES),
        # the unreadable beginning cannot take away what the readable one gave
        (("introduced 0", "introduced 1.0-NA"), "3.0", YES),
        (("introduced 1.0-NA", "fixed 2.0"), "2.0", NO),
        # here it decides
        (("introduced 1.0-NA", "fixed 2.0"), "1.5", UNSURE),
        (("introduced 0", "fixed 7.2.0-12.1", "introduced 8.0.0", "fixed 8.3.0-11.1"), "8.1.0", UNSURE),
        (("introduced 0", "fixed 1.0", "introduced 2.0", "fixed 2.6.0-NA"), "2.1", UNSURE),
    ],
)
def test_uncertain_only_where_the_rules_give_no_answer(
    written: tuple[str, ...], version: str, verdict: Verdict
) -> None:
    """A bound that cannot be read makes a version uncertain only if another place for it would change the answer."""
    assert ask(version, events(*written)).verdict is verdict


def test_a_listed_version_is_affected_whatever_the_bounds_are() -> None:
    """A list answers where the range cannot."""
    found = ask("2.3.0", events("introduced 0", "last_affected 2.6.0-NA"), versions=["2.3"])

    assert found == Evaluation(YES, "listed: 2.3.0")


def test_a_readable_range_beats_an_unreadable_one() -> None:
    """Of two ranges the one that can be read and holds the version decides."""
    ranges = events("introduced 0", "fixed 2.6.0-NA"), events("introduced 0", "fixed 2.5")

    assert ask("2.3.0", *ranges) == Evaluation(YES, "range [0, 2.5)", ("2.5",))


def test_a_limit_that_cannot_be_read_is_uncertain_inside_the_range_alone() -> None:
    """An unreadable limit leaves a version outside every interval unaffected."""
    limited = events("introduced 1.0", "fixed 2.0", "limit trunk")

    assert [ask(version, limited).verdict for version in ("0.5", "1.5", "2.5")] == [NO, UNSURE, NO]


@pytest.mark.parametrize("version", ["NEW", "23.0.", "", "2004d", "trunk"])
def test_a_version_that_cannot_be_read(version: str) -> None:
    """It is uncertain in a range with bounds, affected if every version is, and not affected by what lists others."""
    bounded = events("introduced 0", "fixed 2.0")

    assert ask(version, bounded) == Evaluation(UNSURE, f"version unreadable: {version}")
    assert ask(version, events("introduced 0")).verdict is YES
    assert ask(version, events("fixed 2.0")).verdict is NO
    assert ask(version, ranges=[], versions=["1.0", "23.0"]).verdict is NO


def test_a_record_of_unknown_shape_is_uncertain_not_silent() -> None:
    """A field that is evaluated and has a shape that the schema does not know makes the record uncertain."""
    found = ask("1.0", record={"affected": [{"package": {"ecosystem": "PyPI", "name": "thing"}, "versions": [1.1]}]})

    assert found == Evaluation(UNSURE, "record unreadable: PYSEC-2024-1")


# --- reasons and fixes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "why", "fixed_in"),
    [
        ("4.2.1", "range [4.2, 4.2.15)", ("4.2.15",)),
        ("5.0", "range [5.0, 5.0.8)", ("5.0.8",)),
        ("5.1", "outside [4.2, 4.2.15), [5.0, 5.0.8)", ()),
    ],
)
def test_the_reason_names_the_interval(version: str, why: str, fixed_in: tuple[str, ...]) -> None:
    """The reason is the interval that holds the version, and the fix is the one that ends it."""
    found = ask(version, PAIRS)

    assert (found.why, found.fixed_in) == (why, fixed_in)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (("introduced 0",), "range [0, *)"),
        (("introduced 1.0", "last_affected 2.0"), "range [1.0, 2.0]"),
        (("introduced 1.0", "limit 3.0"), "range [1.0, 3.0)"),
    ],
)
def test_an_interval_without_a_fix_names_none(written: tuple[str, ...], why: str) -> None:
    """Where no fix is known there is none to name, and the reason shows how the interval ends."""
    assert ask("1.5", events(*written)) == Evaluation(YES, why)
