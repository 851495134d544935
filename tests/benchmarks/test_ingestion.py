"""Ingestion writes the events that the same work by hand writes: what `benchmarks.ingestion` compares."""

from __future__ import annotations

import pytest

from benchmarks.ingestion.__main__ import FLOOR, OURS
from benchmarks.ingestion.engines import ENGINES
from benchmarks.ingestion.make import make


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports") / "x"
    make(folder, 3_000)
    return folder


def test_the_log_has_the_events_that_the_script_by_hand_finds(exports, tmp_path):
    found = {name: ENGINES[name](exports, tmp_path / str(i))()() for i, name in enumerate((OURS, FLOOR))}
    assert found[OURS] == found[FLOOR]
    assert found[OURS]["out of order"] == [0]
    assert sum(counts[0] for counts in found[OURS].values()) > 2_000
