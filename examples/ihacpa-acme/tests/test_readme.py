from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
from ihacpa_acme.burst import BurstOptions
from ihacpa_acme.lmdb_store import LmdbOptions

README = Path(__file__).parents[1] / "README.md"


def test_the_settings_in_the_readme_are_the_defaults():
    """The tables in the README name every option, each with its default."""
    [block] = re.findall(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    tables = tomllib.loads(block)

    assert tables["strategy"]["burst"] == msgspec.to_builtins(BurstOptions())
    assert tables["checkpoint"]["lmdb"] == msgspec.to_builtins(LmdbOptions())
    assert tables["acme-notify"] == {"file": "acme-notify.jsonl"}
