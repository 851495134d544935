"""From units and hits of two sides to the tables of a difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjmining.conformance.tables import frame
from cjmining.discovery.comparison import cells
from cjmining.kernels import compare
from cjmining.stats import Z95, benjamini_hochberg

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.conformance.difference_sides import Side
    from cjmining.conformance.difference_units import Counts, Key

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

SIDES = ("first", "second")


class Form(NamedTuple):
    """What a table is called inside: its first columns, and what its counts, bases and shares are."""

    keys: tuple[str, ...]
    hits: str
    base: str
    share: str


FORMS = {
    "outcomes": Form(("outcome",), "within_horizon", "mature_journeys", "share_of_mature"),
    "reached": Form(("stage",), "entered_in_time", "mature_journeys", "share_entered_in_time"),
    "stages": Form(("stage",), "dropped_within_horizon", "mature", "drop_out_share"),
    "touchpoints": Form(
        ("stage", "touchpoint", "channel"), "journeys_with_it", "mature_journeys", "share_with_it"
    ),
    "promises": Form(
        ("stage", "touchpoint", "measure", "after", "at_least", "at_most", "target"),
        "kept", "measured", "share_kept",
    ),
    "satisfaction": Form(("stage",), "total", "answered", "satisfaction"),
    "deviations": Form(
        ("type", "stage", "touchpoint"), "journeys_with_it", "mature_journeys", "share_with_it"
    ),
}  # fmt: skip


BY_HITS = ("touchpoints", "deviations")
"""Tables whose rows are about those who met it, on both sides together; of others, the side with fewer."""


class Held(NamedTuple):
    """What was found of the cells of a table; float64[C], or [C, 2] for both sides.

    `tested` says of which cells the sides could be compared.
    """

    hits: Floats
    n: Floats
    estimate: Floats
    difference: Floats
    lower: Floats
    upper: Floats
    p: Floats
    customers: Floats


def tables(first: Side, second: Side, smallest: int) -> dict[str, pd.DataFrame]:
    """Compare what both sides did, in every table; q is over all cells of all of them."""
    found = {name: _table(name, first, second, smallest) for name in FORMS}
    all_q = benjamini_hochberg(np.concatenate([table["p"].to_numpy() for table in found.values()]))
    ends = np.cumsum([len(table) for table in found.values()])
    return {
        name: _in_order(name, table.assign(q=q))
        for (name, table), q in zip(found.items(), np.split(all_q, ends[:-1]), strict=True)
    }


def _in_order(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Put touchpoints and deviations in order of how far the shares are apart; others are in the map's."""
    if name not in BY_HITS:
        return table
    order = np.lexsort((np.arange(len(table)), -table["difference"].abs().fillna(-1).to_numpy()))
    return table.iloc[order].reset_index(drop=True)


def _table(name: str, first: Side, second: Side, smallest: int) -> pd.DataFrame:
    form = FORMS[name]
    of_sides = [side.counts(name) for side in (first, second)]
    keys = list(dict.fromkeys(key for counts in of_sides for key in counts.cells))
    sums = _sums(of_sides, (first.cluster, second.cluster), keys)
    held = _means(sums, smallest) if name == "satisfaction" else _shares(sums, smallest)
    present = held.n.sum(axis=1) > 0
    if name in BY_HITS:
        present &= held.hits.sum(axis=1) > 0
        held = held._replace(customers=sums.holders)
    rows = [_row(form, keys[i], held, i) for i in np.flatnonzero(present).tolist()]
    return frame(rows, _columns(name, form))


def _row(form: Form, key: Key, held: Held, i: int) -> dict[str, Any]:
    row: dict[str, Any] = dict(zip(form.keys, key, strict=True))
    for limit in ("at_least", "at_most", "target"):
        if limit in row:
            row[limit] = float(row[limit]) if row[limit] else np.nan
    for side, word in (
        (1, "first"),
        (0, "second"),
    ):
        hits = held.hits[i, side]
        row[f"{form.base}_{word}"] = int(held.n[i, side])
        row[f"{form.hits}_{word}"] = hits if form.hits == "total" else int(hits)
        row[f"{form.share}_{word}"] = held.estimate[i, side]
    names = ("difference", "lower", "upper", "p")
    row |= {name: getattr(held, name)[i] for name in names}
    row["customers"] = int(held.customers[i])
    return row


def _columns(name: str, form: Form) -> dict[str, str]:
    kinds = dict.fromkeys(form.keys, "text") | {
        key: "float" for key in ("at_least", "at_most", "target") if key in form.keys
    }
    for word in SIDES:
        kinds[f"{form.base}_{word}"] = "int"
        if name != "satisfaction":
            kinds[f"{form.hits}_{word}"] = "int"
        kinds[f"{form.share}_{word}"] = "float"
    kinds |= dict.fromkeys(("difference", "lower", "upper", "p"), "float")
    return kinds | {"customers": "int"}


# sums -----------------------------------------------------------------------------------------------------


