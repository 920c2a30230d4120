"""What is stored comes back as it was, and what is damaged is refused by name."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ihacpa_core import codec
from ihacpa_core.errors import RecordError, StoreError
from ihacpa_core.records import Cell, CellStyle, Failure, Level, Outcome, RecordId, Status
from ihacpa_core.state import CheckpointData, Fingerprint, RunInfo, RunMetrics, RunState

texts = st.text(st.characters(codec=None), max_size=20)  # lone surrogates and all
whole = st.integers(-(10**20), 10**20)
counts = st.integers(0, 10**12)
seconds = st.floats(0, 1e9)
zones = st.sampled_from([UTC, timezone(timedelta(hours=-3, minutes=-30))])
moments = st.datetimes(timezones=zones)
values = st.one_of(st.none(), texts, st.booleans(), whole, st.floats(allow_nan=False), st.dates(), st.datetimes())
cells = st.builds(Cell, values, st.none() | st.sampled_from(CellStyle), st.none() | texts)
json_values = st.recursive(
    st.none() | st.booleans() | whole | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
tables = st.dictionaries(texts, json_values, max_size=3)
failures = st.builds(Failure, kind=texts, message=texts, hint=texts, transient=st.booleans())
outcomes = st.builds(
    Outcome,
    id=st.builds(RecordId, texts, st.integers(1, 9)),
    row=st.integers(1, 1_048_576),
    status=st.sampled_from(Status),
    cells=st.dictionaries(texts, cells, max_size=4),
    error=st.none() | failures,
    attempts=st.integers(1, 9),
    seconds=seconds,
    level=st.sampled_from(Level),
    unchecked=st.lists(texts, max_size=3).map(tuple),
    inputs=st.lists(texts, max_size=3).map(tuple),
    input_digest=texts,
    before=st.dictionaries(texts, values, max_size=4),
    detail=tables,
)
fingerprints = st.builds(Fingerprint, texts, counts)
metrics = st.builds(
    RunMetrics,
    done=counts,
    wall_seconds=seconds,
    peak_memory=counts,
    slowest=st.lists(st.tuples(texts, seconds), max_size=3).map(tuple),
)
runs = st.builds(
    RunInfo,
    run_id=texts,
    workbook=texts,
    sheet=texts,
    started=moments,
    original=fingerprints,
    records=counts,
    settings=tables,
)
checkpoints = st.builds(
    CheckpointData,
    checkpoint_id=texts,
    run_id=texts,
    created=moments,
    sequence=counts,
    batch=counts,
    metrics=metrics,
    workbook=fingerprints,
    backup=texts,
    state=st.sampled_from(RunState),
    expires=st.none() | moments,
)


def through_json(document: Any) -> Any:
    return json.loads(json.dumps(document, allow_nan=False))


def an_outcome() -> Outcome:
    return Outcome(
        id=RecordId("flask", 2),
        row=7,
        status=Status.FAILED,
        cells={"F": Cell("3.0", CellStyle.GOOD, "https://pypi.org/project/flask/")},
        error=Failure(kind="TimeoutError", message="no answer", transient=True),
        before={"F": date(2026, 1, 2), "H": datetime(2026, 1, 2, 3, 4, 5, 6)},
    )


@given(outcomes)
def test_outcome_round_trip(outcome: Outcome) -> None:
    """Any outcome comes back equal from its JSON text."""
    assert codec.decode_outcome(through_json(codec.encode_outcome(outcome))) == outcome


@given(runs)
def test_run_round_trip(run: RunInfo) -> None:
    """Any run comes back equal from its JSON text."""
    assert codec.decode_run(through_json(codec.encode_run(run))) == run


@given(checkpoints)
def test_checkpoint_round_trip(data: CheckpointData) -> None:
    """Any checkpoint comes back equal from its JSON text."""
    assert codec.decode_checkpoint(through_json(codec.encode_checkpoint(data))) == data


@given(metrics, fingerprints)
def test_metrics_and_fingerprint_round_trip(numbers: RunMetrics, fingerprint: Fingerprint) -> None:
    """Metrics and fingerprints come back equal from their JSON text."""
    assert codec.decode_metrics(through_json(codec.encode_metrics(numbers))) == numbers
    assert codec.decode_fingerprint(through_json(codec.encode_fingerprint(fingerprint))) == fingerprint


@given(values)
def test_cell_value_keeps_its_type(value: Any) -> None:
    """A cell's value comes back with its type: True is not 1, a date is no datetime."""
    back = codec.decode_value(through_json(codec.encode_value(value)))

    assert (type(back), back) == (type(value), value)


