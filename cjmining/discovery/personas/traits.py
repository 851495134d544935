"""What sets a persona apart: traits with counts, and a plain description made of the largest differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from cjmining.kernels.mixture import customers_with
from cjmining.stats import benjamini_hochberg, compare_shares

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.discovery.personas.counts import Cells
    from cjmining.discovery.personas.fit import Membership

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

BEGINS, DOES, ENDS = "begins with", "does", "ends with"
TELLING: Final = 0.5
"""Differences of this many standard deviations, said to be of medium size (Cohen 1988), are described."""
WORDS: Final = {
    "touchpoint": ("begins with {}", "{}", "ends with {}"),
    "channel": ("comes by {}", "uses {}", "leaves from {}"),
    "stage": ("begins in {}", "reaches {}", "ends in {}"),
}
MOST: Final = 2
"""Steps named in a description beside the beginning and the end."""
IN_NAME: Final = 2
"""Differences in the name of a persona."""


class Shares(NamedTuple):
    """Customers by persona who ever do something: a kind of trait and a step a row.

    `with_it` is int64[traits, K]; `customers` int64[K].
    """

    kind: tuple[str, ...]
    step: Ints
    with_it: Ints
    customers: Ints

    @property
    def share(self) -> Floats:
        """Of the customers of each persona."""
        return _share(self.with_it, self.customers)

    @property
    def elsewhere(self) -> Floats:
        """Of the customers of all other personas."""
        others = self.with_it.sum(axis=1, keepdims=True) - self.with_it
        return _share(others, self.customers.sum() - self.customers)

    @property
    def apart(self) -> Floats:
        """Differences in standard deviations (Austin 2009, doi:10.1080/03610910902859574)."""
        share, other = self.share, self.elsewhere
        spread = np.sqrt((share * (1 - share) + other * (1 - other)) / 2)
        difference = share - other
        # All of the one and none of the other have no spread: they are as far apart as it gets.
        certain = np.where(difference > 0, np.inf, -np.inf)
        none = np.where(difference == 0, 0.0, certain)
        apart: Floats = np.where(spread > 0, difference / np.where(spread > 0, spread, 1.0), none)
        return apart


def shares_of(cells: Cells, member: Membership) -> Shares:
    """Count the customers of each persona who ever begin with, do or end with a step.

    Parameters
    ----------
    cells : Cells
        What customers did is counted by.
    member : Membership
        Of customers.
    """
    n_steps, number = len(cells.names), member.probability.shape[1]
    begins = np.where(cells.from_step == n_steps, cells.to_step, -1)
    does = np.where(cells.to_step < n_steps, cells.to_step, -1)
    ends = np.where(cells.to_step == n_steps, cells.from_step, -1)
    counted = [
        customers_with(member.different, what, member.likeliest, n_steps, number)
        for what in (begins, does, ends)
    ]
    kind = tuple(np.repeat([BEGINS, DOES, ENDS], n_steps).tolist())
    found = Shares(kind, np.tile(np.arange(n_steps), 3), np.concatenate(counted), member.sizes())
    some = found.with_it.sum(axis=1) > 0
    return Shares(
        tuple(np.array(kind)[some].tolist()), found.step[some], found.with_it[some], found.customers
    )


def _share(with_it: Ints, customers: Ints) -> Floats:
    shares: Floats = with_it / np.maximum(customers, 1)
    return shares


class Description(NamedTuple):
    """What sets a persona apart: all of it, and the two largest differences for its name."""

    whole: str
    short: str


def descriptions(shares: Shares, names: tuple[str, ...], level: str) -> list[Description]:
    """Return for each persona what sets it apart most, in words; "like all others" where nothing does."""
    number = len(shares.customers)
    if number == 1:
        return [Description("everybody", "everybody")]
    return [_description(shares, persona, names, level) for persona in range(number)]


def _description(shares: Shares, persona: int, names: tuple[str, ...], level: str) -> Description:
    if not shares.customers[persona]:
        return Description("nobody's likeliest", "nobody's likeliest")
    phrases = _phrases(shares, persona, names, level)
    return Description(_joined(phrases, ", "), _plain(_joined(phrases[:IN_NAME], " and ")))


def _joined(phrases: list[tuple[int, str]], between: str) -> str:
    return between.join(said for _, said in sorted(phrases, key=lambda each: each[0])) or "like all others"


def _plain(name: str) -> str:
    """Leave out what makes names of several groups hard to read: in these, commas stand between the parts."""
    return name.replace(",", "").replace('"', "")


def _phrases(shares: Shares, persona: int, names: tuple[str, ...], level: str) -> list[tuple[int, str]]:
    """Return the largest differences, each with its place in a sentence; a step is named once."""
    apart, share = shares.apart[:, persona], shares.share[:, persona]
    words = WORDS.get(level, WORDS["touchpoint"])
    told: list[tuple[int, str]] = []
    named: set[int] = set()
    for trait in _by_size(apart):
        kind, step = shares.kind[trait], int(shares.step[trait])
        place = (BEGINS, DOES, ENDS).index(kind)
        full = sum(where == place for where, _ in told) >= (MOST if kind == DOES else 1)
        if abs(apart[trait]) < TELLING or step in named or full or (kind != DOES and apart[trait] < 0):
            continue
        named.add(step)
        said = words[place].format(names[step].replace("_", " "))
        told.append((place, said if kind != DOES else _how_often(said, apart[trait], share[trait])))
    return told


def _by_size(apart: Floats) -> list[int]:
    """Order by size; of equal ones, what is done comes before what isn't."""
    order: list[int] = np.lexsort((apart < 0, -np.abs(apart))).tolist()
    return order


def _how_often(said: str, apart: float, share: float) -> str:
    if apart > 0:
        return said if share >= 0.5 else f"more often {said}"
    return f"never {said}" if share == 0 else f"seldom {said}"


def traits(shares: Shares, personas: list[str], names: tuple[str, ...]) -> pd.DataFrame:
    """Return the table of traits: a row a persona, kind and step, the furthest apart first."""
    import pandas as pd

    share, other, apart = shares.share, shares.elsewhere, shares.apart
    total = int(shares.customers.sum())
    rows: list[dict[str, Any]] = []
    for persona, name in enumerate(personas):
        customers = int(shares.customers[persona])
        for trait in _by_size(apart[:, persona]):
            with_it = int(shares.with_it[trait, persona])
            all_with = int(shares.with_it[trait].sum())
            chance = compare_shares(with_it, customers, all_with - with_it, total - customers)
            rows.append(
                {
                    "persona": name,
                    "kind": shares.kind[trait],
                    "step": names[shares.step[trait]],
                    "customers": with_it,
                    "share_of_customers": share[trait, persona],
                    "elsewhere": all_with - with_it,
                    "share_elsewhere": other[trait, persona] if total > customers else np.nan,
                    "ratio": chance.risk_ratio,
                    "apart": apart[trait, persona],
                    "p": chance.p,
                }
            )
    columns = {
        "persona": "str", "kind": "str", "step": "str", "customers": "int64",
        "share_of_customers": "float64", "elsewhere": "int64", "share_elsewhere": "float64",
        "ratio": "float64", "apart": "float64", "p": "float64",
    }  # fmt: skip
    table = pd.DataFrame(rows, columns=list(columns)).astype(columns)
    table["q"] = benjamini_hochberg(table.pop("p").to_numpy())
    return table
