"""The tables of found personas."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cjmining.discovery.personas.counts import END, START
from cjmining.discovery.personas.entropic_relevance import Relevance, relevance
from cjmining.discovery.personas.fit import by_row, entropy
from cjmining.kernels.mixture import rows_of
from cjmining.schema import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cjmining.discovery.personas.counts import Behaviour, Cells, Units
    from cjmining.discovery.personas.fit import Membership, Model
    from cjmining.discovery.personas.stability import Stability
    from cjmining.kernels.mixture import Counts

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

RECOVERED, DISSOLVED = 0.75, 0.5
"""Hennig's bounds: a Jaccard coefficient from which a persona counts as found again, or as dissolved."""


def personas(
    behaviour: Behaviour,
    member: Membership,
    names: Sequence[str],
    said: Sequence[str],
    *,
    without: Ints,
) -> pd.DataFrame:
    """Return a row a persona, by falling size, and one for customers without a step of their own.

    `without` has two numbers: how many such customers there are, and how many journeys they have.
    """
    number, weight = len(names), member.different.weight
    customers = member.sizes()
    journeys = np.bincount(member.persona[behaviour.customer_of], minlength=number)
    total = int(customers.sum()) + int(without[0])
    sure, unsure = (
        np.bincount(member.likeliest, weights=weight * each, minlength=number)
        for each in (member.probability.max(axis=1), entropy(member.probability) / math.log(2))
    )
    table = pd.DataFrame(
        {
            "persona": pd.Series(list(names), dtype="str"),
            "customers": customers,
            "journeys": journeys,
            "share_of_customers": customers / max(total, 1),
            "probability": sure / np.where(customers > 0, customers, np.nan),
            "entropy": unsure / np.where(customers > 0, customers, np.nan),
            "description": pd.Series(list(said), dtype="str"),
        }
    )
    if without[0]:
        row = (UNKNOWN, without[0], without[1], without[0] / total, np.nan, np.nan, "did nothing themselves")
        table.loc[len(table)] = list(row)
    return table.astype({"customers": "int64", "journeys": "int64"})


def customers(everybody: Ints, numbers: Ints, member: Membership, names: Sequence[str]) -> pd.DataFrame:
    """Return a row a customer of the log, in their order; `numbers` are those of the members."""
    order = np.argsort(-member.probability, axis=1, kind="stable")[:, :2]
    ranked = np.take_along_axis(member.probability, order, axis=1)
    place = np.searchsorted(everybody, numbers)
    words = np.array([*names, UNKNOWN, ""], dtype=object)
    first, second = (np.full(len(everybody), len(names) + more) for more in (0, 1))
    sure, less = np.full(len(everybody), np.nan), np.full(len(everybody), np.nan)
    first[place], sure[place] = order[member.member, 0], ranked[member.member, 0]
    if order.shape[1] > 1:
        second[place], less[place] = order[member.member, 1], ranked[member.member, 1]
    return pd.DataFrame(
        {
            "customer": everybody,
            "persona": pd.Series(words[first], dtype="str"),
            "probability": sure,
            "second_best": pd.Series(words[second], dtype="str"),
            "second_probability": less,
        }
    )


def transitions(cells: Cells, member: Membership, model: Model, names: Sequence[str]) -> pd.DataFrame:
    """Return the chain of each persona: every step that follows another, with the start and the end."""
    counts, number = member.different, len(names)
    of_entry, customers = (
        np.repeat(each, np.diff(counts.bounds)) for each in (member.likeliest, counts.weight)
    )
    place = counts.cell.astype(np.int64) * number + of_entry
    size = len(cells.from_step) * number
    times, who = (
        np.bincount(place, weights=each, minlength=size).astype(np.float64).reshape(-1, number)
        for each in (counts.times * customers, customers)
    )
    words = np.array([*cells.names, START, END], dtype=object)
    n_steps = len(cells.names)
    after = np.where(cells.to_step == n_steps, n_steps + 1, cells.to_step)
    parts = []
    for k, name in enumerate(names):
        parts.append(
            pd.DataFrame(
                {
                    "persona": pd.Series([name] * len(after), dtype="str"),
                    "from_step": pd.Series(words[cells.from_step], dtype="str"),
                    "to_step": pd.Series(words[after], dtype="str"),
                    "customers": who[:, k].astype(np.int64),
                    "count": times[:, k].astype(np.int64),
                    "probability": np.exp(model.log_cells[:, k]),
                }
            ).iloc[_starts_first(cells, times[:, k])]
        )
    return pd.concat(parts, ignore_index=True)