def test_dates_are_tagged() -> None:
    """The stored form of a date is plain to see."""
    assert codec.encode_value(date(2026, 1, 2)) == {"date": "2026-01-02"}
    assert codec.encode_value(datetime(2026, 1, 2, 3, 4)) == {"datetime": "2026-01-02T03:04:00"}


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_lacks(number: float) -> None:
    """NaN and the infinities, which a damaged workbook may hold, are stored too."""
    assert repr(codec.decode_value(through_json(codec.encode_value(number)))) == repr(number)


DOCUMENTS = [
    (codec.decode_outcome, codec.encode_outcome(an_outcome())),
    (
        codec.decode_run,
        codec.encode_run(
            RunInfo(
                run_id="r",
                workbook="w",
                sheet="s",
                started=datetime(2026, 1, 1, tzinfo=UTC),
                original=Fingerprint("f", 1),
                records=1,
            )
        ),
    ),
    (
        codec.decode_checkpoint,
        codec.encode_checkpoint(
            CheckpointData(
                checkpoint_id="c",
                run_id="r",
                created=datetime(2026, 1, 1, tzinfo=UTC),
                sequence=1,
                batch=1,
                metrics=RunMetrics(),
                workbook=Fingerprint("f", 1),
                backup="b",
            )
        ),
    ),
    (codec.decode_metrics, codec.encode_metrics(RunMetrics(slowest=(("a", 1.0),)))),
    (codec.decode_fingerprint, codec.encode_fingerprint(Fingerprint("f", 1))),
]


@pytest.mark.parametrize(("decode", "document"), DOCUMENTS)
def test_newer_schema_is_refused(decode: Any, document: dict[str, Any]) -> None:
    """A document of a newer version is refused, with what to do."""
    with pytest.raises(StoreError, match="newer version") as caught:
        decode({**document, "schema": codec.SCHEMA + 1})

    assert "upgrade" in caught.value.hint


@pytest.mark.parametrize(("decode", "document"), DOCUMENTS)
def test_missing_field_is_named(decode: Any, document: dict[str, Any]) -> None:
    """A document that lacks any one field is refused, and the field named."""
    for name in document:
        less = {key: value for key, value in document.items() if key != name}

        with pytest.raises(StoreError, match=f"'{name}' is missing"):
            decode(less)


@pytest.mark.parametrize(("decode", "document"), DOCUMENTS)
def test_wrong_type_is_named(decode: Any, document: dict[str, Any]) -> None:
    """A field that holds something else is refused, and named with what it holds."""
    for name in document:
        with pytest.raises(StoreError, match=f"'{name}' holds"):
            decode({**document, name: object()})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"status": "lost"}, "'status' holds 'lost'"),
        ({"level": 9}, "'level' holds 9"),
        ({"row": True}, "'row' holds True"),
        ({"cells": {"F": {"value": 1, "style": None}}}, "'link' is missing"),
        ({"cells": {"F": {"value": {"date": "soon"}, "style": None, "link": None}}}, "'value' holds"),
        ({"cells": {"F": {"value": {"pickle": ""}, "style": None, "link": None}}}, "'value' holds"),
        ({"cells": {"F": {"value": 1, "style": "pink", "link": None}}}, "'style' holds 'pink'"),
        ({"error": {"kind": "x"}}, "'message' is missing"),
        ({"unchecked": "nvd"}, "'unchecked' holds 'nvd'"),
    ],
)
def test_damage_inside_is_named(change: dict[str, Any], complaint: str) -> None:
    """Damage deep inside an outcome is named, never guessed over."""
    with pytest.raises(StoreError, match=complaint):
        codec.decode_outcome({**codec.encode_outcome(an_outcome()), **change})


