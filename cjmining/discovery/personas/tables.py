"""The tables of found personas."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cjmining.discovery.personas.counts import END, START
from cjmining.discovery.personas.entropic_relevance import Relevance, relevance
from cjmining.discovery.personas.fit import by_row
from cjmining.schema import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cjmining.discovery.personas.counts import Behaviour, Cells
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
    number, persona = len(names), member.persona
    customers = np.bincount(persona, minlength=number)
    journeys = np.bincount(persona[behaviour.customer_of], minlength=number)
    total = int(customers.sum()) + int(without[0])
    sure = np.bincount(persona, weights=member.probability.max(axis=1), minlength=number)
    unsure = np.bincount(persona, weights=member.entropy() / math.log(2), minlength=number)
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


def customers(
    behaviour: Behaviour, member: Membership, names: Sequence[str], everybody: Ints
) -> pd.DataFrame:
    """Return a row a customer of the log, in their order."""
    order = np.argsort(-member.probability, axis=1, kind="stable")[:, :2]
    rows = np.arange(len(order))
    place = np.searchsorted(everybody, behaviour.customers.number)
    words = np.array([*names, UNKNOWN, ""], dtype=object)
    first = np.full(len(everybody), len(names))
    first[place] = order[:, 0]
    second = np.full(len(everybody), len(names) + 1)
    sure, less = np.full(len(everybody), np.nan), np.full(len(everybody), np.nan)
    sure[place] = member.probability[rows, order[:, 0]]
    if order.shape[1] > 1:
        second[place] = order[:, 1]
        less[place] = member.probability[rows, order[:, 1]]
    return pd.DataFrame(
        {
            "customer": everybody,
            "persona": pd.Series(words[first], dtype="str"),
            "probability": sure,
            "second_best": pd.Series(words[second], dtype="str"),
            "second_probability": less,
        }
    )


def transitions(behaviour: Behaviour, persona: Ints, model: Model, names: Sequence[str]) -> pd.DataFrame:
    """Return the chain of each persona: every step that follows another, with the start and the end."""
    cells, counts, number = behaviour.cells, behaviour.customers.counts, len(names)
    of_entry = np.repeat(persona, np.diff(counts.bounds))
    place = counts.cell.astype(np.int64) * number + of_entry
    size = len(cells.from_step) * number
    times: Floats = np.bincount(place, weights=counts.times, minlength=size).astype(np.float64)
    times = times.reshape(-1, number)
    who = np.bincount(place, minlength=size).reshape(-1, number)
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
                    "customers": who[:, k],
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
    ended = behaviour.ended
    of_journey = persona[behaviour.customer_of]
    counts = behaviour.journeys.counts
    totals = np.bincount(counts.cell, weights=counts.times, minlength=len(behaviour.cells.from_step))
    everybody = np.log(by_row(np.maximum(totals, np.finfo(float).tiny), behaviour.cells))
    lengths = np.add.reduceat(counts.times, counts.bounds[:-1]) - 1 if len(persona) else np.zeros(0)
    alphabet = len(behaviour.cells.names)
    one = relevance(
        _log2(counts, everybody[:, None], np.zeros_like(of_journey))[ended], lengths[ended], alphabet=alphabet
    )
    several = relevance(
        _log2(counts, model.log_cells, of_journey)[ended],
        lengths[ended],
        alphabet=alphabet,
        personas=of_journey[ended],
    )
    return pd.DataFrame(
        [_bits("one persona", 1, one), _bits("the personas found", model.number, several)],
        columns=[
            "told_by", "personas", "journeys", "share_fitting", "selector_bits", "naming_bits", "step_bits",
            "bits_per_journey",
        ],
    ).astype({"personas": "int64", "journeys": "int64"})  # fmt: skip


def _log2(counts: Counts, log_cells: Floats, persona: Ints) -> Floats:
    """Return the log2 of each journey's probability by the chain of its persona."""
    if not len(persona):
        return np.zeros(0)
    of_entry = np.repeat(persona, np.diff(counts.bounds))
    logs = counts.times * log_cells[counts.cell, of_entry]
    summed: Floats = np.add.reduceat(logs, counts.bounds[:-1]) / math.log(2)
    return summed


def _bits(told_by: str, number: int, found: Relevance) -> tuple[Any, ...]:
    costs = (found.selector, found.naming, found.steps, found.total)
    return (told_by, number, found.journeys, found.share_fitting, *costs)
