"""The moves of a check, as a table and as files, whatever the blocks are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import cjmining as cj
from cjmining.conformance.moves import moves, write_moves
from cjmining.conformance.plan import make_plans
from cjmining.conformance.reading import Reading
from cjmining.errors import LogError
from cjmining.intended import IntendedMap, parse_map
from cjmining.log import JourneyLog

OVERRIDE = """
personas:
  - persona: Gen Z
    where: {birth_year: {at_least: 1997}}
    stages:
      - {stage: Research, optional: true}
"""


@pytest.fixture(scope="module", params=["one map", "a map that a persona overrides"])
def held(request) -> tuple[JourneyLog, IntendedMap]:
    shop = cj.simulate.shop(300, seed=5)
    text = shop.intended_text
    if request.param != "one map":
        text = text[: text.index("personas:")] + OVERRIDE
    intended = parse_map(text)
    return shop.log.split(intended).with_personas(intended), intended


@pytest.fixture(scope="module")
def reading(held) -> Reading:
    """The log in blocks of about 300 events."""
    log, intended = held
    return replace(Reading.of(log, make_plans(log, intended), None), blocks=log.blocks(events=300))


def test_moves_do_not_depend_on_blocks_and_runs(held, reading: Reading) -> None:
    log, intended = held
    assert len(reading.blocks) > 5
    expected = cj.check(log, intended).moves()
    pd.testing.assert_frame_equal(moves(reading), expected)
    pd.testing.assert_frame_equal(moves(reading), expected)


def test_moves_do_not_depend_on_the_order_of_customers(held) -> None:
    """The same customers in the opposite order: each journey has the moves that it had."""
    log, intended = held
    events = log.events
    customers = log.customers
    for frame in (events, customers):
        frame["customer"] = customers["customer"].max() - frame["customer"]
    turned = JourneyLog.from_events(
        events.drop(columns="journey"), customers=customers, data_end=pd.Timestamp(log.data_end)
    )
    turned = turned.split(intended).with_personas(intended)
    keys = ["customer", "attempt", "position"]

    def of(which: JourneyLog) -> pd.DataFrame:
        found = cj.check(which, intended).moves()
        found["customer"] = which.journey_customer[found["journey"]]
        rank = found.groupby("customer")["journey"].rank("dense").astype(int)
        return found.assign(attempt=rank).drop(columns=["journey", "event"])

    there, back = of(log), of(turned)
    back["customer"] = customers["customer"].max() - back["customer"]
    back = back.sort_values(keys, ignore_index=True)
    pd.testing.assert_frame_equal(there.sort_values(keys, ignore_index=True), back)


def test_each_event_of_a_move_is_one_of_its_journey_in_order(held, reading: Reading) -> None:
    log, _ = held
    found = moves(reading)
    happened = found[found["event"] >= 0]
    assert (log.event_journeys()[happened["event"]] == happened["journey"]).all()
    assert happened.groupby("journey")["event"].is_monotonic_increasing.all()
    names = np.array(log.vocabulary("touchpoint"))[log.codes("touchpoint")[happened["event"]]]
    assert (names == happened["touchpoint"].astype(str)).all()
    assert (found["position"] == found.groupby("journey").cumcount()).all()


def test_files_have_the_moves_of_one_block_each(reading: Reading, tmp_path: Path) -> None:
    folder = write_moves(reading, tmp_path / "out" / "moves")
    assert folder == tmp_path / "out" / "moves"
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == [f"moves-{n:05d}.parquet" for n in range(len(reading.blocks))]
    assert [path.name for path in folder.parent.iterdir()] == ["moves"]
    schema = pq.read_schema(files[0])
    assert all(str(schema.field(name).type).startswith("dictionary") for name in ("stage", "touchpoint"))
    parts = [pd.read_parquet(file) for file in files]
    for block, part in zip(reading.blocks, parts, strict=True):
        assert part["journey"].between(block.first_journey, block.last_journey - 1).all()
    texts = {"move": str, "stage": str, "touchpoint": str}
    written = pd.concat(parts, ignore_index=True).astype(texts)
    pd.testing.assert_frame_equal(written, moves(reading).astype(texts))


def test_an_empty_folder_is_used_and_a_full_one_is_left_alone(reading: Reading, tmp_path: Path) -> None:
    write_moves(reading, tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(LogError, match="is not empty: moves are written into a folder of their own"):
        write_moves(reading, str(tmp_path))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    with pytest.raises(LogError, match="is a file"):
        write_moves(reading, tmp_path / "moves-00000.parquet")
