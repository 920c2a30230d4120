"""The verdict on contract classes: nothing that did not run counts as held."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ihacpa_core.testing import ProgressReporterContract

ROOT = Path(__file__).parents[2]

HEAD = """\
import pytest
from ihacpa_core import ProgressReporter
from ihacpa_core.testing import ProgressReporterContract

class Rules(ProgressReporterContract):
    @pytest.fixture
    def make_reporter(self):
        return lambda context: ProgressReporter()

"""
COUNT = len(ProgressReporterContract.rules())


@pytest.fixture
def judge(tmp_path):
    """Run pytest on a file of an author's; its exit code and what it said."""

    def run(text, *arguments, conftest='pytest_plugins = ["ihacpa_core.testing.plugin"]\n'):
        (tmp_path / "conftest.py").write_text(conftest)
        (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -ra\n")
        (tmp_path / "test_one.py").write_text(HEAD + text)
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
        path = f"{ROOT}:{ROOT / 'plugins'}"
        done = subprocess.run(
            command, cwd=tmp_path, env={"PYTHONPATH": path}, capture_output=True, text=True, timeout=120, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_implementation_that_keeps_the_rules_passes(judge):
    """One fixture is all that an author writes."""
    code, said = judge("class TestOne(Rules):\n    pass\n")

    assert code == 0, said
    assert f"{COUNT} passed" in said


def test_skipped_rule_has_failed(judge):
    """A rule that was skipped, or whose failure was expected, does not hold; the report says how to exempt it."""
    code, said = judge("""\
class TestOne(Rules):
    def test_leaves_no_thread(self):
        pytest.skip('not today')
    @pytest.mark.skip(reason='no time')
    def test_hears_a_whole_run(self):
        raise AssertionError
    @pytest.mark.xfail(reason='no way')
    def test_standard_output_is_left_alone(self):
        raise AssertionError

@pytest.mark.skip(reason='later')
class TestOther(Rules):
    pass
""")

    assert code == 1, said
    assert f"2 failed, {COUNT - 3} passed, {COUNT + 1} errors" in said
    for reason in ("not today", "no time", "expected to fail: no way", "later"):
        assert reason in said
    assert 'exempt = {"test_leaves_no_thread": "why"}' in said


def test_exempted_rule_is_reported_and_not_counted(judge):
    """A rule that the author exempts is set aside with the reason, in sight, also where workers share the rules."""
    code, said = judge("class TestOne(Rules):\n    exempt = {'test_leaves_no_thread': 'it is a thread'}\n", "-n2")

    assert code == 0, said
    assert "exempt: it is a thread" in said
    rules = f"{COUNT - 1} of {COUNT} rules hold; exempt: test_leaves_no_thread"
    assert f"TestOne (ProgressReporterContract): {rules}" in said


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("class One_test(Rules):\n    pass\n", "none of its rules was collected"),
        ("class TestOne(Rules):\n    def __init__(self):\n        pass\n", "none of its rules was collected"),
        (
            "class TestOne(Rules):\n    exempt = {'test_leaves_no_threat': 'x'}\n",
            "did you mean 'test_leaves_no_thread'?",
        ),
        ("class TestOne(Rules):\n    exempt = {'test_leaves_no_thread': ' '}\n", "exempt gives no reason"),
        ("class TestOne(Rules):\n    exempt = dict.fromkeys(Rules.rules(), 'x')\n", "every rule is exempt"),
    ],
    ids=["name", "init", "typo", "reason", "everything"],
)
def test_contract_that_would_prove_nothing_is_refused(judge, text, complaint):
    """A class of which nothing would run is an error before anything runs."""
    code, said = judge(text)

    assert code == pytest.ExitCode.USAGE_ERROR, said
    assert complaint in said


def test_selecting_a_few_rules_is_no_error(judge):
    """-k and node ids work as ever."""
    text = "class TestOne(Rules):\n    pass\n\ndef test_other():\n    pass\n"

    assert judge(text, "-k", "thread")[0] == 0
    assert judge(text, "test_one.py::test_other")[0] == 0


def test_forgotten_fixture_is_told(judge):
    """A contract whose author did not say how the part is made fails and names the fixture."""
    code, said = judge("del Rules\n\nclass TestOne(ProgressReporterContract):\n    pass\n")

    assert code == 1
    assert "override the fixture make_reporter" in said


def test_without_the_plugin_no_rule_passes(judge):
    """The verdict needs the plugin, and a contract without it says so."""
    code, said = judge("class TestOne(Rules):\n    pass\n", conftest="")

    assert code == 1
    assert 'pytest_plugins = ["ihacpa_core.testing.plugin"]' in said
