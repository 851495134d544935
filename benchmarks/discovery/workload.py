"""The events of all sizes: journeys of simulated shops with 30 touchpoints, as plain columns.

A smaller size is the first journeys of a larger one, so that all are made once. Files are `.npy`, which every
environment reads, whatever it has installed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

EVENTS_A_CUSTOMER = 13.09
"""About how many events a customer of the simulated shop has."""

SHOP_EVENTS = 10_000_000
"""At most so many events come from one shop; further ones from shops with other seeds."""

FIRST_SEED = 7
COLUMNS = ("journey", "customer", "timestamp", "touchpoint", "actor")


class Events(NamedTuple):
    """Whole journeys, sorted: journey j has the events from bounds[j] up to bounds[j + 1].

    `journey` is their number for each event, int32; `timestamp` microseconds; `touchpoint` and `actor` codes
    (int8) of `names` and `actors`.
    """

    bounds: np.ndarray
    journey: np.ndarray
    customer: np.ndarray
    timestamp: np.ndarray
    touchpoint: np.ndarray
    actor: np.ndarray
    names: tuple[str, ...]
    actors: tuple[str, ...]


def make(folder: Path, events: int) -> None:
    """Simulate shops until there are so many events, and write their columns down."""
    folder.mkdir(parents=True, exist_ok=True)
    parts, journeys, customers, made = [], 0, 0, 0
    vocabularies: tuple[tuple[str, ...], ...] = ()
    while made < 0.99 * events:
        part, vocabularies = _shop(min(events - made, SHOP_EVENTS), FIRST_SEED + len(parts))
        part["journey"] += journeys
        part["customer"] += customers
        journeys, customers = int(part["journey"][-1]) + 1, int(part["customer"][-1]) + 1
        made += len(part["journey"])
        parts.append(part)
    for name in COLUMNS:
        np.save(folder / f"{name}.npy", np.concatenate([part.pop(name) for part in parts]))
    (folder / "names.json").write_text(json.dumps(vocabularies), encoding="utf-8")


def read(folder: Path, events: int) -> Events:
    """Read the first journeys, until they have so many events or all are read; columns lie in memory."""
    columns = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in COLUMNS}
    journey = columns["journey"]
    if events < len(journey):
        end = int(np.searchsorted(journey, journey[events]))
        columns = {name: column[:end] for name, column in columns.items()}
    held = {name: np.array(column) for name, column in columns.items()}
    bounds = np.concatenate([np.flatnonzero(np.diff(held["journey"], prepend=-1)), [len(held["journey"])]])
    names, actors = (
        tuple(words) for words in json.loads((folder / "names.json").read_text(encoding="utf-8"))
    )
    return Events(bounds=bounds, **held, names=names, actors=actors)


def log_of(events: Events):
    """The same as a JourneyLog."""
    import pyarrow as pa

    import cjmining as cj

    table = pa.table(
        {
            "customer": events.customer,
            "timestamp": pa.array(events.timestamp, pa.timestamp("us", "UTC")),
            "touchpoint": _words(events.touchpoint, events.names),
            "actor": _words(events.actor, events.actors),
        }
    )
    begins = np.zeros(len(events.journey), np.bool_)
    begins[events.bounds[:-1]] = True
    return cj.JourneyLog.from_events(table, order="sorted").split_at(begins)


def _words(codes: np.ndarray, words: tuple[str, ...]):
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(words))


def _shop(events: int, seed: int):
    import cjmining as cj
    from cjmining.intended import parse_map

    shop = cj.simulate.shop(round(events / EVENTS_A_CUSTOMER), seed=seed)
    log = shop.log.split(parse_map(shop.intended_text))
    columns = {
        "journey": log.event_journeys().astype(np.int32),
        "customer": log.event_customers.astype(np.int64),
        "timestamp": log.timestamps,
        "touchpoint": log.codes("touchpoint").astype(np.int8),
        "actor": log.codes("actor").astype(np.int8),
    }
    return columns, (log.vocabulary("touchpoint"), log.vocabulary("actor"))