def _starts_first(cells: Cells, times: Floats) -> Ints:
    """Order by what is left (the start first), then by falling count, then by name."""
    n_steps = len(cells.names)
    before = np.where(cells.from_step == n_steps, -1, cells.from_step)
    order: Ints = np.lexsort((cells.to_step, -times, before))
    return order


def criteria(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Return a row a number of personas that was tried."""
    columns = {
        "number": "int64", "customers": "int64", "log_likelihood": "float64", "parameters": "int64",
        "bic": "float64", "icl": "float64", "entropy": "float64", "further_journey_bits": "float64",
        "further_journey_p": "float64", "belongs_together": "bool", "chosen": "bool",
    }  # fmt: skip
    return pd.DataFrame(list(rows), columns=list(columns)).astype(columns)


def stability(found: Stability | None, behaviour_customers: Ints, names: Sequence[str]) -> pd.DataFrame:
    """Return a row a persona: how well it is found again."""
    columns = {
        "persona": "str", "customers": "int64", "replicates": "int64", "jaccard": "float64",
        "share_recovered": "float64", "share_dissolved": "float64", "adjusted_rand": "float64",
    }  # fmt: skip
    if found is None:
        return pd.DataFrame(columns=list(columns)).astype(columns)
    return pd.DataFrame(
        {
            "persona": list(names),
            "customers": behaviour_customers,
            "replicates": len(found.adjusted_rand),
            "jaccard": found.jaccard.mean(axis=0),
            "share_recovered": (found.jaccard >= RECOVERED).mean(axis=0),
            "share_dissolved": (found.jaccard <= DISSOLVED).mean(axis=0),
            "adjusted_rand": found.adjusted_rand.mean(),
        }
    ).astype(columns)


def quality(behaviour: Behaviour, persona: Ints, model: Model) -> pd.DataFrame:
    """Return what a journey that has ended costs by one chain for all, and by that of its persona."""
    journeys, cells = behaviour.journeys, behaviour.cells
    number = model.number
    of_journey = persona[behaviour.customer_of]
    # Those that have ended are told once for each way and persona.
    told, times = np.unique(
        (journeys.kind * np.int64(number) + of_journey)[behaviour.ended], return_counts=True
    )
    way, its_persona = np.divmod(told, number)
    ways = rows_of(journeys.did, way)
    lengths = np.add.reduceat(ways.times, ways.bounds[:-1]) - 1 if len(way) else np.zeros(0)
    alphabet = len(cells.names)
    everybody = np.log(by_row(np.maximum(_totals(journeys, cells), np.finfo(float).tiny), cells))
    one = relevance(
        _log2(ways, everybody[:, None], np.zeros_like(way)), lengths, alphabet=alphabet, weights=times
    )
    several = relevance(
        _log2(ways, model.log_cells, its_persona),
        lengths,
        alphabet=alphabet,
        personas=its_persona,
        weights=times,
    )
    return pd.DataFrame(
        [_bits("one persona", 1, one), _bits("the personas found", number, several)],
        columns=[
            "told_by", "personas", "journeys", "share_fitting", "selector_bits", "naming_bits", "step_bits",
            "bits_per_journey",
        ],
    ).astype({"personas": "int64", "journeys": "int64"})  # fmt: skip


def _totals(journeys: Units, cells: Cells) -> Floats:
    """Return how often each cell occurs in all journeys."""
    did = journeys.did
    number = np.repeat(np.bincount(journeys.kind, minlength=len(did.weight)), np.diff(did.bounds))
    totals = np.bincount(did.cell, weights=did.times * number, minlength=len(cells.from_step))
    return totals.astype(np.float64)


def _log2(counts: Counts, log_cells: Floats, persona: Ints) -> Floats:
    """Return the log2 of each way's probability by the chain of its persona."""
    if not len(persona):
        return np.zeros(0)
    of_entry = np.repeat(persona, np.diff(counts.bounds))
    logs = counts.times * log_cells[counts.cell, of_entry]
    summed: Floats = np.add.reduceat(logs, counts.bounds[:-1]) / math.log(2)
    return summed


def _bits(told_by: str, number: int, found: Relevance) -> tuple[Any, ...]:
    costs = (found.selector, found.naming, found.steps, found.total)
    return (told_by, number, found.journeys, found.share_fitting, *costs)
