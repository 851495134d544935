"""The events that every engine gets, in forms that engines like: a shop's, and walks along other maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.walks import MAPS, Codes, simulate

ROOT = Path(__file__).resolve().parents[1]
HELP_DESK = "help-desk"
"""Folder of its codes."""
HELP_DESK_LOG = ROOT.parent / "shared" / "data" / "crm" / "helpdesk_tickets.xes.gz"
"""Published data isn't part of the project."""
HELP_DESK_MAP = ROOT / "docs" / "readings" / "helpdesk.yaml"

EVENTS_A_CUSTOMER = 13.09
"""About how many events a customer of the simulated shop has."""

EXPORT_EVENTS = 1_000_000
"""Native exports are written beside logs of at most so many events."""

EXPORT_CUSTOMERS = 20_000
"""At most so many customers' events are written as native exports."""


def make(folder: Path, events: int) -> dict[str, int]:
    """Simulate a shop of about `events` events and write it down; return its sizes."""
    import cjmining as cj
    from cjmining.intended import parse_map

    shop = cj.simulate.shop(round(events / EVENTS_A_CUSTOMER))
    intended = parse_map(shop.intended_text)
    log = shop.log.split(intended).with_personas(intended)
    folder.mkdir(parents=True, exist_ok=True)
    log.write(folder / "log", overwrite=True)
    (folder / "intended.yaml").write_text(shop.intended_text, encoding="utf-8")
    _write_flat(log, folder / "flat.arrow")
    _write_csv(log, folder / "events.csv")
    _codes_of(log, intended).save(folder / "map-shop", shop.intended_text)
    for states, text in MAPS.items():
        simulate(text, events).save(folder / f"map-{states}", text)
    _write_help_desk(folder / HELP_DESK)
    if events <= EXPORT_EVENTS:
        cj.simulate.shop(min(log.n_customers, EXPORT_CUSTOMERS)).write(folder / "exports")
    columns = log.to_arrow()["events"]
    return {
        "events": log.n_events,
        "journeys": log.n_journeys,
        "customers": log.n_customers,
        "bytes_all_columns": columns.nbytes,
        "bytes_three_columns": columns.select(["customer", "timestamp", "touchpoint"]).nbytes,
    }


def _codes_of(log, intended) -> Codes:
    """The log's journeys, aligned up to their place or, where the map goes on after the goal, to their end.

    Where a check has nothing to align, journeys keep their events here.
    """
    from cjmining.conformance.plan import make_plans
    from cjmining.kernels.alignment import CONVERTED_END, NOTHING_TO_ALIGN, symbols_of
    from cjmining.kernels.outcomes import CONVERTED, judge

    plan = make_plans(log, intended)[0]
    code, failed = log.codes("touchpoint"), log.flags("failed")
    outcome, _, _, place, *_ = judge(
        log.bounds, log.timestamps, code, log.codes("actor"), failed, plan.rules, log.data_end_us
    )
    symbol = symbols_of(code, failed, plan.code_symbol, plan.rules.ignored, plan.exits)
    place_symbol = symbol[np.maximum(place, 0)]
    converted, placed = outcome == CONVERTED, place >= 0
    goes_on = converted & plan.goes_on[place_symbol]
    end = np.where(converted, CONVERTED_END, np.where(placed, 1 + place_symbol, NOTHING_TO_ALIGN))
    return Codes(
        code,
        failed,
        log.bounds[:-1].copy(),
        np.where(placed & ~goes_on, place + 1, log.bounds[1:]),
        end.astype(np.int32),
        plan.code_symbol,
        plan.rules.ignored,
        plan.exits,
        np.array(log.vocabulary("touchpoint")),
    )


def _write_help_desk(folder: Path) -> None:
    """The published log of a help desk, every ticket through its end; nothing where it is not at hand."""
    if not HELP_DESK_LOG.is_file():
        return
    import pandas as pd
    import pm4py

    import cjmining as cj
    from cjmining.kernels.alignment import CONVERTED_END, NOT_ON_MAP

    events = pm4py.read_xes(str(HELP_DESK_LOG))
    symbols = cj.read_map(HELP_DESK_MAP).automaton.symbols
    code, names = pd.factorize(events["concept:name"], sort=True)
    case, cases = pd.factorize(events["case:concept:name"])
    order = np.argsort(case, kind="stable")
    bounds = np.searchsorted(case[order], np.arange(len(cases) + 1))
    numbers = {name: number for number, name in enumerate(symbols)}
    Codes(
        code[order].astype(np.int32),
        np.zeros(len(code), np.int8),
        bounds[:-1],
        bounds[1:],
        np.full(len(cases), CONVERTED_END, np.int32),
        np.array([numbers.get(name, NOT_ON_MAP) for name in names], np.int32),
        np.zeros(len(names), np.bool_),
        np.zeros(len(names), np.bool_),
        np.array(names, dtype=str),
    ).save(folder, HELP_DESK_MAP.read_text(encoding="utf-8"))


def _write_flat(log, path: Path) -> None:
    """The three columns that transitions need: sorted, encoded, journeys numbered."""
    import pyarrow as pa

    table = pa.table(
        {
            "journey": pa.array(log.event_journeys()).cast(pa.int32()),
            "touchpoint": pa.array(log.codes("touchpoint")).cast(pa.int16()),
            "timestamp": pa.array(log.timestamps),
        },
        metadata={"touchpoints": ",".join(log.vocabulary("touchpoint"))},
    )
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _write_csv(log, path: Path) -> None:
    """An export as a system would deliver it: text, in the order of time, not of customers."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    events = log.to_arrow()["events"]
    customer = pc.utf8_lpad(pc.cast(events["customer"], pa.string()), 8, "0")
    table = pa.table(
        {
            "event": pa.array(range(len(events))),
            "customer": pc.binary_join_element_wise("C", customer, ""),
            "time": pc.strftime(_whole_seconds(events["timestamp"]), format="%Y-%m-%dT%H:%M:%SZ"),
            "touchpoint": pc.cast(events["touchpoint"], pa.string()),
            "channel": pc.cast(events["channel"], pa.string()),
            "value": events["value"],
        }
    )
    csv.write_csv(table.sort_by([("time", "ascending"), ("event", "ascending")]), str(path))


def _whole_seconds(times):
    import pyarrow as pa

    return times.cast(pa.timestamp("s", "UTC"), safe=False)


def flat(folder: Path):
    """Read the three columns and the touchpoints' names."""
    import pyarrow as pa

    with pa.memory_map(str(folder / "flat.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
    return table, tuple(table.schema.metadata[b"touchpoints"].decode().split(","))


if __name__ == "__main__":
    import json
    import sys

    print(json.dumps(make(Path(sys.argv[1]), int(sys.argv[2]))))