def _sums(of_sides: Sequence[Counts], clusters: Sequence[Ints], keys: Sequence[Key]) -> compare.Sums:
    """Add up both sides over customers; slot 0 is the second side."""
    scopes = list(dict.fromkeys(key for counts in of_sides for key in counts.scopes))
    scope_of = {
        cell: scope
        for counts in of_sides
        for cell, scope in zip(counts.cells, counts.scope_of_cell, strict=True)
    }
    units, hits = [], []
    for slot, (counts, cluster) in enumerate(zip(reversed(of_sides), reversed(clusters), strict=True)):
        scope_place = np.array([scopes.index(key) for key in counts.scopes], np.int64)
        places = {key: place for place, key in enumerate(keys)}
        cell_place = np.array([places[key] for key in counts.cells], np.int64)
        units.append((cluster[counts.unit_journey], scope_place[counts.unit_scope], slot, None))
        hits.append((cluster[counts.hit_journey], cell_place[counts.hit_cell], slot, counts.hit_value))
    return compare.sums(
        _units(units),
        _units(hits),
        np.array([scopes.index(scope_of[key]) for key in keys], np.int64),
        n_scopes=len(scopes),
        n_slots=2,
    )


def _units(parts: Sequence[tuple[Ints, Ints, int, Floats | None]]) -> compare.Units:
    cluster, of = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    slot = np.concatenate([np.full(len(part[0]), part[2]) for part in parts])
    values = [part[3] for part in parts if part[3] is not None]
    return compare.Units(cluster, of, slot, np.concatenate(values) if values else None)


# comparing ------------------------------------------------------------------------------------------------


def _shares(found: compare.Sums, smallest: int) -> Held:
    """Compare shares: limits by Newcombe, p by Fisher, both with the design effect of customers."""
    n, both = found.n[found.scope], _both(found)
    held = _nothing(found)
    if both.any():
        compared = cells.compare_all_shares(found.only(both))
        tested = cells.comparable(found.only(both), smallest)
        held.difference[both], held.lower[both], held.upper[both] = compared[5:8]
        held.p[both] = np.where(tested, compared.p, np.nan)
    held.estimate[:] = np.divide(found.hits, n, out=np.full(n.shape, np.nan), where=n > 0)
    return held


def _means(found: compare.Sums, smallest: int) -> Held:
    """Compare means: limits and p by Student's t, with customers as what varies."""
    from scipy.stats import t

    n, both = found.n[found.scope], _both(found)
    held = _nothing(found)
    held.estimate[:] = np.divide(found.hits, n, out=np.full(n.shape, np.nan), where=n > 0)
    clusters = found.clusters[found.scope].min(axis=1)
    both &= clusters >= 2
    if not both.any():
        return held
    own, m = found.only(both), clusters[both]
    estimate = held.estimate[both]
    together, _ = cells.variances(own, cells.weights(own), estimate)
    difference = estimate[:, 0] - estimate[:, 1]
    half = Z95 * np.sqrt(together * cells.of_few(m))
    spread = np.sqrt(together * m / (m - 1))
    tested = (m >= smallest) & (spread > 0)
    z = np.divide(np.abs(difference), spread, out=np.zeros(len(m)), where=spread > 0)
    held.difference[both] = difference
    held.lower[both] = np.where(spread > 0, difference - half, np.nan)
    held.upper[both] = np.where(spread > 0, difference + half, np.nan)
    held.p[both] = np.where(tested, 2 * t.sf(z, m - 1), np.nan)
    return held


def _both(found: compare.Sums) -> NDArray[np.bool_]:
    both: NDArray[np.bool_] = found.n[found.scope].min(axis=1) > 0
    return both


def _nothing(found: compare.Sums) -> Held:
    n = found.n[found.scope]
    customers = found.clusters[found.scope].min(axis=1)
    difference, lower, upper, p = np.full((4, len(found.scope)), np.nan)
    return Held(found.hits, n, np.full(n.shape, np.nan), difference, lower, upper, p, customers)


# what is counted of all journeys --------------------------------------------------------------------------


def overview(first: Side, second: Side) -> pd.DataFrame:
    """Return how many journeys each side has, and how they ended."""
    rows = []
    for word, side in zip(SIDES, (first, second), strict=True):
        outcomes = side.outcomes()
        rows.append(
            {
                "side": word,
                "group": side.name,
                **{name: outcomes[name] for name in _OVERVIEW[2:7]},
                "mature_journeys": int((side.watched.mature & side.keep).sum()),
                "customers": len(np.unique(side.cluster[side.keep])),
            }
        )
    return frame(rows, dict.fromkeys(_OVERVIEW[:2], "text") | dict.fromkeys(_OVERVIEW[2:], "int"))


_OVERVIEW = (
    "side", "group", "journeys", "converted", "dropped", "turned_away", "open", "mature_journeys", "customers"
)  # fmt: skip
_COUNTED = ("entered", "continued", "converted", "dropped", "turned_away", "open")


def flow(first: Side, second: Side) -> pd.DataFrame:
    """Return how many journeys entered each stage, what became of them, and how long they took."""
    of_sides = [side.stages() for side in (first, second)]
    names = list(dict.fromkeys(name for stages in of_sides for name in stages))
    planned = {name: place for place, name in enumerate(first.check.intended.stage_names)}
    rows = []
    for stage in sorted(names, key=lambda name: planned.get(name, -1)):
        row: dict[str, Any] = {"stage": stage}
        for word, stages in zip(SIDES, of_sides, strict=True):
            row |= {f"{name}_{word}": stages.get(stage, {}).get(name, 0) for name in _COUNTED}
            row[f"median_s_{word}"] = stages.get(stage, {}).get("median_s", np.nan)
        row["customers"] = min(side.customers_at(stage) for side in (first, second))
        rows.append(row)
    kinds: dict[str, str] = {"stage": "text"}
    for word in SIDES:
        kinds |= {f"{name}_{word}": "int" for name in _COUNTED} | {f"median_s_{word}": "float"}
    return frame(rows, kinds | {"customers": "int"})
