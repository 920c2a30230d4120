"""Reports of a run in each format: whole, harmless, and the same each time."""

from __future__ import annotations

import csv
import io
import json
import re
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ihacpa_plugins.command.report import FORMATS
from ihacpa_plugins.command.report.as_csv import HEADERS, harmless
from ihacpa_plugins.command.report.as_md import escaped
from ihacpa_plugins.command.reviewed import ReviewedRun, reviewed
from report_samples import failed, finding, outcome, past, review, source

from ihacpa_core import Outcome, RecordId, Status, StoreError, UsageError

HELD = {"reason": "not reachable", "expires": "2099-12-31", "by": "settings"}
EVIL = '=cmd|" /C calc"!A1'


def rendered(kind: str, run: ReviewedRun) -> str:
    text: str = import_module(f"ihacpa_plugins.command.report.as_{kind}").render(run)
    return text


def document(kind: str, run: ReviewedRun) -> Any:
    return json.loads(rendered(kind, run))


@pytest.fixture
def run() -> ReviewedRun:
    """A row of every kind."""
    return review(
        outcome(4, "clean"),
        outcome(
            5,
            "Hit.Name",
            finding("CVE-2024-1", "GHSA-aaaa", "PYSEC-2024-1", epss=0.97, known_exploited=True, exploits=["EDB-1"]),
            finding("CVE-2024-2", severity={"rating": "UNKNOWN", "score": None, "vector": ""}, fixed_in=[]),
            finding("CVE-2024-3", suppressed=HELD),
            finding("CVE-2024-4", verdict="not_affected", why="outside [0, 0.5)"),
            release={
                "name": "hit-name",
                "latest": "3.0",
                "latest_date": "2025-01-01",
                "github": "https://github.com/a/b",
            },
        ),
        outcome(
            6,
            "unsure",
            finding("PYSEC-2024-9", verdict="uncertain", why="bound unreadable: 2-NA"),
            code="MANUAL REVIEW",
        ),
        outcome(7, "httpx", version="NEW", code="MANUAL REVIEW", unchecked=["'NEW' is not a version"]),
        failed(8, "broken"),
    )


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_run_gives_the_same_bytes(kind: str, run: ReviewedRun) -> None:
    """Nothing in a report depends on when it was made, and it ends with a line feed."""
    again = ReviewedRun(run.run, run.rows)

    assert rendered(kind, run) == rendered(kind, again)
    assert rendered(kind, run).endswith("\n")


@pytest.mark.parametrize("kind", FORMATS)
def test_every_row_is_in_every_format(kind: str, run: ReviewedRun) -> None:
    """No package and no finding goes missing; only Markdown leaves what is in order to its count."""
    text = rendered(kind, run)

    wanted = ["Hit.Name", "unsure", "httpx", "broken", "CVE-2024-1", "CVE-2024-2", "CVE-2024-3", "PYSEC-2024-9"]
    assert [name for name in wanted if name not in text.replace("\\", "")] == []
    assert ("clean" in text) is (kind not in ("md", "sarif"))


@pytest.mark.parametrize("kind", FORMATS)
def test_a_run_without_rows_has_a_report(kind: str) -> None:
    """A run that was interrupted at once is no reason to fail."""
    assert rendered(kind, review(records=3, finished=False, missing=(RecordId("a"),)))


def test_json_has_a_schema_and_the_facts(run: ReviewedRun) -> None:
    """Numbers of the summary count what counts; rows have their facts as they were kept."""
    told = document("json", run)

    assert (told["schema"], told["kind"]) == (1, "ihacpa-report")
    assert told["run"]["id"] == "20260102-030405-abcd" and told["run"]["finished"] is True
    assert told["data"] == {"osv": ["2026-07-23"]}
    assert told["summary"] == {
        "packages": 5,
        "recommendations": {"FAILED": 1, "MANUAL REVIEW": 2, "PROCEED": 1, "SECURITY RISK": 1},
        "affected_packages": 1,
        "findings": 2,
        "uncertain": 1,
        "suppressed": 1,
        "not_fully_checked": 2,
    }
    hit = told["packages"][1]
    assert (hit["row"], hit["key"], hit["name"], hit["level"]) == (5, "Hit.Name", "Hit.Name", "high")
    assert hit["findings"][0]["epss"] == 0.97 and hit["findings"][2]["suppressed"] == HELD
    assert told["packages"][4]["error"] == {"kind": "OSError", "message": "it broke", "hint": "try"}


def test_json_passes_on_what_it_does_not_know() -> None:
    """A field that a later review keeps is in the report without a change here."""
    told = document("json", review(outcome(4, "thing", finding(percentile=0.5), mood="fine")))

    assert told["packages"][0]["mood"] == "fine"
    assert told["packages"][0]["findings"][0]["percentile"] == 0.5


