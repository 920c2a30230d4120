"""Records come out of one queue, each once: no arithmetic on positions can pass one over or take it twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ihacpa_core.engine.processing import OpenBatch, Queue
from ihacpa_core.records import Headers, Record


class Announced:
    """What a processor hears of the records that come next."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def prefetch(self, records) -> None:
        self.seen += [record.key for record in records]


def records(count):
    headers = Headers({"A": "Name"})
    return [
        Record(row=at + 2, key=f"r{at}", occurrence=1, number=at + 1, contents={}, formulas={}, headers=headers)
        for at in range(count)
    ]


cuts = st.lists(st.tuples(st.integers(1, 200), st.none() | st.integers(0, 60)), max_size=40)


@given(st.integers(0, 300), cuts, st.integers(1, 20))
def test_any_sizes_and_any_early_ends_take_every_record_once(count, cuts, reach):
    """Whatever a strategy says, before or in the middle of a batch: what is taken, in all, is the list in its order."""
    processor = Announced()
    queue = Queue(records(count), processor, reach)
    taken = []
    for number, (size, close_after) in enumerate([*cuts, (max(count, 1), None)], start=1):
        batch = OpenBatch(number=number, size=size, started=0.0)
        for record in batch.records(queue):
            taken.append(record.key)
            if batch.taken == close_after:
                batch.close("whim")
        assert batch.taken <= size

    assert taken == [f"r{at}" for at in range(count)]
    assert len(queue) == 0
    assert processor.seen == taken
