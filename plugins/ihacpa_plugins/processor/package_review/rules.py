"""Which rule of the recommendation held, by name, and what each of them means."""

from __future__ import annotations

from ihacpa_plugins.processor.package_review.recommend import RULES, UpdateRule
from ihacpa_plugins.processor.package_review.review import Review

MEANINGS = {
    "unreadable": "the name or the version cannot be read, or the index does not know the package",
    "malicious": "a record says that the installed release is malware",
    "affected": "a record affects the installed version",
    "unsure": "a selected source did not answer, or something cannot be decided",
    "gone": "the installed release was yanked, or is not on the index",
    "outdated": "there is a newer release, and the settings ask for an update",
    "unknown": "nothing was found, by advisories that are not complete",
    "proceed": "nothing of all that",
}
"""The rules, the first that holds first."""


def rule_of(review: Review, updates: UpdateRule) -> str:
    """The name of the rule that decided: a key of `MEANINGS`."""
    return next(rule.__name__.strip("_") for rule in RULES if rule(review, updates))
