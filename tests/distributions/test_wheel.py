"""The wheel of the project: what is in it, and that it works away from its checkout."""

from __future__ import annotations

import re
from pathlib import Path
from zipfile import ZipFile

import pytest

from ihacpa_core._version import __version__

ROOT = Path(__file__).parents[2]
PACKAGES = {"ihacpa_core": ROOT / "ihacpa_core", "ihacpa_plugins": ROOT / "plugins" / "ihacpa_plugins"}


@pytest.fixture(scope="module")
def names(wheels):
    """What the wheel holds."""
    [wheel] = wheels.glob("ihacpa-*.whl")
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_two_packages_and_nothing_else(names):
    """Installing it makes `ihacpa_core` and `ihacpa_plugins`, and no third name that could clash."""
    assert {name.partition("/")[0] for name in names} == {*PACKAGES, f"ihacpa-{__version__}.dist-info"}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_of_a_package_is_in_the_wheel(names, package):
    """Templates, py.typed and whatever else lies in a package is installed with it."""
    folder = PACKAGES[package]
    expected = {
        f"{package}/{path.relative_to(folder).as_posix()}"
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert {name for name in names if name.startswith(f"{package}/")} == expected
    assert f"{package}/py.typed" in names


def test_the_wheel_names_its_licence(names):
    """The licence travels with the wheel."""
    assert f"ihacpa-{__version__}.dist-info/licenses/LICENSE" in names


def test_the_installed_command_works(site, tmp_path):
    """Installed from the wheel, `ihacpa --version` and `ihacpa plugins` answer, and come from there."""
    version = site.run("ihacpa", "--version", cwd=tmp_path)
    plugins = site.run("ihacpa", "plugins", cwd=tmp_path)
    code = "import ihacpa_core, ihacpa_plugins; print(ihacpa_core.__file__, ihacpa_plugins.__file__)"
    where = site.run("python", "-c", code, cwd=tmp_path)

    assert (version.returncode, version.stdout) == (0, f"ihacpa {__version__}\n"), version.stderr
    assert plugins.returncode == 0, plugins.stderr
    assert re.search(r"\bsqlite\b", plugins.stdout)
    assert where.stdout.count(str(site.packages)) == 2
