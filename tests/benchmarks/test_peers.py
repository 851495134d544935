"""Peers give the same answers as we do, on a small log: what `benchmarks.discovery` compares before times."""

from __future__ import annotations

import pytest

from benchmarks.discovery import workload
from benchmarks.discovery.operations import OPERATIONS

EVENTS = 3_000
PAIRS = [
    (operation, engine)
    for operation, what in OPERATIONS.items()
    for engine in list(what.engines)[1:]
    if engine not in what.apart
]


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    folder = tmp_path_factory.mktemp("events")
    workload.make(folder, 2 * EVENTS)
    return workload.read(folder, EVENTS)


@pytest.fixture(scope="module")
def ours(events):
    return {name: _answer(next(iter(what.engines.values())), events) for name, what in OPERATIONS.items()}


def _answer(engine, events):
    answer = engine.prepare(events)()
    return answer() if callable(answer) else answer


@pytest.mark.filterwarnings("ignore:The 'lsuffix':DeprecationWarning")  # pm4py's own use of pandas
@pytest.mark.parametrize(("operation", "engine"), PAIRS)
def test_equals_its_peers(operation, engine, events, ours):
    for package in ("polars", "duckdb", "pm4py", "r4pm"):
        if package in engine:
            pytest.importorskip(package)
    answer = _answer(OPERATIONS[operation].engines[engine], events)
    assert OPERATIONS[operation].agree(ours[operation], answer) is None


@pytest.mark.parametrize("operation", list(OPERATIONS))
def test_a_difference_is_found(operation, ours):
    changed = dict(ours[operation])
    changed.pop(next(iter(changed)))
    assert OPERATIONS[operation].agree(ours[operation], changed) is not None


def test_a_smaller_size_is_whole_journeys(events):
    assert 0 < len(events.journey) <= EVENTS
    assert events.bounds[-1] == len(events.journey)
    log = workload.log_of(events)
    assert log.bounds.tolist() == events.bounds.tolist()
    assert len(events.names) == 30