def test_csv_has_a_line_a_row(run: ReviewedRun) -> None:
    """Columns for what an analyst sorts by."""
    lines = list(csv.DictReader(io.StringIO(rendered("csv", run))))
    hit = lines[1]

    assert [line["package"] for line in lines] == ["clean", "Hit.Name", "unsure", "httpx", "broken"]
    assert tuple(hit) == HEADERS
    assert (hit["row"], hit["code"], hit["worst"], hit["findings"]) == ("5", "SECURITY RISK", "HIGH 7.5", "2")
    assert (hit["ids"], hit["fixed in"], hit["update to"]) == ("CVE-2024-1 CVE-2024-2", "2.0", "2.0")
    assert (hit["known exploited"], hit["highest EPSS"], hit["exploits"]) == ("CVE-2024-1", "0.97000", "EDB-1")
    assert hit["suppressed"] == "CVE-2024-3 until 2099-12-31: not reachable"
    assert lines[2]["uncertain"] == "PYSEC-2024-9" and lines[2]["findings"] == "0"
    assert lines[3]["not checked"] == "'NEW' is not a version"
    assert (lines[4]["code"], lines[4]["findings"], lines[4]["not checked"]) == ("FAILED", "", "it broke")


@given(st.text())
def test_no_csv_cell_begins_like_a_formula(text: str) -> None:
    """Whatever somebody wrote into a name, a spreadsheet takes it for text; nothing is cut off."""
    cell = harmless(text)

    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert cell.endswith(text)


def test_hostile_names_do_no_harm() -> None:
    """Formulas, HTML, Markdown and terminal sequences in a name come out as text."""
    hostile = [EVIL, "<script>alert(1)</script>", "[x](javascript:1)", "a|b\nc", "\x1b[31mred", "`code`"]
    run = review(*(outcome(row, name, code="MANUAL REVIEW") for row, name in enumerate(hostile, start=4)))
    markdown = rendered("md", run)

    assert all(not cell.startswith("=") for line in csv.reader(io.StringIO(rendered("csv", run))) for cell in line)
    assert "<script" not in markdown and "\x1b" not in markdown and not re.search(r"(?<!\\)\]\(java", markdown)
    table = [line for line in markdown.splitlines() if re.match(r"\| \d", line)]
    assert len(table) == len(hostile)
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 4 for line in table)
    assert [row["name"] for row in document("json", run)["packages"]] == hostile


@given(st.text())
def test_markdown_text_stays_on_its_line(text: str) -> None:
    """No text opens a tag, a link, a column or a line of its own."""
    told = escaped(text)

    assert not re.search(r"[<>]|(?<!\\)(?:\\\\)*[|\[`]", told)
    assert told.splitlines() in ([], [told])


def test_markdown_puts_the_worst_first() -> None:
    """Risks by their level, then what a person has to look at, updates, what was suppressed and not checked."""
    run = review(
        outcome(4, "a", finding(), unchecked=["pypi: down"]),
        outcome(5, "b", code="UPDATE"),
        outcome(6, "c", finding(suppressed=HELD), code="MANUAL REVIEW"),
        failed(7, "d"),
        whole=False,
    )
    markdown = rendered("md", run)
    headings = re.findall(r"^## (.*) \(", markdown, flags=re.M)

    assert headings == ["Security risks", "For a person to look at", "Updates", "Failed", "Suppressed", "Not checked"]
    assert "**only some rows of the sheet were reviewed**" in markdown
    assert "[CVE-2024-1](https://nvd.nist.gov/vuln/detail/CVE-2024-1) HIGH 7.5; fixed in 2.0" in markdown


def test_sarif_has_a_rule_an_advisory_and_a_result_a_row(run: ReviewedRun) -> None:
    """Results point at the workbook and the row; what is uncertain is for review, what is suppressed says so."""
    told = document("sarif", run)
    (only,) = told["runs"]
    results = {result["ruleId"]: result for result in only["results"]}
    rules = only["tool"]["driver"]["rules"]
    hit = results["CVE-2024-1"]

    assert told["version"] == "2.1.0" and told["$schema"].endswith("sarif-2.1.0.json")
    assert [rule["id"] for rule in rules] == sorted(results)
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in only["results"])
    assert rules[0]["properties"]["security-severity"] == "7.5"
    assert "security-severity" not in rules[1]["properties"]  # nobody rated it
    assert (hit["kind"], hit["level"]) == ("fail", "error")
    (place,) = hit["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "book%20%26%20co.xlsx"}, "region": {"startLine": 5}
    }  # fmt: skip
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "'Packages'!B5"
    assert (results["PYSEC-2024-9"]["kind"], results["PYSEC-2024-9"]["level"]) == ("review", "none")
    assert results["CVE-2024-3"]["suppressions"][0]["justification"].startswith("not reachable")
    assert "CVE-2024-4" not in results
    notes = only["invocations"][0]["toolExecutionNotifications"]
    assert [(note["level"], note["locations"][0]["physicalLocation"]["region"]["startLine"]) for note in notes] == [
        ("warning", 7), ("error", 8),
    ]  # fmt: skip


