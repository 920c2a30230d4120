"""CVSS vectors to scores: the examples that FIRST publishes with their scores."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ihacpa_plugins.source.osv.records import Score
from ihacpa_plugins.source.osv.severity import rate

from ihacpa_core import Level

TWO = "CVSS_V2"  # https://www.first.org/cvss/v2/guide, 3.3
THREE = "CVSS_V3"  # https://www.first.org/cvss/v3.1/examples
FOUR = "CVSS_V4"  # https://www.first.org/cvss/v4.0/examples


@pytest.mark.parametrize(
    ("kind", "vector", "score", "level"),
    [
        (TWO, "AV:N/AC:L/Au:N/C:N/I:N/A:C", 7.8, Level.HIGH),  # CVE-2002-0392
        (TWO, "AV:N/AC:L/Au:N/C:C/I:C/A:C", 10.0, Level.HIGH),  # CVE-2003-0818: version 2 knows no CRITICAL
        (TWO, "AV:L/AC:H/Au:N/C:C/I:C/A:C", 6.2, Level.MEDIUM),  # CVE-2003-0062
        (THREE, "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1, Level.MEDIUM),  # CVE-2013-1937
        (THREE, "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4, Level.MEDIUM),  # CVE-2013-0375
        (THREE, "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1, Level.LOW),  # CVE-2014-3566
        (THREE, "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 9.9, Level.CRITICAL),  # CVE-2012-1516
        (THREE, "CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L", 4.2, Level.MEDIUM),  # CVE-2009-0783
        (THREE, "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 8.8, Level.HIGH),  # CVE-2012-0384
        (THREE, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5, Level.HIGH),  # CVE-2014-0160
        (THREE, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8, Level.CRITICAL),  # CVE-2014-6271
        (THREE, "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:C/C:N/I:H/A:N", 6.8, Level.MEDIUM),  # CVE-2008-1447
        (THREE, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:L/I:N/A:N", 5.8, Level.MEDIUM),  # CVE-2010-0467
        (THREE, "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0, Level.NONE),
        (FOUR, "CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 7.3, Level.HIGH),  # CVE-2022-41741
        (FOUR, "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 7.7, Level.HIGH),  # CVE-2020-3549
        (FOUR, "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:L/VA:L/SC:N/SI:N/SA:N", 8.3, Level.HIGH),  # CVE-2023-3089
        (FOUR, "CVSS:4.0/AV:L/AC:L/AT:N/PR:N/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N", 4.6, Level.MEDIUM),  # CVE-2021-44714
        (FOUR, "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:A/VC:N/VI:N/VA:N/SC:L/SI:L/SA:N", 5.1, Level.MEDIUM),  # CVE-2022-21830
        (FOUR, "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:L/SI:L/SA:N", 6.9, Level.MEDIUM),  # CVE-2022-22186
        (FOUR, "CVSS:4.0/AV:L/AC:L/AT:N/PR:H/UI:N/VC:N/VI:N/VA:N/SC:H/SI:N/SA:N", 5.9, Level.MEDIUM),  # CVE-2023-21989
        (
            FOUR,
            "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H",
            10.0,
            Level.CRITICAL,
        ),  # CVE-2021-44228
    ],
)
def test_published_scores(kind: str, vector: str, score: float, level: Level) -> None:
    """A vector has the score that FIRST publishes for it, and the rating that belongs to it."""
    found = rate(Score(type=kind, score=vector))

    assert found is not None
    assert (found.score, found.level, found.vector) == (score, level, vector)


@given(st.sampled_from([TWO, THREE, FOUR, "Ubuntu", ""]), st.text("CVSS:3140/AVNLPRUIHCASE.()x", max_size=60))
def test_what_is_no_vector_is_no_rating(kind: str, text: str) -> None:
    """Whatever stands where a vector should, it is scored within the range or not rated at all."""
    found = rate(Score(type=kind, score=text))

    assert found is None or (found.score is not None and 0.0 <= found.score <= 10.0)
