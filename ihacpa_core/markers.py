"""The pluggy markers: `hookimpl` for plugins, `hookspec` for the core."""

from __future__ import annotations

import pluggy

PROJECT = "ihacpa"
HOOK_API = 1
"""The version of the hook specifications. Adding a hook or a field keeps it; removing one raises it."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
