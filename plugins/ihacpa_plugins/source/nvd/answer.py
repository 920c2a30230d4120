"""Reads NVD's answer about a CVE: https://nvd.nist.gov/developers/vulnerabilities."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ihacpa_core import Severity
from ihacpa_plugins.source.osv.records import Score
from ihacpa_plugins.source.osv.severity import rate


class _Data(msgspec.Struct):
    vectorString: str = ""  # noqa: N815 - the format's own name


class _Metric(msgspec.Struct):
    cvssData: _Data | None = None  # noqa: N815


class _Metrics(msgspec.Struct):
    cvssMetricV40: list[_Metric] = []  # noqa: N815
    cvssMetricV31: list[_Metric] = []  # noqa: N815
    cvssMetricV30: list[_Metric] = []  # noqa: N815
    cvssMetricV2: list[_Metric] = []  # noqa: N815


class _Cve(msgspec.Struct):
    id: str
    metrics: _Metrics | None = None


class _Item(msgspec.Struct):
    cve: _Cve


class _Answer(msgspec.Struct):
    vulnerabilities: list[_Item]


def severity_in(body: bytes, cve: str) -> Severity:
    """The highest score that NVD has for `cve`; unknown where it has none.

    :raises ValueError: it is no such answer.
    """
    if not body.strip():
        raise ValueError("NVD's answer is empty")
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except msgspec.ValidationError as error:
        raise ValueError(f"NVD's answer has an unknown shape ({error})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"NVD's answer is no JSON ({error})") from error
    scored = [
        found
        for item in answer.vulnerabilities
        if item.cve.id == cve
        for found in _rated(item.cve.metrics or _Metrics())
    ]
    return max(scored, key=lambda severity: (severity.score or 0.0, severity.vector), default=Severity())


def _rated(metrics: _Metrics) -> Iterator[Severity]:
    kinds = {
        "CVSS_V4": metrics.cvssMetricV40,
        "CVSS_V3": [*metrics.cvssMetricV31, *metrics.cvssMetricV30],
        "CVSS_V2": metrics.cvssMetricV2,
    }
    for kind, given in kinds.items():
        for metric in given:
            found = rate(Score(type=kind, score=metric.cvssData.vectorString)) if metric.cvssData else None
            if found is not None:
                yield found
