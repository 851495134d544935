"""How rightly customers are found behind their identifiers, from native exports of simulated shops.

Pairs are of what truly belongs to one customer: of identifiers that records show (those of two people, such
as a household's tablet, belong to neither alone and aren't counted), and of events. An event of the log is
known again in the shop's truth by time, touchpoint, source and device, where that is one event in both.
"""

from __future__ import annotations

import gzip
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import cjmining as cj
from cjmining.study.run import build_sources, read_study

if TYPE_CHECKING:
    from cjmining.log import JourneyLog

CUSTOMERS = 100_000
QUICK = 2_000
SEED = 1
HOUSEHOLDS = 0.10
TYPED = 5_000
SCENARIOS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "one in ten shares a tablet, a computer and a telephone": {"households": HOUSEHOLDS},
    "test@example.com and the store's number on 5,000 contacts": {"typed_contacts": TYPED},
    "the same with an address that no list knows": {
        "typed_contacts": TYPED,
        "typed_email": "counter@shop.example",
    },
    "all of it": {
        "households": HOUSEHOLDS,
        "typed_contacts": TYPED,
        "typed_email": "counter@shop.example",
    },
}
SHARED = ("set aside", "by time")
KEY = ["timestamp", "touchpoint", "source", "device"]


def run(*, quick: bool = False) -> dict:
    """Ingest shops with and without what makes identities hard."""
    customers = QUICK if quick else CUSTOMERS
    rows = []
    for name, settings in SCENARIOS.items():
        given = dict(settings)
        if quick and "typed_contacts" in given:
            given["typed_contacts"] = TYPED * QUICK // CUSTOMERS
        shop = cj.simulate.shop(customers, seed=SEED, **given)
        with tempfile.TemporaryDirectory() as folder:
            shop.write(folder)
            for how in SHARED if "households" in given else SHARED[:1]:
                rows.append({"scenario": name, "shared devices": how, **_measured(shop, Path(folder), how)})
                print(rows[-1], flush=True)
    return {"customers": customers, "seed": SEED, "rows": rows}


def _measured(shop: cj.simulate.Shop, folder: Path, how: str) -> dict[str, Any]:
    form, document = read_study(folder / "study.yaml")
    sources, customers = build_sources(form, document)
    begun = time.perf_counter()
    options = {} if how == SHARED[0] else {"shared_devices": how}
    log = cj.ingest(sources, customers=customers, data_end=form.data_end, **options)
    seconds = time.perf_counter() - begun
    details = json.loads(gzip.decompress((folder / "truth_details.json.gz").read_bytes()))
    links = log.ledger.query("what == 'links'")
    return {
        "identifiers": of_identifiers(log, details["identifiers"]),
        "events": of_events(log.label(folder / "labels.yaml"), shop),
        "refused": {str(k): int(v) for k, v in links.groupby("reason")["count"].sum().items()},
        "customers": log.n_customers,
        "seconds": round(seconds),
    }


def of_identifiers(log: JourneyLog, truth: list[list[list[str]]]) -> dict[str, Any]:
    """Compare pairs of identifiers that are truly one customer's with those that the log says are."""
    rows = [(person, kind, value) for person, own in enumerate(truth) for kind, value in own]
    true = pd.DataFrame(rows, columns=["person", "kind", "value"])
    true = true[~true.duplicated(["kind", "value"], keep=False)]
    found = log.identities.astype({"kind": str})
    both = true.merge(found, on=["kind", "value"], how="left")
    alone = -1 - np.arange(len(both))  # what the log doesn't have is with nobody
    whose = np.where(both["customer"].isna(), alone, both["customer"].fillna(0)).astype(np.int64)
    return {"counted": len(both), **scores(both["person"].to_numpy(), whose)}


def of_events(log: JourneyLog, shop: cj.simulate.Shop) -> dict[str, Any]:
    """Compare pairs of events likewise; those that were set aside are with nobody."""
    true, found = _events(shop.log), _events(log)
    both = true.merge(found, on=KEY, how="left", suffixes=("", "_found"))
    lost = both["customer_found"].isna()
    if shop.settings.tag_down:  # what the tag didn't record can't be found
        lost &= ~((both["source"] == "web") & both["timestamp"].between(*_down(), inclusive="left"))
        both = both[~(both["customer_found"].isna() & ~lost)]
    alone = -1 - np.arange(len(both))
    whose = np.where(both["customer_found"].isna(), alone, both["customer_found"].fillna(0)).astype(np.int64)
    return {
        "counted": len(both),
        "nobody's": int(both["customer_found"].isna().sum()),
        **scores(both["customer"].to_numpy(), whose),
    }


def _down() -> tuple[pd.Timestamp, pd.Timestamp]:
    return pd.Timestamp("2026-05-11T22:00Z"), pd.Timestamp("2026-05-13T22:00Z")


def _events(log: JourneyLog) -> pd.DataFrame:
    """Return the events that can be told from all others."""
    events = log.events[[*KEY, "customer"]]
    texts = events.astype(dict.fromkeys(KEY[1:], str))
    return texts[~texts.duplicated(KEY, keep=False)]


def scores(true: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """Return pairwise precision and recall of one grouping against the true one."""
    both = _pairs(pd.DataFrame({"true": true, "found": found}).value_counts().to_numpy())
    in_found, in_true = _pairs(pd.Series(found).value_counts()), _pairs(pd.Series(true).value_counts())
    return {"precision": both / in_found if in_found else 1.0, "recall": both / in_true if in_true else 1.0}


def _pairs(sizes: Any) -> int:
    sizes = np.asarray(sizes, dtype=np.int64)
    return int((sizes * (sizes - 1) // 2).sum())


# told -----------------------------------------------------------------------------------------------------


def as_text(result: dict) -> str:
    """Tell the figures as Markdown."""
    return "\n".join(
        [
            f"Shops of {result['customers']:,} customers, seed {result['seed']}:",
            "",
            (
                "| scenario | records of shared devices | identifiers: precision | recall "
                "| events: precision | recall |"
            ),
            "|---|---|---:|---:|---:|---:|",
            *(_row(row) for row in result["rows"]),
            "",
            *(f"* {row['scenario']}, {row['shared devices']}: {_refused(row)}" for row in result["rows"]),
        ]
    )


def _row(row: dict) -> str:
    cells = [row["scenario"], row["shared devices"]]
    cells += [f"{row[of][what]:.5f}" for of in ("identifiers", "events") for what in ("precision", "recall")]
    return f"| {' | '.join(cells)} |"


def _refused(row: dict) -> str:
    told = ", ".join(f"{reason}: {count:,}" for reason, count in sorted(row["refused"].items()))
    return f"records with a link that was refused: {told}; events counted {row['events']['counted']:,}"
