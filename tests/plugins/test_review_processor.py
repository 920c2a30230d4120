"""The package review as a processor: rows in, cells out, with a real index and a scripted advisory source."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from ihacpa_plugins.processor.package_review import PackageReview, ReviewOptions, ihacpa_processors
from ihacpa_plugins.source.pypi import PypiOptions, PypiSource
from review_samples import Scripted, advisories, failed, finding

from ihacpa_core import (
    CellStyle,
    CellValue,
    Headers,
    IhacpaError,
    Level,
    Outcome,
    Package,
    Record,
    ReviewSource,
    RunContext,
    SourceAnswer,
    SourceKind,
    Status,
)
from ihacpa_core.testing.index import LoopbackIndex

HEADERS = Headers({"B": "Package Name", "C": "Version", "N": "Notes"})


@pytest.fixture
def index() -> Iterator[LoopbackIndex]:
    with LoopbackIndex() as index:
        index.add("requests", ["2.31.0", "2.32.4", "2.33.0"])
        index.add("flask", ["1.1", "1.10"])
        index.add("idna", ["3.6", "3.7"], yanked={"3.6"})
        index.add("pytz", ["2004d", "2024.1"])
        yield index


def osv(package: Package) -> SourceAnswer:
    """A set that knows one flaw of requests."""
    if package.canonical != "requests":
        return advisories()
    return advisories(finding("CVE-2024-1", "GHSA-aaaa", fixed_in=("2.32.0",)), clean_version="2.32.4")


class Bench:
    """Makes a processor as a run does, and runs rows through it."""

    def __init__(self, folder: Path, index: LoopbackIndex) -> None:
        self.warnings: list[str] = []
        self.context = RunContext(
            run_id="run", workbook=folder / "b.xlsx", state_dir=folder, config_dir=folder, warn=self.warnings.append
        )
        options = PypiOptions(url=index.url, cache="pypi.sqlite", attempts=1)
        self.osv = Scripted(SourceKind.ADVISORIES, osv)
        self.sources: dict[str, ReviewSource] = {"pypi": PypiSource(options, self.context), "osv": self.osv}

    def processor(self, **options: Any) -> PackageReview:
        return PackageReview(ReviewOptions(**options), self.sources, self.context.warn)

    def run(self, *rows: tuple[CellValue, CellValue], prefetch: bool = False, **options: Any) -> list[Outcome]:
        processor = self.processor(**options)
        processor.bind(HEADERS)
        records = [record(number, name, version) for number, (name, version) in enumerate(rows, start=4)]

        async def all_of_them() -> list[Outcome]:
            await processor.open()
            try:
                if prefetch:
                    processor.prefetch(records)
                return await asyncio.gather(*(processor.process(each, self.context) for each in records))
            finally:
                await processor.close()

        return asyncio.run(all_of_them())


def record(row: int, name: CellValue, version: CellValue) -> Record:
    contents: Mapping[str, CellValue] = {"A": row - 3, "B": name, "C": version, "N": "mine"}
    return Record(row=row, key=str(name), contents=contents, headers=HEADERS)


@pytest.fixture
def bench(tmp_path: Path, index: LoopbackIndex) -> Bench:
    return Bench(tmp_path, index)


def values(outcome: Outcome) -> dict[str, CellValue]:
    return {letter: cell.value for letter, cell in outcome.cells.items()}


def test_a_vulnerable_row(bench: Bench) -> None:
    """Every column of the founding layout is filled, but for the index, the inputs and the notes."""
    (outcome,) = bench.run(("requests", "2.31.0"))

    assert values(outcome) == {
        "D": "https://pypi.org/project/requests/2.31.0/",
        "E": date(2019, 3, 1),
        "F": "2.33.0",
        "G": "https://pypi.org/project/requests/2.33.0/",
        "H": date(2019, 7, 29),
        "I": outcome.cells["I"].value,
        "J": outcome.cells["J"].value,
        "K": "https://github.com/made-up/requests",
        "L": "https://github.com/made-up/requests/security/advisories",
        "M": "VULNERABLE - 1 affect 2.31.0: GHSA-aaaa (HIGH 7.5); fixed in 2.32.0",
        "O": "https://nvd.nist.gov/vuln/search/results?query=requests",
        "P": "VULNERABLE - 1 affect 2.31.0: CVE-2024-1 (HIGH 7.5); fixed in 2.32.0",
        "Q": "https://www.cve.org/CVERecord/SearchResults?query=requests",
        "R": "VULNERABLE - 1 affect 2.31.0: CVE-2024-1 (HIGH 7.5); fixed in 2.32.0",
        "S": "https://security.snyk.io/package/pip/requests",
        "T": "NOT CHECKED - not configured",
        "U": "https://www.exploit-db.com/search?q=requests",
        "V": "NOT CHECKED - not configured",
        "W": "SECURITY RISK - 1 affect 2.31.0, worst HIGH 7.5, update to 2.32.4",
    }
    assert (outcome.status, outcome.level, outcome.unchecked) == (Status.DONE, Level.HIGH, ())
    assert outcome.inputs == ("B", "C")


def test_colours_and_links(bench: Bench) -> None:
    """Red for what is vulnerable, orange for an update, purple for GitHub, blue for the rest; addresses are links."""
    (outcome,) = bench.run(("requests", "2.31.0"))

    styles = {letter: cell.style for letter, cell in outcome.cells.items()}
    assert {styles[letter] for letter in "MPRW"} == {CellStyle.BAD}
    assert {styles[letter] for letter in "FGH"} == {CellStyle.WARN}
    assert {styles[letter] for letter in "KL"} == {CellStyle.ACCENT}
    assert {styles[letter] for letter in "DEIJOQSU"} == {CellStyle.INFO}
    assert all(outcome.cells[letter].link == outcome.cells[letter].value for letter in "DGKLOQSU")


def test_rows_of_every_kind(bench: Bench) -> None:
    """Each odd row is read or flagged, and none keeps another from its review."""
    rows: list[tuple[CellValue, CellValue]] = [
        ("flask", "1.10"), ("Flask", 1.1), ("idna", "3.6"), ("idna", "3.5"), ("pytz", "2004d"), ("requests", "NEW"),
        ("no-such-package", "1.0"), ("bad name", "1.0"), ("flask", None), ("REQUESTS", "2.33.0"),
    ]  # fmt: skip

    codes = [outcome.cells["W"].value for outcome in bench.run(*rows)]

    assert codes == [
        "PROCEED",
        "MANUAL REVIEW - 1.1 was typed as a number and may mean 1.10",
        "MANUAL REVIEW - 3.6 was yanked (made up to be broken); the latest is 3.7",
        "MANUAL REVIEW - 3.5 is not on the index; the latest is 3.7",
        "UPDATE - 2004d to 2024.1 of 2019-05-15",
        "MANUAL REVIEW - 'NEW' is not a version; 1 affect it, worst HIGH 7.5",
        "MANUAL REVIEW - no-such-package is not on the index",
        "MANUAL REVIEW - 'bad name' is not a package name",
        "MANUAL REVIEW - the version is empty",
        "SECURITY RISK - 1 affect 2.33.0, worst HIGH 7.5, update to 2.32.4",
    ]


def test_what_is_not_there_is_not_available(bench: Bench) -> None:
    """A release or package that the index lacks reads Not Available, in red, and without a link to nowhere."""
    gone, missing = bench.run(("idna", "3.5"), ("no-such-package", "1.0"))

    assert [gone.cells[letter].value for letter in "DE"] == ["Not Available"] * 2
    assert gone.cells["F"].value == "3.7"
    assert {missing.cells[letter].value for letter in "DEFGHIJK"} == {"Not Available"}
    assert {missing.cells[letter].style for letter in "DEFGHIJK"} == {CellStyle.BAD}
    assert missing.cells["P"].value == "None found" and missing.unchecked == ()


def test_a_row_without_a_name_is_looked_up_nowhere(bench: Bench, index: LoopbackIndex) -> None:
    """What is no package name goes to no source, and every cell that would hold a result says why."""
    (outcome,) = bench.run(("../../etc", "1.0"))

    assert not index.requests and not bench.osv.asked
    assert outcome.cells["F"].value == outcome.cells["P"].value == "NOT CHECKED - '../../etc' is not a package name"
    assert outcome.unchecked == ("'../../etc' is not a package name",)


def test_an_index_that_fails(bench: Bench, index: LoopbackIndex) -> None:
    """The fields of a failed index say NOT CHECKED; the advisories are asked all the same."""
    index.fail("requests", 503)
    index.fail("flask", 503)

    hit, clean = bench.run(("requests", "2.31.0"), ("flask", "1.10"))

    assert {hit.cells[letter].value for letter in "DEFGHIJK"} == {"NOT CHECKED - pypi: the index answered 503"}
    assert hit.cells["P"].value == "VULNERABLE - 1 affect 2.31.0: CVE-2024-1 (HIGH 7.5); fixed in 2.32.0"
    assert clean.cells["P"].value == "None found"
    assert clean.cells["W"].value == "MANUAL REVIEW - not checked: pypi (the index answered 503)"
    assert hit.unchecked == clean.unchecked == ("pypi: the index answered 503",)


def test_advisories_hear_which_releases_there_are(bench: Bench) -> None:
    """The index is asked first: an advisory source gets the canonical name and the releases to choose from."""
    bench.run(("Idna", "3.6"))

    ((package, known),) = bench.osv.asked
    assert (package.canonical, package.version, known) == ("idna", "3.6", ())
    assert "3.7" in package.versions and "3.6" not in package.versions


def test_enrichments_see_what_was_found(bench: Bench) -> None:
    """An enrichment is asked last, with the findings, and what it adds shows in the recommendation."""
    kev = Scripted(
        SourceKind.ENRICHMENT, lambda _: advisories(finding("CVE-2024-1", known_exploited=True), source="kev")
    )
    bench.sources["kev"] = kev

    (outcome,) = bench.run(("requests", "2.31.0"))

    assert [found.id for found in kev.asked[0][1]] == ["CVE-2024-1"]
    assert "known exploited" in str(outcome.cells["W"].value)


def test_a_source_that_raises_is_a_source_that_failed(bench: Bench) -> None:
    """A plugin that breaks its word costs its own answer and no other."""

    def explode(package: Package) -> SourceAnswer:
        raise KeyError("oops")

    bench.sources["osv"] = Scripted(SourceKind.ADVISORIES, explode)

    (outcome,) = bench.run(("flask", "1.10"))

    assert outcome.cells["F"].value == "1.10"
    assert outcome.cells["P"].value == "NOT CHECKED - osv: KeyError: 'oops'"
    assert outcome.unchecked == ("osv: KeyError: 'oops'",)


def test_prefetched_rows_are_asked_once(bench: Bench, index: LoopbackIndex) -> None:
    """Hearing of the rows beforehand starts their look-ups, and processing picks the answers up."""
    outcomes = bench.run(("requests", "2.31.0"), ("flask", "1.10"), ("flask", "1.1"), prefetch=True)

    assert index.requests == {"requests": 1, "flask": 1}
    assert [outcome.cells["F"].value for outcome in outcomes] == ["2.33.0", "1.10", "1.10"]


def test_what_was_prefetched_and_never_processed_is_abandoned(bench: Bench, index: LoopbackIndex) -> None:
    """Closing does not wait for look-ups that nobody wants any more."""
    index.fail("requests", "slow")
    processor = bench.processor()
    processor.bind(HEADERS)

    async def begin_and_leave() -> None:
        await processor.open()
        processor.prefetch([record(4, "requests", "2.31.0")])
        await asyncio.sleep(0.05)
        await asyncio.wait_for(processor.close(), timeout=2)

    asyncio.run(begin_and_leave())

    assert index.requests == {"requests": 1}


def test_a_source_that_cannot_open_stops_the_run(bench: Bench) -> None:
    """When one source cannot be used at all, those that were opened are closed, and the error goes on."""

    class Broken(Scripted):
        async def open(self) -> None:
            raise IhacpaError("no advisories", hint="ihacpa advisories update")

    bench.sources = {"osv": bench.osv, "broken": Broken(SourceKind.ADVISORIES, lambda _: failed("broken"))}

    with pytest.raises(IhacpaError, match="no advisories"):
        bench.run(("flask", "1.10"))

    assert bench.osv.steps == ["open", "close"]


def test_details_are_json(bench: Bench) -> None:
    """What is kept for reports survives JSON, and holds the facts behind the cells."""
    (outcome,) = bench.run(("requests", "2.31.0"))

    detail = json.loads(json.dumps(outcome.detail))

    assert detail["release"]["latest"] == "2.33.0" and detail["version"] == "2.31.0"
    assert detail["findings"][0]["severity"] == {"rating": "HIGH", "score": 7.5, "vector": ""}
    assert detail["sources"]["osv"]["complete_for"] == ["GHSA", "MAL", "PYSEC"]
    assert detail["recommendation"]["code"] == "SECURITY RISK"


def test_the_same_row_twice_gives_the_same_cells(bench: Bench) -> None:
    """A second review with the same data changes no cell."""
    first = bench.run(("requests", "2.31.0"), ("Flask", 1.1))
    second = bench.run(("requests", "2.31.0"), ("Flask", 1.1))

    assert [outcome.cells for outcome in first] == [outcome.cells for outcome in second]
    assert [outcome.detail for outcome in first] == [outcome.detail for outcome in second]


def test_columns_that_are_left_out_are_not_written(bench: Bench) -> None:
    """A field without a column is reviewed and not written; the others are where the settings sent them."""
    (outcome,) = bench.run(("requests", "2.31.0"), columns={"snyk": "", "snyk_link": "", "recommendation": "AB"})

    assert not {"S", "T", "W"} & set(outcome.cells)
    assert str(outcome.cells["AB"].value).startswith("SECURITY RISK")


def test_binding_warns_about_fields_without_a_column(bench: Bench) -> None:
    """What the sheet has no column for is told once, before the run."""
    processor = bench.processor(concurrency=3)

    written = processor.bind(Headers({"B": "Package", "C": "Version", "T": "Reviewed by"}))

    assert "T" not in written and "W" in written
    assert processor.inputs == ("B", "C") and processor.concurrency == 3
    assert len(bench.warnings) == 1 and "snyk" in bench.warnings[0]


def test_the_offer_names_its_sources(bench: Bench) -> None:
    """The hook offers `package-review`, says which sources its options need, and gets them from the run."""
    (offer,) = ihacpa_processors()
    options = ReviewOptions(sources=("osv",))
    asked: list[tuple[str, str]] = []

    def part(role: str, name: str) -> ReviewSource:
        asked.append((role, name))
        return bench.osv

    context = RunContext(run_id="r", workbook=Path("b"), state_dir=Path("s"), config_dir=Path("c"), part=part)
    processor = offer.factory(options, context)

    assert offer.name == "package-review" and isinstance(processor, PackageReview)
    assert list(offer.needs(options)) == asked == [("source", "osv")]
