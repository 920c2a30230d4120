"""Texts from the network that would be formulas, or that no workbook can hold, come out as text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from review_desk import Desk, parts

from ihacpa_core.errors import ExitCode
from ihacpa_core.testing.index import LoopbackIndex
from ihacpa_core.testing.index_facts import made_up_document
from tests.plugins.osv_sets import record

FORMULA = '=HYPERLINK("http://attacker.example","click")'


def documents() -> dict[str, dict[str, Any]]:
    """Documents whose every text was written by somebody who means harm."""
    made = {name: made_up_document(name, ["1.0", "2.0"]) for name in ("status", "python", "links", "control")}
    made["status"]["info"]["classifiers"] = [f"Development Status :: {FORMULA}"]
    made["python"]["info"]["requires_python"] = "=cmd|' /C calc'!A1"
    made["links"]["info"]["project_urls"] = {"Source": "javascript:alert(1)", "GitHub": "file:///etc/passwd"}
    made["links"]["info"]["home_page"] = "+1-800"
    made["links"]["info"]["classifiers"] = ["Development Status :: @SUM(1+1)"]
    made["control"]["info"]["classifiers"] = ["Development Status :: 4 - \x00\x07Be\x0bta\ufffe\uffff"]
    made["control"]["info"]["requires_python"] = ">=3.8\x1f_x0041_"
    made["version"] = made_up_document("version", ["=1+1", "+2", "@4"])
    made["yanked"] = made_up_document("yanked", ["1.0"], yanked={"1.0"})
    for file in made["yanked"]["releases"]["1.0"]:
        file["yanked_reason"] = f"{FORMULA}\x07\r\nsecond line"
    return made


def test_what_comes_from_the_network_is_text(tmp_path: Path) -> None:
    """No cell becomes a formula or a link to anything but http, and control characters are gone."""
    with LoopbackIndex() as index:
        for name, document in documents().items():
            index.add(name, document=document)
        desk = Desk(tmp_path / "desk", index.url)
        folder = desk.folder / "records"
        folder.mkdir()
        advisory = record("=1+1", "status", ["introduced 0"], aliases=["@SUM(A1)", "+CVE"])
        (folder / "one.json").write_text(json.dumps(advisory))
        desk.advise(folder)
        desk.list_packages([*((name, "1.0") for name in documents()), ("'=1+1", "@4"), ("version", "@4")])
        desk.run()

    looks = {(row["B"].value, row["C"].value): row for row in desk.looks().values()}
    written = [look for row in looks.values() for letter, look in row.items() if letter not in "ABC"]
    status, links = looks["status", "1.0"], looks["links", "1.0"]
    assert [look for look in written if look.kind == "f"] == []
    assert b"<f>" not in parts(desk.workbook)["xl/worksheets/sheet1.xml"]
    assert (status["J"].value, status["J"].kind) == (FORMULA, "s")
    assert looks["python", "1.0"]["I"].kind == "s"
    assert (links["J"].value, links["J"].kind, links["K"].value) == ("@SUM(1+1)", "s", "n/a")
    assert (looks["version", "@4"]["F"].value, looks["version", "@4"]["F"].kind) == ("@4", "s")
    assert status["M"].value == "VULNERABLE - 1 affect 1.0: +CVE (UNKNOWN); no fix named"
    assert looks["control", "1.0"]["J"].value == "4 - Beta\ufffd\ufffd"
    assert looks["yanked", "1.0"]["W"].value == f"MANUAL REVIEW - 1.0 was yanked ({FORMULA} second line)"
    assert {look.link.partition("://")[0] for look in written if look.link} == {"https"}
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "".join(str(look.value) for look in written))


def test_a_second_run_over_hostile_text_changes_no_byte(tmp_path: Path) -> None:
    """What was made fit for a workbook reads back as what was written."""
    with LoopbackIndex() as index:
        for name, document in documents().items():
            index.add(name, document=document)
        desk = Desk(tmp_path / "desk", index.url)
        desk.list_packages([(name, "1.0") for name in documents()])
        desk.run(expect=ExitCode.INCOMPLETE)
        before = desk.workbook.read_bytes()

        desk.run(expect=ExitCode.INCOMPLETE)

    assert desk.workbook.read_bytes() == before
