"""The pluggy markers: `hookimpl` for plugins, `hookspec` for the core."""

from __future__ import annotations

import pluggy

PROJECT = "ihacpa"
HOOK_API = 1
"""The version of the hook specifications. Adding a hook or a field keeps it; removing one raises it.

A plugin may say which version it is made for, in a line of its module (or an attribute of its object)::

    ihacpa_hook_api = 1

It is refused at the start by an ihacpa that has another version. A plugin that says nothing is taken as it is.
"""

HOOK_API_ATTRIBUTE = "ihacpa_hook_api"


class HookDeprecationWarning(FutureWarning):
    """A plugin uses a hook, or an argument of one, that goes with the next hook API.

    A `FutureWarning`, since Python hides a `DeprecationWarning` by default: the people who run a plugin shall see it. A
    specification carries it: ``@hookspec(warn_on_impl=HookDeprecationWarning("ihacpa_x goes with hook API 2: ..."))``.
    """


hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
