"""A few journeys that stand for most behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjmining import asked
from cjmining.discovery.outcomes import COLUMNS, CONVERTED, OPEN
from cjmining.discovery.words import bounded, percent, plural, shortened
from cjmining.engine.local import map_blocks
from cjmining.progress import telling
from cjmining.results import Result

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.discovery.variants.variants import Variants
    from cjmining.kernels.variants import Variants as Sequences
    from cjmining.progress import Progress

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

ROWS = 250
"""Sequences that one task holds against all."""


@dataclass(frozen=True, repr=False, eq=False)
class Representatives(Result):
    """A few journeys of each group that stand for most behaviour; `Variants.representatives` says how.

    Attributes
    ----------
    number : int
        How many were asked for.
    limit : float
        Edits per step of the longer of two journeys, up to which one stands for the other.
    notes : tuple of str
        What a reader should know: names to ignore that the log lacks.
    representatives : pandas.DataFrame
        In the order in which they were chosen: by, rank, variant (the steps joined by " > "), steps (in it),
        journeys (that it stands for: within the limit of it, and nearer to it than to any other of all
        chosen; of equally near ones the first chosen counts), customers (with at least one of these),
        own_journeys (of exactly this variant), share_of_journeys (`journeys` as a share of all of the group),
        covered_journeys (within the limit of it, also those that are nearer to another), covered_so_far_share
        (of all journeys of the group, those within the limit of this one or of one before it: in the first
        row that of covered_journeys, in the last that of all `journeys` together), mean_distance (edits per
        step of the longer, mean over its journeys). Where the log is tagged with outcomes also converted,
        dropped, turned_away (its journeys that the company ended), open (its journeys still undecided when
        the data ended),
        converted_share_of_decided (converted as a share of its converted, dropped and turned away, with
        limits at 95 % that allow for several journeys of one customer) and its limits lower and upper.
    account : pandas.DataFrame
        One row a group: by, journeys, customers, covered_journeys (by any of the chosen),
        uncovered_journeys (by none), covered_share (of all journeys), mean_distance (edits per step of the
        longer, of all journeys from the nearest chosen one, covered or not), variants (the group has),
        considered_variants (held against each other for the choice), considered_journeys (of exactly these
        variants), at_best_share (no choice of as many of the considered variants covers a larger share of
        all journeys; an estimate where not all were considered).
    """

    number: int
    limit: float
    representatives: pd.DataFrame
    account: pd.DataFrame
    notes: tuple[str, ...] = ()

    _tables = ("representatives", "account")

    def _summary(self) -> str:
        total, covered = self.account[["journeys", "covered_journeys"]].sum()
        of = (
            f"{covered:,} of {plural(total, 'journey')} ({percent(covered / total)})"
            if total
            else "no journeys"
        )
        groups = f" for {plural(len(self.account), 'group')}" if len(self.account) != 1 else ""
        return (
            f"Representatives: {plural(len(self.representatives), 'variant')}{groups}, within {self.limit:g} "
            f"{'edit' if self.limit == 1 else 'edits'} per step of {of}"
        )

    def __repr__(self) -> str:
        lines = self._groups() if len(self.account) > 1 else self._variants()
        where = ".account" if len(self.account) > 1 else ".representatives"
        notes = [f"  note: {note}" for note in self.notes]
        return "\n".join([self._summary(), *bounded(lines, _SHOWN, where), *notes])

    def _groups(self) -> list[str]:
        columns = ("by", "covered_journeys", "journeys", "covered_share")
        rows = zip(*(self.account[name] for name in columns), strict=True)
        return [
            f"{by}: {covered:,} of {plural(journeys, 'journey')} ({percent(share)})"
            for by, covered, journeys, share in rows
        ]

    def _variants(self) -> list[str]:
        columns = ("variant", "steps", "journeys", "share_of_journeys")
        rows = zip(*(self.representatives[name] for name in columns), strict=True)
        return [
            f"{shortened(variant, steps)}: stands for {plural(journeys, 'journey')} ({percent(share)})"
            for variant, steps, journeys, share in rows
        ]


_SHOWN = 16
"""Lines that a terminal shows."""


class Choice(NamedTuple):
    """The sequences chosen for one group, and how all of the group lie to them."""

    places: Ints
    nearest: Ints
    distance: Floats
    covered: NDArray[np.bool_]
    within: Ints
    so_far: Floats
    considered: Ints
    at_best: float


def choose(
    found: Variants, number: int, limit: float, largest: int, progress: Progress | bool | None = None
) -> Representatives:
    """Choose the representatives of every group."""
    number, largest = asked.whole("number", number), asked.whole("largest", largest)
    limit = asked.number("limit", limit, least=0, most=1)
    counted = found._counted
    groups = counted.codes_of_groups()
    choices = {}
    with telling(progress, "representatives") as tell:
        for place, group in enumerate(groups):
            tell("holding variants against each other", 0.9 * place / len(groups))
            choices[group] = _choose(found, group, number, limit, largest)
        tell("making the tables", 0.9)
        made = Representatives(number, limit, _table(found, choices), _account(found, choices), found.notes)
    return made._made_of(found._log)


def _choose(found: Variants, group: int, number: int, limit: float, largest: int) -> Choice:
    from cjmining.kernels import coverage, sequences
    from cjmining.kernels.edit_distance import distances

    counted = found._counted
    here = sequences.take(counted.sequences, np.arange(*counted.span(group)))
    total = int(here.journeys.sum())
    drawn = coverage.draw(here.journeys, sequences.uniform(here.bounds, here.codes, here.group), largest)
    some = sequences.take(here, drawn.numbers)
    chosen = coverage.greedy(_near(some, len(counted.steps.names), limit), drawn.weight, number)
    places = drawn.numbers[chosen.numbers]
    those = sequences.take(here, places)
    lengths, theirs = np.diff(here.bounds), np.diff(those.bounds)
    longer = np.maximum(np.maximum(lengths[:, None], theirs), 1)
    edits = distances(here.bounds, here.codes, those.bounds, those.codes, len(counted.steps.names))
    within = edits <= np.floor(limit * longer + 1e-9)
    apart = edits / longer
    nearest = np.argmin(np.where(within, apart, apart + 2), axis=1)
    any_so_far = np.logical_or.accumulate(within, axis=1)
    return Choice(
        places=places + counted.span(group)[0],
        nearest=nearest,
        distance=apart.min(axis=1),
        covered=any_so_far[:, -1],
        within=here.journeys @ within,
        so_far=(here.journeys[:, None] * any_so_far).sum(axis=0) / total,
        considered=drawn.numbers,
        at_best=chosen.at_best / float(drawn.weight.sum()),
    )


def _near(some: Sequences, n_names: int, limit: float) -> NDArray[np.bool_]:
    """Say which sequences lie within the limit of each other, as many rows at a time as a task holds."""
    from cjmining.kernels.edit_distance import within

    n = len(some.group)

    def rows(first: int) -> NDArray[np.bool_]:
        return within(some.bounds, some.codes, first, min(first + ROWS, n), n_names, limit)

    return np.concatenate(map_blocks(rows, range(0, n, ROWS)))


def _table(found: Variants, choices: dict[int, Choice]) -> pd.DataFrame:
    import pandas as pd

    tables = [_rows(found, group, choice) for group, choice in choices.items()]
    return pd.concat(tables, ignore_index=True) if tables else _rows(found, 0, _NO_CHOICE)


_NONE = np.zeros(0, np.int64)
_NO_CHOICE = Choice(_NONE, _NONE, np.zeros(0), np.zeros(0, bool), _NONE, np.zeros(0), _NONE, 0.0)


def _rows(found: Variants, group: int, choice: Choice) -> pd.DataFrame:
    import pandas as pd

    from cjmining.discovery.variants.facts import ending, texts
    from cjmining.kernels import sequences

    counted = found._counted
    first, last = counted.span(group)
    here = sequences.take(counted.sequences, choice.places)
    k = len(choice.places)
    weight = counted.sequences.journeys[first:last] * choice.covered
    journeys = np.bincount(choice.nearest, weight, minlength=k)[:k].astype(np.int64)
    apart = np.bincount(choice.nearest, weight * choice.distance, minlength=k)[:k]
    ended, decided, customers = _people(found, group, choice)
    table = pd.DataFrame(
        {
            "by": pd.Series([counted.groups[group]] * k, dtype="str"),
            "rank": np.arange(1, k + 1),
            "variant": texts(here, counted.steps.names),
            "steps": np.diff(here.bounds),
            "journeys": journeys,
            "customers": customers,
            "own_journeys": here.journeys,
            "share_of_journeys": journeys / max(counted.sequences.journeys[first:last].sum(), 1),
            "covered_journeys": choice.within,
            "covered_so_far_share": choice.so_far.astype(float),
            "mean_distance": apart / np.maximum(journeys, 1),
        }
    )
    return table.assign(**ending(ended, decided)) if found.outcomes else table


def _people(found: Variants, group: int, choice: Choice) -> tuple[Ints, Ints, Ints]:
    """Count the journeys that each representative stands for by outcome, and their customers."""
    from cjmining.kernels import sums

    counted, k = found._counted, len(choice.places)
    first, last = counted.span(group)
    stands = np.full(len(counted.sequences.group) + 1, -1, np.int64)
    stands[first:last] = np.where(choice.covered, choice.nearest, -1)
    of_journey = stands[counted.numbers()]
    mine = np.flatnonzero(of_journey >= 0)
    key, whose = of_journey[mine], found._log.journey_customer[mine]
    outcome = found._outcome[mine] if found._outcome is not None else np.full(len(mine), -1, np.int8)
    known = (outcome >= 0) & (outcome != OPEN)

    def spread(summed: Any) -> Ints:  # noqa: ANN401 -- kernels.sums.Sums, which is imported on use
        rows = np.zeros((k, 6), np.int64)
        rows[summed.key] = summed.totals
        return rows

    ended = np.stack([np.bincount(key[outcome == code], minlength=k) for code in range(len(COLUMNS))], axis=1)
    people = spread(sums.sum_by_cluster(key, whose, outcome == CONVERTED))
    decided = spread(sums.sum_by_cluster(key[known], whose[known], outcome[known] == CONVERTED))
    return ended, decided, people[:, 2]


def _account(found: Variants, choices: dict[int, Choice]) -> pd.DataFrame:
    import pandas as pd

    from cjmining.discovery.variants.facts import customers_by

    counted = found._counted
    group_of = counted.group.astype(np.int64)
    customers = customers_by(group_of, found._log.journey_customer, len(counted.groups))
    rows = []
    for group, choice in choices.items():
        first, last = counted.span(group)
        own = counted.sequences.journeys[first:last]
        total, covered = int(own.sum()), int(own[choice.covered].sum())
        rows.append(
            {
                "by": counted.groups[group],
                "journeys": total,
                "customers": int(customers[group]),
                "covered_journeys": covered,
                "uncovered_journeys": total - covered,
                "covered_share": covered / total,
                "mean_distance": float((own * choice.distance).sum() / total),
                "variants": last - first,
                "considered_variants": len(choice.considered),
                "considered_journeys": int(own[choice.considered].sum()),
                "at_best_share": choice.at_best,
            }
        )
    return pd.DataFrame(rows, columns=list(_ACCOUNT)).astype(_ACCOUNT)


_ACCOUNT = {
    "by": "str",
    "journeys": "int64",
    "customers": "int64",
    "covered_journeys": "int64",
    "uncovered_journeys": "int64",
    "covered_share": "float64",
    "mean_distance": "float64",
    "variants": "int64",
    "considered_variants": "int64",
    "considered_journeys": "int64",
    "at_best_share": "float64",
}