@pytest.mark.parametrize("document", [None, [], "text", 1])
def test_no_object_is_refused(document: Any) -> None:
    """What is no JSON object at all is refused."""
    with pytest.raises(StoreError, match="not an object"):
        codec.decode_outcome(document)


def test_detail_becomes_json() -> None:
    """Dates, tuples and enumerations in a processor's detail are stored as what they stand for."""
    outcome = Outcome(
        id=RecordId("a"), row=1, status=Status.DONE, detail={"on": date(2026, 1, 2), "pair": (1, Level.HIGH)}
    )

    assert codec.encode_outcome(outcome)["detail"] == {"on": "2026-01-02", "pair": [1, 3]}


def a_checkpoint() -> dict[str, Any]:
    return codec.encode_checkpoint(
        CheckpointData(
            checkpoint_id="c1",
            run_id="r1",
            created=datetime(2026, 1, 1, tzinfo=UTC),
            sequence=7,
            batch=2,
            metrics=RunMetrics(done=5, wall_seconds=0.1, slowest=(("naïve \ud800", 1.5),)),
            workbook=Fingerprint("ab", 1),
            backup="b.xlsx",
            expires=datetime(2026, 2, 1, tzinfo=UTC),
        )
    )


@pytest.mark.parametrize(
    "change",
    [
        {"sequence": 8},
        {"state": "finished"},
        {"expires": None},
        {"expires": "2026-02-02T00:00:00+00:00"},
        {"backup": "c.xlsx"},
        {"checksum": "0" * 64},
        {"note": "a field that was not there"},
    ],
)
def test_altered_checkpoint_is_refused(change: dict[str, Any]) -> None:
    """A checkpoint in which anything was changed by hand does not fit its checksum, whatever the JSON looks like."""
    with pytest.raises(StoreError, match="checksum") as caught:
        codec.decode_checkpoint({**a_checkpoint(), **change})

    assert caught.value.hint


def test_checksum_of_a_checkpoint_can_be_made_by_any_tool() -> None:
    """The checksum is SHA-256 of the other fields as ASCII JSON, keys sorted, without spaces; their order is free."""
    document = through_json(a_checkpoint())
    checksum = document.pop("checksum")
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))

    assert checksum == hashlib.sha256(text.encode("ascii")).hexdigest()
    assert codec.decode_checkpoint(dict(reversed([*document.items(), ("checksum", checksum)])))


def test_checkpoint_expires() -> None:
    """A checkpoint may be pruned from its expiry on, in whatever zone it was told; one without is kept."""
    data = codec.decode_checkpoint(a_checkpoint())
    expiry = datetime(2026, 2, 1, tzinfo=UTC)

    assert not data.is_expired(expiry - timedelta(seconds=1))
    assert data.is_expired(expiry.astimezone(timezone(timedelta(hours=-3))))
    assert not replace(data, expires=None).is_expired(expiry)


def deep() -> dict[str, Any]:
    inner: dict[str, Any] = {}
    inner["self"] = inner
    return inner


@pytest.mark.parametrize(
    "detail", [{"x": object()}, {"x": float("nan")}, {1: 2}, {"x": b"raw"}, deep(), {"x": 9**9999}]
)
def test_detail_that_json_cannot_hold(detail: Any) -> None:
    """A processor that keeps what JSON cannot hold fails its record, with a hint, and not the journal."""
    outcome = Outcome(id=RecordId("a"), row=1, status=Status.DONE, detail=detail)

    with pytest.raises(RecordError, match="detail") as caught:
        codec.encode_outcome(outcome)

    assert caught.value.hint
