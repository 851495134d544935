"""The tables of a funnel: from attempts to numbers with names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from cjmining.discovery.columns import SECOND, chosen, moments, names_of, ratio
from cjmining.discovery.funnels.reading import COMPLETED, FATES, LOST, OPEN
from cjmining.discovery.sums import shares
from cjmining.schema import OUTCOMES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.discovery.funnels.reading import Attempts
    from cjmining.discovery.sums import Floats, Ints

    Outcomes = NDArray[np.int8]

QUANTILES: Final = {"p10_s": 0.1, "p25_s": 0.25, "median_s": 0.5, "p75_s": 0.75, "p90_s": 0.9}
MEDIAN, P90 = (list(QUANTILES).index(name) for name in ("median_s", "p90_s"))
NOTHING: Final = "(nothing)"
PREVIOUS: Final = "previous"
FIRST: Final = "first"
NEXT: Final = "next"
LAST: Final = "last"


class Names(NamedTuple):
    """What codes mean: the steps of the funnel as written, those of the log, and what each row counts."""

    steps: tuple[str, ...]
    codes: tuple[str, ...]
    rows: tuple[str, ...]


def overview(found: Attempts, names: Names, of_group: Ints) -> pd.DataFrame:
    """Return how many attempts each group made and how they ended; of_group are all journeys of each."""
    grouped = found.grouped
    completed = found.fate == COMPLETED
    everyone = grouped.sums(np.ones(len(completed), np.bool_), completed)
    mature = grouped.sums(found.mature, completed)
    of_mature = shares(mature)
    took = found.at(len(names.steps) - 1) - found.at(0)
    times = grouped.quantiles(took, completed, (0.5, 0.9))
    kept = np.flatnonzero(of_group)
    table = {
        "journeys_in_group": of_group,
        "journeys": _journeys(found),
        "customers": everyone.unit_clusters,
        "attempts": everyone.units,
        "completed": everyone.hits,
        "lost": grouped.number(found.fate == LOST),
        "open": grouped.number(found.fate == OPEN),
        "mature": mature.units,
        "mature_completed": mature.hits,
        "share_of_mature_attempts": np.array([one.share for one in of_mature]),
        "lower": np.array([one.lower for one in of_mature]),
        "upper": np.array([one.upper for one in of_mature]),
        "naive_share_of_attempts": ratio(everyone.hits, everyone.units),
        "median_s": times[:, 0],
        "p90_s": times[:, 1],
    }
    return pd.DataFrame(
        {"by": names_of(grouped.names, kept), **{name: column[kept] for name, column in table.items()}}
    )


def steps(found: Attempts, names: Names, measured: list[Taken]) -> pd.DataFrame:
    """Return for each step who reached it, who went on, and how long it took."""
    each = [_step(found, measured, number) for number in range(len(names.rows))]
    made = each[0]["reached"]
    rows = {name: np.stack([one[name] for one in each], axis=1) for name in each[0]}
    naive = ratio(rows["reached"].ravel(), np.repeat(made, len(names.rows))).reshape(rows["reached"].shape)
    rows["naive_share_of_first"] = naive
    previous = np.concatenate([made[:, None], rows["reached"][:, :-1]], axis=1)
    rows["naive_share_of_previous"] = ratio(rows["reached"].ravel(), previous.ravel()).reshape(previous.shape)
    kept = np.flatnonzero(made)
    by = np.repeat(kept, len(names.rows))
    number = np.tile(np.arange(len(names.rows)), len(kept))
    columns = (
        *("customers", "reached", "mature_first", "mature_previous", "mature_reached"),
        *("share_of_mature_first", "share_of_mature_first_lower", "share_of_mature_first_upper"),
        *("share_of_mature_previous", "share_of_mature_previous_lower", "share_of_mature_previous_upper"),
        *("naive_share_of_first", "naive_share_of_previous", "lost", "open"),
        *("median_s", "p90_s", "median_from_first_s", "p90_from_first_s"),
    )
    return pd.DataFrame(
        {
            "by": names_of(found.grouped.names, by),
            "step": number + 1,
            "name": names_of(names.rows, number),
            **{name: rows[name][kept].ravel() for name in columns},
        }
    )


def _step(found: Attempts, measured: list[Taken], number: int) -> dict[str, Ints | Floats]:
    """Return the columns of one step, an entry a group."""
    grouped = found.grouped
    never = np.full((len(grouped.names), len(QUANTILES)), np.nan)  # the first step takes no time
    there = found.reached > number
    stopped = found.reached == number + 1
    of_first = grouped.sums(found.mature, there)
    of_previous = of_first
    if number > 1:  # for the first two the step before is the first
        of_previous = grouped.sums(found.mature & (found.reached >= number), there)
    reached = grouped.sums(there, there)
    columns: dict[str, Ints | Floats] = {
        "customers": reached.unit_clusters,
        "reached": reached.units,
        "mature_first": of_first.units,
        "mature_previous": of_previous.units,
        "mature_reached": of_first.hits,
        "lost": grouped.number(stopped & (found.fate == LOST)),
        "open": grouped.number(stopped & (found.fate == OPEN)),
    }
    for name, estimates in (("first", shares(of_first)), ("previous", shares(of_previous))):
        for place, end in enumerate(("", "_lower", "_upper")):
            # that an attempt reaches its first step is no estimate
            values = [one[place] if number else one.share for one in estimates]
            columns[f"share_of_mature_{name}{end}"] = np.array(values)
    for name, since in (("", PREVIOUS), ("from_first_", FIRST)):
        took = next((one.quantiles for one in measured if (one.step, one.since) == (number, since)), never)
        columns[f"median_{name}s"], columns[f"p90_{name}s"] = took[:, MEDIAN], took[:, P90]
    return columns


class Taken(NamedTuple):
    """How long a step took since another, over the attempts that reached it; arrays of one entry a group."""

    step: int
    since: str
    customers: Ints
    measured: Ints
    quantiles: Floats


def taken(found: Attempts, names: Names) -> list[Taken]:
    """Measure for each step after the first the time since the one before, and since the first."""
    grouped, all_taken = found.grouped, []
    for step in range(1, len(names.rows)):
        there = found.reached > step
        reached = grouped.sums(there, there)
        for since, before in ((PREVIOUS, step - 1), (FIRST, 0)):
            took = found.at(step) - found.at(before)
            quantiles = grouped.quantiles(took, there, tuple(QUANTILES.values()))
            all_taken.append(Taken(step, since, reached.unit_clusters, reached.units, quantiles))
    return all_taken


def times(found: Attempts, names: Names, measured: list[Taken]) -> pd.DataFrame:
    """Return quantiles of the time that each step took since the one before, and since the first."""
    made = np.flatnonzero(np.diff(found.grouped.starts))
    n = len(made)
    step = np.tile(np.array([one.step for one in measured], np.int64), n)
    return pd.DataFrame(
        {
            "by": names_of(found.grouped.names, np.repeat(made, len(measured))),
            "step": step + 1,
            "name": names_of(names.rows, step),
            "since": pd.Series([one.since for one in measured] * n, dtype="str"),
            "customers": np.stack([one.customers[made] for one in measured], axis=1).ravel(),
            "measured": np.stack([one.measured[made] for one in measured], axis=1).ravel(),
            **{
                name: np.stack([one.quantiles[made, place] for one in measured], axis=1).ravel()
                for place, name in enumerate(QUANTILES)
            },
        }
    )


def singly(found: Attempts, names: Names) -> pd.DataFrame:
    """Return how many attempts reached each step by itself."""
    grouped = found.grouped
    made = np.flatnonzero(np.diff(grouped.starts))
    each = []
    for number in range(len(names.steps)):
        having = (found.seen >> np.uint32(number)) & np.uint32(1) > 0
        everyone, mature = grouped.sums(having, having), grouped.sums(found.mature, having)
        estimates = np.array(shares(mature)).reshape(-1, 3)
        each.append((everyone.unit_clusters, everyone.units, mature.hits, *estimates.T))
    columns = ("customers", "reached", "mature_reached", "share_of_mature_attempts", "lower", "upper")
    return pd.DataFrame(
        {
            "by": names_of(grouped.names, np.repeat(made, len(names.steps))),
            "name": names_of(names.steps, np.tile(np.arange(len(names.steps)), len(made))),
            **{
                name: np.stack([one[place][made] for one in each], axis=1).ravel()
                for place, name in enumerate(columns)
            },
        }
    )


def outcomes(found: Attempts, names: Names, outcome: Outcomes | None) -> pd.DataFrame:
    """Return how the journeys ended of the attempts that came as far as each step."""
    n_steps, n_outcomes = len(names.rows), len(OUTCOMES) + 1
    ended = np.full(len(found.journey), -1, np.int64) if outcome is None else outcome[found.journey]
    group = found.grouped.group.astype(np.int64)
    cell = (group * n_steps + found.reached - 1) * n_outcomes + np.where(ended < 0, len(OUTCOMES), ended)
    cells, number = np.unique(cell if outcome is not None else cell[:0], return_counts=True)
    place, outcome_code = np.divmod(cells, n_outcomes)
    stopped = np.bincount(group * n_steps + found.reached - 1, minlength=int(place.max(initial=0)) + 1)
    customers = _customers_of_cells(found, cell, cells)
    by, step = np.divmod(place, n_steps)
    return pd.DataFrame(
        {
            "by": names_of(found.grouped.names, by),
            "step": step + 1,
            "name": names_of(names.rows, step),
            "outcome": names_of((*OUTCOMES, "unknown"), outcome_code),
            "customers": customers,
            "attempts": number,
            "share_of_stopped": ratio(number, stopped[place]),
        }
    )


def attempts(found: Attempts, names: Names) -> pd.DataFrame:
    """Return a row an attempt."""
    first, last = found.at(0), found.last_at()
    return pd.DataFrame(
        {
            "by": chosen(found.grouped.names, found.grouped.group),
            "journey": found.journey,
            "customer": found.grouped.customer,
            "start": moments(first),
            "reached": found.reached.astype(np.int64),
            "last_step": chosen(names.rows, found.reached - 1),
            "last_step_at": moments(last),
            "duration_s": (last - first) / SECOND,
            "fate": chosen(FATES, found.fate),
            "mature": found.mature,
        }
    )


def between(found: Attempts, names: Names, number: int) -> pd.DataFrame:
    """Return what came next, and last, where attempts were lost after a step (counted from 0)."""
    lost = (found.reached == number + 1) & (found.fate == LOST)
    n_groups, n_codes = len(found.grouped.names), len(names.codes)
    group = found.grouped.group[lost].astype(np.int64)
    parts: list[tuple[Ints, Ints, Ints]] = []
    for position, its_code in enumerate((found.next[lost], found.last[lost])):
        cell = (group * 2 + position) * (n_codes + 1) + its_code + 1
        cells, n = np.unique(cell, return_counts=True)
        parts.append((cells, n, _distinct(cell, found.grouped.customer[lost], cells)))
    cells, n, customers = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    by_place, code = np.divmod(cells, n_codes + 1)
    by, place = np.divmod(by_place, 2)
    order = np.lexsort((code, -n, place, by))
    totals = np.bincount(group, minlength=n_groups)
    return pd.DataFrame(
        {
            "by": names_of(found.grouped.names, by[order]),
            "position": names_of((NEXT, LAST), place[order]),
            "touchpoint": names_of((NOTHING, *names.codes), code[order]),
            "customers": customers[order],
            "attempts": n[order],
            "share_of_lost": ratio(n, totals[by])[order],
        }
    )


def _journeys(found: Attempts) -> Ints:
    """Return how many journeys of each group made an attempt."""
    _, first = np.unique(found.journey, return_index=True)
    return np.bincount(found.grouped.group[first], minlength=len(found.grouped.names))


def _customers_of_cells(found: Attempts, cell: Ints, cells: Ints) -> Ints:
    return _distinct(cell, found.grouped.customer, cells) if len(cells) else np.zeros(0, np.int64)


def _distinct(cell: Ints, customer: Ints, cells: Ints) -> Ints:
    """Return how many customers each of the cells has."""
    order = np.lexsort((customer, cell))
    cell, customer = cell[order], customer[order]
    new = np.append(True, (cell[1:] != cell[:-1]) | (customer[1:] != customer[:-1]))[: len(cell)]
    return np.bincount(np.searchsorted(cells, cell[new]), minlength=len(cells))
