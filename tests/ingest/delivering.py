# ruff: noqa: S311, T201 -- examples, no secrets; a program that says what it tried
"""Random deliveries of several systems: added one by one in any order, or all at once, they make one log.

Run ``python -m tests.ingest.delivering 300`` for so many scenarios, or with ``--seed 17`` for one of them.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path
from typing import ClassVar

import pandas as pd

import cjmining as cj
from cjmining.ingest.sources.base import Column, Event, Feed, Input, Lookup, Source

TABLES = ("events", "journeys", "customers", "identities")
KEY = "the key of the tests"
PEOPLE = [f"person{n}@shop.de" for n in range(6)] + ["test@example.com"]
NUMBERS = [f"C{n}" for n in range(7)]


def check(seed: int, folder: Path) -> tuple[int, int]:
    """Make one scenario, compare; return how many deliveries and records it had."""
    rng = random.Random(seed)
    written = [write(rng, folder / f"d{n}", n) for n in range(rng.randint(2, 4))]
    how = rng.choice([{}, {}, {"identities": "pseudonymise", "key": KEY}])
    options = {"data_end": "2026-02-01", "add": True, **how}
    once = cj.ingest(sources(written), customers=people(written), path=folder / "once", **options)
    order = rng.sample(written, len(written))
    for delivery in order:
        log = cj.ingest(sources([delivery]), customers=people([delivery]), path=folder / "log", **options)
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(log, name), getattr(once, name), obj=f"{name} (seed {seed})")
    counts = [each.ledger.query("what == 'records'").groupby("source")["count"].sum() for each in (log, once)]
    pd.testing.assert_series_equal(*counts)
    assert sorted(log.quarantine["record"]) == sorted(once.quarantine["record"])
    plain = cj.ingest(sources(written), customers=people(written), data_end="2026-02-01", **how)
    for name in TABLES:  # keeping records changes nothing
        tables = (getattr(each, name) for each in (log, plain))
        pd.testing.assert_frame_equal(*tables, obj=f"{name} (seed {seed})", check_categorical=False)
    return len(written), int(counts[0].sum())


def write(rng: random.Random, folder: Path, number: int) -> dict[str, list[Path]]:
    """Write what each system delivers this time; some deliver nothing, some what they delivered before."""
    folder.mkdir(parents=True)
    found: dict[str, list[Path]] = {"orders": [_orders(rng, folder)], "days": _days(rng, folder)}
    found["survey"] = [_survey(rng, folder, number)] if rng.random() < 0.7 else []
    found["till"] = [_till(rng, folder)] if rng.random() < 0.7 else []
    found["people"] = [_people(rng, folder)] if rng.random() < 0.6 else []
    return found


def _put(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def _moment(rng: random.Random) -> str:
    return f"2026-01-{rng.randint(1, 5):02d} {rng.randint(9, 10):02d}:00"


def _orders(rng: random.Random, folder: Path) -> Path:
    rows = ["0,1,person0@shop.de,C0,2026-01-01 08:00,placed"]
    for _ in range(rng.randint(1, 12)):
        number, version = rng.randint(1, 10), rng.randint(1, 3)
        moment = rng.choice([_moment(rng), _moment(rng), "soon"])
        what = rng.choice(["placed", "paid", "returned"])
        same = random.Random(f"{number} {version} {moment} {what}")  # equal copies are about equal persons
        who = f"{same.choice([*PEOPLE, '', 'unknown'])},{same.choice(NUMBERS)}"
        rows.append(f"{number},{version},{who},{moment},{what}")
    return _put(folder / rng.choice(["orders.csv", "orders2.csv"]), "id,v,mail,number,at,what", rows)


def _till(rng: random.Random, folder: Path) -> Path:
    rows = [
        f"{rng.choice(NUMBERS)},2026-01-0{rng.randint(1, 3)},{rng.randint(1, 2)}"
        for _ in range(rng.randint(0, 9))
    ]
    return _put(folder / rng.choice(["till.csv", "till-north.csv"]), "number,day,paid", rows)


def _survey(rng: random.Random, folder: Path, number: int) -> Path:
    said = ["", "fine", "I am Person1, write to me@home.de", "call 0171 2345678"]
    rows = [
        f'{number}-{n},{rng.choice(PEOPLE)},{_moment(rng)},{rng.randint(1, 5)},"{rng.choice(said)}"'
        for n in range(rng.randint(1, 3))
    ]
    return _put(folder / "survey.csv", "id,mail,at,score,comment", rows)


def _people(rng: random.Random, folder: Path) -> Path:
    rows = [
        f"{number},{rng.choice(PEOPLE)},{rng.randint(1960, 2005)},{rng.choice(['yes', 'no'])}"
        for number in rng.sample(NUMBERS, rng.randint(1, 4))
    ]
    return _put(folder / "people.csv", "number,mail,born,newsletter_opt_out", rows)


def _days(rng: random.Random, folder: Path) -> list[Path]:
    found = []
    for day in rng.sample([1, 2, 3], rng.randint(1, 2)):
        rows = [
            f"{rng.choice(NUMBERS)},2026-01-0{day} 0{rng.randint(1, 3)}:00,p{rng.randint(1, 3)}"
            for _ in range(rng.randint(1, 5))
        ]
        kind = rng.choice(["day", "early"])
        found.append(_put(folder / f"{kind}-{day}.csv", "number,at,page", rows))
    names = [f"p{n},{rng.choice(['Home', 'Basket'])},{rng.randint(1, 9)}" for n in rng.sample([1, 2, 3], 2)]
    return [*found, _put(folder / "names.csv", "page,name,v", names)]


class Days(Source):
    """Pages seen, a file a day that is written again; names of pages beside."""

    kind: ClassVar[str] = "Days"

    def __init__(self, paths: list[Path]) -> None:
        super().__init__(name="days")
        self._paths = paths

    def feeds(self):
        days = [
            Input(path.name, path, partition=path.stem[-1], rank=int(path.stem.startswith("day")))
            for path in self._paths
            if path.stem != "names"
        ]
        names = [Input(path.name, path) for path in self._paths if path.stem == "names"]
        columns = [Column("number"), Column("at", "time"), Column("page")]
        keep = {"moment": '"at"', "page": "page"}
        seen = Event({"timestamp": "moment", "touchpoint": "'page_viewed'", "campaign": "name"})
        key = ("number", '"at:text"', "page")
        yield Feed(
            "days", days, columns, keep, [("user_id", "number")], key=key, events=[seen], clock=self.clock(),
            lookups=[Lookup("names", {"page": "page"}, {"name": "name"})],
        )  # fmt: skip
        columns = [Column("page"), Column("name"), Column("v")]
        named = {"page": "page", "name": "name"}
        yield Feed("names", names, columns, named, [], key=("page",), version="v", reference=True)


def sources(deliveries: list[dict[str, list[Path]]]) -> list[Source]:
    """Return the systems' sources over some deliveries, in the order of their names."""

    def paths(name: str) -> list[Path]:
        return [path for delivery in deliveries for path in delivery[name]]

    asked = {"name": "survey", "timestamp": "at", "touchpoint": "survey_answered", "event_id": "id"}
    measured = {"measures": {"satisfaction": ("score", 1, 5)}, "customer": {"mail": "email"}}
    orders = {"event_id": "id", "version": "v", "timestamp": "at", "touchpoint": "what"}
    till = {"timestamp": "day", "touchpoint": "store_visited", "measures": {"value": "paid"}}
    found: list[Source] = [
        Days(paths("days")),
        cj.sources.Table(
            paths("orders"), name="orders", customer={"mail": "email", "number": "user_id"}, **orders
        ),
    ]
    if paths("survey"):
        found.append(cj.sources.Table(paths("survey"), **asked, **measured))
    if paths("till"):
        found.append(cj.sources.Table(paths("till"), name="till", customer={"number": "user_id"}, **till))
    return found


def people(deliveries: list[dict[str, list[Path]]]) -> list[Source]:
    """Return the table of customers, if one was delivered."""
    paths = [path for delivery in deliveries for path in delivery["people"]]
    kinds = {"number": "user_id", "mail": "email"}
    return [cj.sources.Customers(paths, identifiers=kinds)] if paths else []


def main() -> None:
    """Try many scenarios, and say how many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="?", type=int, default=100)
    parser.add_argument("--seed", type=int, help="only this one")
    given = parser.parse_args()
    seeds = [given.seed] if given.seed is not None else range(given.scenarios)
    deliveries = records = 0
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            made, read = check(seed, Path(folder))
        deliveries, records = deliveries + made, records + read
    print(f"deliveries: {len(list(seeds))} scenarios, {deliveries} deliveries, {records:,} records: equal")


if __name__ == "__main__":
    main()
