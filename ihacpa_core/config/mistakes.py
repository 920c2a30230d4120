"""Mistakes, collected until all of them are known."""

from __future__ import annotations

from collections.abc import Iterable

from ihacpa_core.config.lines import KeyPath
from ihacpa_core.config.tree import Origin, dotted
from ihacpa_core.errors import ConfigError, Mistake, PluginError
from ihacpa_core.plugins.broken import BrokenPlugin


class Mistakes:
    """What is wrong with the settings, so far."""

    def __init__(self) -> None:
        self._found: list[tuple[Origin, Mistake]] = []
        self._cause: PluginError | None = None

    @property
    def found(self) -> bool:
        """Whether anything is wrong, so far."""
        return bool(self._found)

    def add(self, origin: Origin, path: KeyPath, problem: str, hint: str = "") -> None:
        """Note that the value at `path`, which came from `origin`, is wrong."""
        mistake = Mistake(where=str(origin), key=origin.section + dotted(path), problem=problem, hint=hint)
        if (origin, mistake) not in self._found:
            self._found.append((origin, mistake))

    def add_error(self, origin: Origin, path: KeyPath, error: PluginError) -> None:
        """Note that what `path` selects cannot be used."""
        if isinstance(error, BrokenPlugin):
            self.add(origin, path, error.told(str(origin)))
        else:
            self.add(origin, path, str(error), error.hint)
        self._cause = self._cause or error

    def raise_all(self) -> None:
        """Do nothing if nothing is wrong.

        :raises ConfigError: with every mistake, by file and line; files before environment before command line.
        """
        if self._found:
            raise ConfigError(_in_order(self._found)) from self._cause


def _in_order(found: Iterable[tuple[Origin, Mistake]]) -> list[Mistake]:
    return [mistake for _, mistake in sorted(found, key=lambda pair: (pair[0].layer, pair[0].source, pair[0].line))]