def test_one_rule_for_an_advisory_of_two_packages() -> None:
    """An advisory that hits two rows is one rule with the worse of the ratings, and two results."""
    low = finding(severity={"rating": "LOW", "score": 2.0, "vector": ""})
    (only,) = document("sarif", review(outcome(4, "a", low), outcome(5, "b", finding())))["runs"]

    (rule,) = only["tool"]["driver"]["rules"]
    assert rule["properties"]["security-severity"] == "7.5"
    assert [result["level"] for result in only["results"]] == ["note", "error"]


def test_cyclonedx_has_what_the_format_asks_for(run: ReviewedRun) -> None:
    """Header, unique references, components with a package URL, vulnerabilities that point at them."""
    told = document("cyclonedx", run)
    components = {item["bom-ref"]: item for item in told["components"]}
    vulnerabilities = {item["id"]: item for item in told["vulnerabilities"]}

    assert (told["bomFormat"], told["specVersion"], told["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(
        r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", told["serialNumber"]
    )
    assert told["metadata"]["timestamp"] == "2026-01-02T03:04:05+00:00"
    references = [*components, *(item["bom-ref"] for item in told["vulnerabilities"]), "workbook"]
    assert len(components) == 5 and len(set(references)) == len(references)
    assert components["Hit.Name#1"]["purl"] == "pkg:pypi/hit.name@1.0"
    assert components["httpx#1"]["purl"] == "pkg:pypi/httpx"  # NEW is no version
    assert "purl" not in components["broken#1"]
    assert all(place["ref"] in components for item in told["vulnerabilities"] for place in item["affects"])
    hit = vulnerabilities["CVE-2024-1"]
    assert hit["ratings"] == [
        {
            "severity": "high", "score": 7.5, "method": "CVSSv31",
            "vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N",
        }
    ]  # fmt: skip
    assert [reference["id"] for reference in hit["references"]] == ["GHSA-aaaa", "PYSEC-2024-1"]
    assert hit["affects"][0]["versions"] == [{"version": "1.0", "status": "affected"}]
    assert {"name": "ihacpa:known-exploited", "value": "true"} in hit["properties"]
    assert vulnerabilities["CVE-2024-2"]["ratings"] == [{"severity": "unknown"}]
    assert vulnerabilities["CVE-2024-3"]["analysis"]["state"] == "in_triage"
    assert vulnerabilities["PYSEC-2024-9"]["affects"][0]["versions"][0]["status"] == "unknown"


def test_only_an_openvex_document_says_not_affected() -> None:
    """A person's decision not to act is not passed on as a fact; a VEX statement is."""
    vex = finding(suppressed={"reason": "code_not_present", "expires": "2099-12-31", "by": "vendor.json"})
    (told,) = document("cyclonedx", review(outcome(4, "a", vex)))["vulnerabilities"]

    assert told["analysis"]["state"] == "not_affected"
    assert told["analysis"]["detail"] == "suppressed until 2099-12-31 by vendor.json: code_not_present"


@pytest.mark.parametrize(
    ("vector", "method"),
    [
        ("CVSS:4.0/AV:N", "CVSSv4"),
        ("CVSS:3.0/AV:N", "CVSSv3"),
        ("AV:N/AC:L/Au:N/C:P/I:P/A:P", "CVSSv2"),
        ("?", "other"),
    ],
)
def test_the_method_of_a_rating(vector: str, method: str) -> None:
    """Each generation of CVSS has its own word."""
    rated = finding(severity={"rating": "LOW", "score": 1.0, "vector": vector})

    (told,) = document("cyclonedx", review(outcome(4, "a", rated)))["vulnerabilities"]

    assert told["ratings"][0]["method"] == method


def test_a_run_of_an_earlier_version_can_be_read() -> None:
    """What such a run did not keep has a default: no rule, no suppression."""
    old = outcome(4, "a", {"id": "CVE-2020-1", "ids": ["CVE-2020-1"], "verdict": "affected"})
    del old.detail["recommendation"]["rule"]

    assert all(rendered(kind, review(old)) for kind in FORMATS)


def test_a_run_that_reviewed_nothing_is_refused() -> None:
    """A run of somebody's own function has no report of this kind."""
    other = Outcome(id=RecordId("a"), row=2, status=Status.DONE, detail={"total": 3})

    with pytest.raises(UsageError, match="reviewed no packages"):
        reviewed(past(other, settings={"ihacpa": {"processor": "python:work.py:f"}}))


def test_facts_that_cannot_be_read_are_told() -> None:
    """What was kept in another shape is an error that names the record, not a traceback."""
    broken = outcome(4, "a", sources={"osv": source(complete_for="all")})

    with pytest.raises(StoreError, match="kept of a cannot be read"):
        reviewed(past(broken))
