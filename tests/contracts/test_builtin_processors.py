"""The built-in processors keep the contract that every processor keeps."""

from __future__ import annotations

import asyncio

import pytest
from ihacpa_plugins.processor.package_review import PackageReview, ReviewOptions
from ihacpa_plugins.source.pypi import PypiOptions, PypiSource

from ihacpa_core import FunctionProcessor, Headers, Record
from ihacpa_core.testing import ProcessorContract

pytest_plugins = ["ihacpa_core.testing.plugin"]


def double(record):
    return {"Result": record["Amount"] * 2, "Notes": f"{record.key} of row {record.row}"}


async def double_later(record):
    await asyncio.sleep(0.001)
    return double(record)


class TestFunction(ProcessorContract):
    @pytest.fixture
    def make_processor(self):
        return lambda context: FunctionProcessor(double, concurrency=4)


class TestFunctionThatSaysItsColumns(ProcessorContract):
    @pytest.fixture
    def make_processor(self):
        return lambda context: FunctionProcessor(double_later, concurrency=4, results=("Result", "Notes"))


class TestPackageReview(ProcessorContract):
    @pytest.fixture
    def make_processor(self, ihacpa_index):
        ihacpa_index.add("requests", ["2.31.0", "2.32.4"])
        ihacpa_index.add("flask", ["1.1", "3.0.0"])
        options = PypiOptions(url=ihacpa_index.url, cache="pypi.sqlite", attempts=1, timeout="5s")
        return lambda context: PackageReview(
            ReviewOptions(sources=("pypi",)), {"pypi": PypiSource(options, context)}, context.warn
        )

    @pytest.fixture
    def headers(self):
        return Headers({"A": "#", "B": "Package Name", "C": "Version", "N": "Notes"})

    @pytest.fixture
    def records(self, headers):
        rows = [("requests", "2.31.0"), ("flask", "1.1"), ("unknown-to-all", "1.0"), ("Flask", 1.1), ("flask", "NEW")]
        return [
            Record(row=row, key=name, number=row - 3, contents={"B": name, "C": version}, headers=headers)
            for row, (name, version) in enumerate(rows, start=4)
        ]
