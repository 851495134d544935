"""The events that every engine gets: a simulated shop, split by its map, in forms that engines like."""

from __future__ import annotations

from pathlib import Path

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
