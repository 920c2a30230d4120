"""Whether Python and the packages that ihacpa needs are there."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, requires, version

from ihacpa_core._version import __version__
from ihacpa_core.health import CheckResult
from ihacpa_core.plugins.builtins import OWN_DISTRIBUTION

_OLDEST = (3, 11)


def python() -> CheckResult:
    """The interpreter, and whether it is new enough."""
    told = f"ihacpa {__version__} on {platform.python_implementation()} {platform.python_version()} ({sys.executable})"
    if sys.version_info < _OLDEST:  # pip refuses to install it there; a copied folder does not
        return CheckResult.failed(told, fix=f"install Python {'.'.join(map(str, _OLDEST))} or newer")
    return CheckResult.passed(told)


def packages() -> CheckResult:
    """The packages that ihacpa needs, and their versions."""
    from packaging.requirements import Requirement

    try:
        needed = [Requirement(text) for text in requires(OWN_DISTRIBUTION) or ()]
    except PackageNotFoundError:
        return CheckResult.warned("ihacpa runs from a folder and was not installed", fix="pip install .")
    needed = [one for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    found = {one.name: _version(one.name) for one in needed}
    wrong = [one for one in needed if not one.specifier.contains(found[one.name] or "0", prereleases=True)]
    if wrong:
        told = ", ".join(f"{one.name} is {found[one.name] or 'missing'}" for one in wrong)
        names = " ".join(f"'{one.name}{one.specifier}'" for one in wrong)
        return CheckResult.failed(told, fix=f"pip install --upgrade {names}")
    return CheckResult.passed(", ".join(f"{name} {installed}" for name, installed in found.items()))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
