"""On which line of a TOML file a key stands.

`tomllib` parses, and keeps no positions. This scanner walks over the same text once more and notes the line of every
key: tables, dotted keys, inline tables, arrays of tables, elements of arrays. It leans on the text being valid TOML 1.0
(https://toml.io/en/v1.0.0), which `tomllib` has made sure of before.
"""

from __future__ import annotations

import re
import tomllib

KeyPath = tuple[str | int, ...]
"""Where a value stands: keys, and positions in arrays."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_STRING = re.compile(
    r"""
    \"{3} (?: [^"\\] | \\. | "{1,2}(?!") )* "{3,5}
    | '{3} (?: [^'] | '{1,2}(?!') )* '{3,5}
    | " (?: [^"\\\n] | \\. )* "
    | ' [^'\n]* '
    """,
    re.DOTALL | re.VERBOSE,
)
_SCALAR = re.compile(r"[^,\]}#\n]*")


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line, from 1, of every key, table and array element of `text`, which is valid TOML."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


def split_key(text: str) -> tuple[tuple[str, ...], str]:
    """A dotted key and what follows it: ``a."b.c" = 1`` is ``("a", "b.c")`` and ``" = 1"``.

    :raises ValueError: `text` does not begin with a key.
    """
    scanner = _Scanner(text)
    return scanner.key(), text[scanner.at :]


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self._arrays: dict[KeyPath, int] = {}
        self._counted = (0, 1)

    def document(self) -> None:
        prefix: KeyPath = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                prefix = self._header()
            else:
                self._pair(prefix)
            self._skip(_BLANK)

    def key(self) -> tuple[str, ...]:
        self._skip(_SPACE)
        parts = [self._simple_key()]
        while (dot := _DOT.match(self.text, self.at)) is not None:
            self.at = dot.end()
            parts.append(self._simple_key())
        return tuple(parts)

    def _simple_key(self) -> str:
        match = _KEY.match(self.text, self.at)
        if match is None:
            raise ValueError("a key was expected")
        self.at = match.end()
        word = match[0]
        return next(iter(tomllib.loads(f"{word} = 0"))) if word[0] in "\"'" else word

    def _header(self) -> KeyPath:
        line = self._line()
        array = self.text.startswith("[[", self.at)
        self.at += 2 if array else 1
        keys = self.key()
        self._skip(_SPACE)
        self.at += 2 if array else 1
        path: KeyPath = (*self._resolve(keys[:-1], line), keys[-1])
        if array:
            self.lines.setdefault(path, line)
            self._arrays[path] = self._arrays.get(path, -1) + 1
            path += (self._arrays[path],)
        self.lines[path] = line
        return path

    def _resolve(self, keys: tuple[str, ...], line: int) -> KeyPath:
        path: KeyPath = ()
        for key in keys:
            path += (key,)
            self.lines.setdefault(path, line)
            if path in self._arrays:  # [[fruit]] and then [fruit.peel]: that of the last fruit
                path += (self._arrays[path],)
        return path

    def _pair(self, prefix: KeyPath) -> None:
        line = self._line()
        path = prefix
        for key in self.key():
            path += (key,)
            self.lines.setdefault(path, line)
        self._skip(_SPACE)
        self.at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        start = self.text[self.at]
        if start == "[":
            self._array(path)
        elif start == "{":
            self._inline_table(path)
        else:
            self._skip(_STRING if start in "\"'" else _SCALAR)

    def _array(self, path: KeyPath) -> None:
        self.at += 1
        self._skip(_BLANK)
        position = 0
        while self.text[self.at] != "]":
            item = (*path, position)
            self.lines[item] = self._line()
            self._value(item)
            position += 1
            self._separator()
        self.at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self.at += 1
        self._skip(_BLANK)
        while self.text[self.at] != "}":
            self._pair(path)
            self._separator()
        self.at += 1

    def _separator(self) -> None:
        self._skip(_BLANK)
        if self.text[self.at] == ",":
            self.at += 1
            self._skip(_BLANK)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise ValueError(f"no TOML at character {self.at}")
        self.at = match.end()

    def _line(self) -> int:
        at, line = self._counted
        line += self.text.count("\n", at, self.at)
        self._counted = (self.at, line)
        return line
