from __future__ import annotations

import subprocess
import sys

SCRIPT = """
from pathlib import Path
from ihacpa_core import hookspecs
from ihacpa_core.markers import HookDeprecationWarning, hookspec

def ihacpa_old() -> None: ...

message = HookDeprecationWarning("ihacpa_old goes with hook API 2: implement ihacpa_new")
hookspecs.ihacpa_old = hookspec(warn_on_impl=message)(ihacpa_old)

from ihacpa_core.plugins.table import PluginTable
PluginTable().enable("./plugin.py", Path.cwd())
"""


def test_the_people_who_run_a_plugin_see_what_is_deprecated(tmp_path):
    """A plugin that implements a deprecated hook works, and a warning with the way out stands on standard error."""
    plugin = "from ihacpa_core import hookimpl\n\n@hookimpl\ndef ihacpa_old():\n    return None\n"
    (tmp_path / "plugin.py").write_text(plugin)

    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "HookDeprecationWarning: ihacpa_old goes with hook API 2: implement ihacpa_new" in done.stderr
