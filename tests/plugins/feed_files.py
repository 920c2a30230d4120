"""Small files of KEV, EPSS and Exploit-DB, and servers on this machine that play OSV, NVD and Snyk."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ihacpa_plugins.advisory_data import epss, exploitdb, kev
from ihacpa_plugins.advisory_data.building import replace_sets

from ihacpa_core.testing.index import LoopbackIndex
from ihacpa_core.testing.index_http import Request

EXPLOITS_HEADER = (
    "id,file,description,date_published,author,type,platform,port,date_added,date_updated,verified,codes,tags,aliases,"
    "screenshot_url,application_url,source_url"
)


# --- files ------------------------------------------------------------------------------------------------------------


def kev_file(path: Path, cves: Iterable[str], **more: Any) -> Path:
    """A catalogue as CISA publishes it."""
    entries = [{"cveID": cve, "dateAdded": "2026-01-02", "vendorProject": "X", "product": "Y"} for cve in cves]
    catalogue = {"title": "CISA Catalog", "catalogVersion": "2026.01.03", "dateReleased": "2026-01-03T15:00:00.000Z"}
    content = {**catalogue, "count": len(entries), "vulnerabilities": entries, **more}
    path.write_text(json.dumps(content))
    return path


def epss_file(path: Path, scores: Mapping[str, object], *lines: str) -> Path:
    """Scores as FIRST publishes them; packed where the name ends in ``.gz``."""
    head = ["#model_version:v2026.01.01,score_date:2026-01-04T00:00:00+0000", "cve,epss,percentile"]
    text = "\n".join([*head, *(f"{cve},{score},0.5" for cve, score in scores.items()), *lines]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def exploits_file(path: Path, codes: Mapping[object, str]) -> Path:
    """Exploit-DB's list: number to what stands in its column ``codes``."""
    lines = [
        f'{number},exploits/multiple/{number}.py,"A flaw, ""quoted""\nand cut",2026-01-01,somebody,remote,multiple,,'
        f"2026-01-01,2026-01-05,1,{codes},,,,,"
        for number, codes in codes.items()
    ]
    path.write_text("\n".join([EXPLOITS_HEADER, *lines]) + "\n")
    return path


def bring_in_feeds(folder: Path, database: Path, *cves: str, score: float = 0.94321) -> None:
    """Bring all three in, about these CVEs."""
    files = {
        kev.FEED: kev_file(folder / "kev.json", cves),
        epss.FEED: epss_file(folder / "epss.csv", dict.fromkeys(cves, score)),
        exploitdb.FEED: exploits_file(
            folder / "exploits.csv", {50331 + n: f"{cve};OSVDB-1" for n, cve in enumerate(cves)}
        ),
    }
    replace_sets(database, {feed.name: feed.fill(path, str(path)) for feed, path in files.items()}, force=True)


# --- servers ----------------------------------------------------------------------------------------------------------


def serve_osv(index: LoopbackIndex, records: Sequence[dict[str, Any]], *, page: int = 1000) -> None:
    """Play OSV's API: `page` ids in an answer."""

    def answer(request: Request) -> Any:
        return {"results": [_named(question) for question in json.loads(request.body)["queries"]]}

    def _named(question: dict[str, Any]) -> dict[str, Any]:
        name, start = question["package"]["name"], int(question.get("page_token") or 0)
        mine = [item for item in records if item["affected"][0]["package"]["name"].lower() == name]
        shown = [{"id": item["id"], "modified": item["modified"]} for item in mine[start : start + page]]
        more = {"next_page_token": str(start + page)} if len(mine) > start + page else {}
        return {**({"vulns": shown} if shown else {}), **more}

    index.reply("/v1/querybatch", answer)
    for item in records:
        index.reply(f"/v1/vulns/{item['id']}", lambda request, item=item: item)


def serve_nvd(index: LoopbackIndex, vectors: Mapping[str, str]) -> None:
    """Play NVD: CVE to its vector of CVSS 3.1; empty where it has none yet."""
    for cve, vector in vectors.items():
        metrics = {"cvssMetricV31": [{"type": "Primary", "cvssData": {"vectorString": vector, "baseScore": 1.0}}]}
        found = {"cve": {"id": cve, "vulnStatus": "Analyzed", "metrics": metrics if vector else {}}}
        content = {"resultsPerPage": 1, "totalResults": 1, "format": "NVD_CVE", "vulnerabilities": [found]}
        index.reply(f"/rest/json/cves/2.0?cveId={cve}", lambda request, content=content: content)


def snyk_issue(identity: str = "SNYK-PYTHON-REQUESTS-1", ranges: str = "[,2.32.0)", **more: Any) -> dict[str, Any]:
    """An issue as Snyk's API has it."""
    facts = {
        "type": "package_vulnerability",
        "title": "Information Exposure",
        "problems": [{"id": "CVE-2023-32681", "source": "CVE"}, {"id": "CWE-200", "source": "CWE"}],
        "severities": [{"source": "Snyk", "level": "medium", "score": 5.9, "vector": SNYK_VECTOR}],
        "effective_severity_level": "medium",
        "coordinates": [{"representations": [{"resource_path": ranges}, {"package": {"name": "requests"}}]}],
    }
    return {"id": identity, "type": "issue", "attributes": {**facts, **more}}


SNYK_VECTOR = "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:N/A:N"


def snyk_path(name: str, version: str, organization: str = "me") -> str:
    """Where Snyk is asked about a package."""
    package_url = quote(f"pkg:pypi/{name}@{version}", safe="")
    return f"/rest/orgs/{organization}/packages/{package_url}/issues?version=2024-10-15&limit=1000"


def serve_snyk(index: LoopbackIndex, issues: Mapping[tuple[str, str], Sequence[dict[str, Any]]]) -> None:
    """Play Snyk: issues by package and version."""
    for (name, version), found in issues.items():
        index.reply(
            snyk_path(name, version), lambda request, found=found: {"jsonapi": {"version": "1.0"}, "data": found}
        )
