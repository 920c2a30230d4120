"""What is said of a plugin that was asked for and cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ihacpa_core.errors import PluginError

if TYPE_CHECKING:
    from ihacpa_core.plugins.discovery import Entry

_WIDTH = 14


class BrokenPlugin(PluginError):
    """A plugin that cannot be imported, breaks the rules of the hooks, or fails where the run depends on it.

    :param entry: whose plugin it is.
    :param failed: what it did: ``cannot be imported``, ``misses its decorator``.
    """

    def __init__(self, entry: Entry, failed: str, *, why: str = "", hint: str = "") -> None:
        super().__init__(f"{entry.label} {failed}", why=why, hint=hint)
        self.entry = entry
        self.failed = failed

    def told(self, selected_by: str) -> str:
        """The error in full: the plugin, its distribution, the cause, what selected it, and what to do."""
        rows = {
            "distribution": self.entry.owner,
            "cause": self.why or "see above",
            "selected by": selected_by,
            "fix": self.hint or f"update or repair {self.entry.distribution}",
        }
        lines = [f"{name:<{_WIDTH}}{text}" for name, text in rows.items()]
        return "\n    ".join([f"{self.entry.title} {self.failed}", *lines])
