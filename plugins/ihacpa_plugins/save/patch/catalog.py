"""A long list of small elements, such as the links of a sheet: found by key, changed in place, packed in segments."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Final, Generic, TypeVar

from ihacpa_plugins.save.patch.segments import Segments, pack

KeyT = TypeVar("KeyT", bound=Hashable)

_AIMED: Final = 64 * 1024
"""Bytes of a segment: all its elements are looked at whenever one of them is."""
_LEVEL: Final = 6
_KEPT_OPEN: Final = 2
"""Segments that are kept as they were taken apart: the next links are most often put into the same ones."""

Parse = Callable[[bytes], Iterable[tuple[KeyT, bytes]]]


class Catalog(Generic[KeyT]):
    """Elements by key, in their order; what is new comes last. A change is kept by `commit` or undone by `rollback`."""

    def __init__(self, items: Iterable[tuple[KeyT, bytes]], parse: Parse[KeyT]) -> None:
        """`parse` gives back the items of a text that was put together from them."""
        self._parse = parse
        self._where: dict[KeyT, int] = {}
        self._segments = Segments()
        self._open: dict[int, dict[KeyT, bytes]] = {}
        self._touched: set[int] = set()
        for group in _grouped(items):
            self._where.update(dict.fromkeys((key for key, _ in group), len(self._segments)))
            self._segments.append(pack(b"".join(element for _, element in group), _LEVEL))
        self._saved = self._segments.copy()
        self._undo: dict[KeyT, int | None] = {}

    def __len__(self) -> int:
        return len(self._where)

    def __contains__(self, key: KeyT) -> bool:
        return key in self._where

    def get(self, key: KeyT) -> bytes | None:
        """The element of this key."""
        at = self._where.get(key)
        return None if at is None else self._items(at)[key]

    def put(self, key: KeyT, element: bytes) -> None:
        """Add an element, or put it in the place of the one of the same key."""
        at = self._where.get(key)
        if at is None:
            at = self._last()
            self._note(key)
            self._where[key] = at
        self._items(at)[key] = element
        self._touched.add(at)

    def remove(self, key: KeyT) -> None:
        """Take an element out."""
        at = self._where[key]
        del self._items(at)[key]
        self._touched.add(at)
        self._note(key)
        del self._where[key]

    def packed(self) -> Segments:
        """All elements as they are now."""
        for at in self._touched:
            self._segments.replace(at, [pack(b"".join(self._open[at].values()), _LEVEL)])
        self._touched.clear()
        while len(self._open) > _KEPT_OPEN:
            del self._open[next(iter(self._open))]
        return self._segments

    def commit(self) -> None:
        """Keep what was changed since the last time."""
        self._saved = self.packed().copy()
        self._undo.clear()

    def rollback(self) -> None:
        """Forget what was changed since the last `commit`."""
        self._segments = self._saved.copy()
        self._open.clear()
        self._touched.clear()
        for key, at in self._undo.items():
            if at is None:
                self._where.pop(key, None)
            else:
                self._where[key] = at
        self._undo.clear()

    def _note(self, key: KeyT) -> None:
        self._undo.setdefault(key, self._where.get(key))

    def _items(self, at: int) -> dict[KeyT, bytes]:
        if at not in self._open:
            self._open[at] = dict(self._parse(self._segments[at].text()))
        return self._open[at]

    def _last(self) -> int:
        """The segment that has room for one more."""
        at = len(self._segments) - 1
        if at >= 0:
            size = self._segments[at].total.size
            if at in self._touched:
                size = sum(map(len, self._open[at].values()))
            if size < _AIMED:
                return at
        self._segments.append(pack(b""))
        return at + 1


def _grouped(items: Iterable[tuple[KeyT, bytes]]) -> Iterator[list[tuple[KeyT, bytes]]]:
    group: list[tuple[KeyT, bytes]] = []
    size = 0
    for item in items:
        group.append(item)
        size += len(item[1])
        if size >= _AIMED:
            yield group
            group, size = [], 0
    if group:
        yield group
