"""How many personas there are: by a criterion, and by whether a customer's journeys belong together.

What makes a persona is that customers differ. A mixture of first-order chains also fits journeys that have a
memory (who read the reviews doesn't read them again), and the more of them the longer the log is. So where
customers have several journeys, these are asked: a further persona is only taken where it tells a customer's
journey better from the others of the same customer, among customers left out of the fit.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from cjmining.discovery.personas.fit import Data, Model, entropy, fit, members
from cjmining.kernels.mixture import hashed, posterior

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.discovery.personas.counts import Behaviour, Units
    from cjmining.progress import Progress

    Floats = NDArray[np.float64]

CRITERIA: Final = ("bic", "icl")
SAMPLE: Final = 10_000
"""Customers on whom the number is chosen, where nothing else is asked for."""
WITNESSES: Final = 30
"""Customers with several journeys in each half, from whom on these are asked."""
LARGEST_P: Final = 0.05
HALVES: Final = 77_000_000
"""Makes the hash of a customer's half another than those of samples and starts."""
PATIENCE: Final = 2
"""After so many numbers in a row that are no better, larger ones aren't tried."""


class Choice(NamedTuple):
    """The number of personas, and a row a number tried: the columns of `FoundPersonas.criteria`.

    `asked` says whether customers with several journeys were asked; each half has at least `witnesses`.
    """

    number: int
    rows: list[dict[str, Any]]
    criterion: str
    customers: int
    asked: bool
    witnesses: int
    largest: int


def choose(
    behaviour: Behaviour,
    numbers: tuple[int, int],
    *,
    criterion: str | None,
    starts: int,
    seed: int,
    progress: Progress,
) -> Choice:
    """Choose the number of personas for these customers.

    Parameters
    ----------
    behaviour : Behaviour
        A sample, or all.
    numbers : tuple of int
        The smallest and the largest number to try.
    criterion : {"bic", "icl"} or None
        None is "bic" where customers' further journeys are asked, else "icl".
    """
    data = data_of(behaviour)
    smallest, largest = numbers[0], max(numbers[0], min(numbers[1], len(data.counts.weight)))
    halves = _halves(behaviour, seed)
    asked = halves.witnesses >= WITNESSES
    used = criterion or ("bic" if asked else "icl")
    rows: list[dict[str, Any]] = []
    best = halves.nothing()
    worse = 0
    for number in range(smallest, largest + 1):
        progress(
            f"trying {number} persona{'s' if number > 1 else ''}",
            (number - smallest) / (largest - smallest + 1),
        )
        row = _row(data, behaviour, fit(data, number, starts=starts, seed=seed))
        gain = halves.gain(number, starts=starts, seed=seed) if asked and number > 1 else halves.nothing()
        row |= _told_better(gain, best, asked=asked, first=number == smallest)
        if row["belongs_together"] and asked:
            best = gain
        rows.append(row)
        worse = 0 if _chosen(rows, used) == number else worse + 1
        if worse >= PATIENCE and number > smallest + 1:
            break
    chosen = _chosen(rows, used)
    for row in rows:
        row["chosen"] = row["number"] == chosen
    return Choice(chosen, rows, used, len(behaviour.customers.number), asked, halves.witnesses, largest)


def data_of(behaviour: Behaviour) -> Data:
    """Return the customers as a fit takes them."""
    return Data(behaviour.customers.different()[0], behaviour.cells, len(behaviour.groups))


def criteria_of(behaviour: Behaviour, model: Model) -> dict[str, Any]:
    """Return the row of a number that was not chosen but given."""
    row = _row(data_of(behaviour), behaviour, model)
    none = {"further_journey_bits": math.nan, "further_journey_p": math.nan}
    return row | none | {"belongs_together": True, "chosen": True}


def _chosen(rows: list[dict[str, Any]], criterion: str) -> int:
    able = [row for row in rows if row["belongs_together"]]
    return int(min(able, key=lambda row: row[criterion])["number"])


def _row(data: Data, behaviour: Behaviour, model: Model) -> dict[str, Any]:
    """Return the criteria of a fitted mixture; only what occurs among the customers has parameters."""
    n = len(behaviour.customers.number)
    occurs = np.bincount(data.counts.cell, minlength=len(data.cells.from_step)) > 0
    rows = np.add.reduceat(occurs, data.cells.rows[:-1], dtype=np.int64)
    free = int(occurs.sum() - (rows > 0).sum())
    groups = len(np.unique(data.counts.group))
    parameters = model.number * free + groups * (model.number - 1)
    unsure = entropy(posterior(data.counts, model.log_mixing, model.log_cells)[0])
    altogether = float((data.counts.weight * unsure).sum())
    bic = -2 * model.log_likelihood + parameters * math.log(n)
    return {
        "number": model.number,
        "customers": n,
        "log_likelihood": model.log_likelihood,
        "parameters": parameters,
        "bic": bic,
        "icl": bic + 2 * altogether,
        "entropy": altogether,
    }


def _told_better(gain: Floats, best: Floats, *, asked: bool, first: bool) -> dict[str, Any]:
    """Say whether a customer's journeys tell more of each other than by any smaller number."""
    if not asked:
        return {"further_journey_bits": math.nan, "further_journey_p": math.nan, "belongs_together": True}
    more = gain - best
    error = float(more.std(ddof=1)) / math.sqrt(len(more))
    z = float(more.mean()) / error if error > 0 else 0.0
    p = math.nan if first else 1 - NormalDist().cdf(z)
    return {
        "further_journey_bits": float(gain.mean()) / math.log(2),
        "further_journey_p": p,
        "belongs_together": first or p < LARGEST_P,
    }


class _Halves(NamedTuple):
    """Two halves of the customers: what is fitted to one is held against the other."""

    data: tuple[Data, Data]
    customers: tuple[Units, Units]
    journeys: tuple[Units, Units]
    owner: tuple[NDArray[np.int64], NDArray[np.int64]]
    witnesses: int

    def nothing(self) -> Floats:
        """One persona tells nothing of a journey from another."""
        return np.zeros(sum(int((np.bincount(owner) > 1).sum()) for owner in self.owner))

    def gain(self, number: int, *, starts: int, seed: int) -> Floats:
        """Return for each customer with several journeys the mean gain of knowing the customer.

        It is by how much the log likelihood of all journeys together is above that of each by itself, for
        each journey but one.
        """
        found = []
        for held_out in (0, 1):
            model = fit(self.data[1 - held_out], number, starts=starts, seed=seed)
            together, alone = (
                of_some.log_likelihood[of_some.member]
                for of_some in (members(each[held_out], model) for each in (self.customers, self.journeys))
            )
            owner = self.owner[held_out]
            journeys = np.bincount(owner, minlength=len(together))
            gain = together - np.bincount(owner, weights=alone, minlength=len(together))
            several = journeys > 1
            found.append(gain[several] / (journeys[several] - 1))
        return np.concatenate(found)


def _halves(behaviour: Behaviour, seed: int) -> _Halves:
    first = hashed(behaviour.customers.number, HALVES + seed) < 1 / 2
    parts = [behaviour.of_customers(mine) for mine in (first, ~first)]
    return _Halves(
        data=(data_of(parts[0]), data_of(parts[1])),
        customers=(parts[0].customers, parts[1].customers),
        journeys=(parts[0].journeys, parts[1].journeys),
        owner=(parts[0].customer_of, parts[1].customer_of),
        witnesses=min(int((np.bincount(part.customer_of) > 1).sum()) for part in parts),
    )
