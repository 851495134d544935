"""The verb `markov` and its result: journeys as chains of order 0, 1 or 2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from cjmining import asked
from cjmining.discovery import markov_choice
from cjmining.discovery.columns import names_of
from cjmining.discovery.markov_choice import FOLDS, PAIRS, Gains, folds_of, held_out_bits
from cjmining.discovery.outcomes import OPEN, outcomes_of
from cjmining.discovery.steps import Steps
from cjmining.discovery.summary import blocks_of
from cjmining.discovery.words import unmistakable
from cjmining.engine.local import reduce_blocks, worked_on
from cjmining.errors import LogError, shorten
from cjmining.kernels import markov as kernel
from cjmining.kernels import sums
from cjmining.kernels.cells import numbered
from cjmining.kernels.customers import first_journeys
from cjmining.kernels.markov import ORDERS
from cjmining.progress import Progress, during, telling
from cjmining.results import Result

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.engine.local import Engine
    from cjmining.intended import IntendedMap
    from cjmining.log import Block, JourneyLog

    Codes = NDArray[np.int32]
    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

START = "(start)"
"""The state of a journey before its first step."""
END = "(end)"
"""What follows the last step of a journey that is over."""
ANY = "(any)"
"""The one state of a chain without memory. Where a step is named like one of these words, the word is put in
one more pair of brackets."""


def markov(
    log: JourneyLog,
    *,
    by: str | Sequence[str] | None = None,
    level: str = "touchpoint",
    ignore: Sequence[str] = (),
    intended: IntendedMap | None = None,
    order: str | int = "auto",
    seed: int = 0,
    progress: Progress | bool | None = None,
    engine: Engine | None = None,
) -> MarkovChains:
    """Describe journeys as Markov chains: what comes next, given the last step or the last two.

    A journey starts at "(start)" and ends at "(end)". Where journeys are tagged with their outcome
    (``log.tag(outcome=check.journeys["outcome"])``), those that are open do not end: nothing is known of what
    follows their last step. In a log without that tag every journey ends with its last step.

    Parameters
    ----------
    log : JourneyLog
        The journeys.
    by : str or sequence of str, optional
        What to group journeys by, as in `cj.discover`; each group has chains of its own.
    level : {"touchpoint", "touchpoint@channel", "channel", "stage"}
        What a step is, as in `cj.discover`.
    ignore : sequence of str
        Touchpoints that are no part of the journey; a journey of nothing else goes from the start to the end.
    intended : IntendedMap, optional
        The map whose stages are the steps at level "stage".
    order : {"auto", 1, 2}
        How many steps back matter. "auto" asks the data for each group: the chains of order 0, 1 and 2
        predict journeys of customers they have not seen, and the lowest order is chosen that no higher one
        surely beats: by so many bits a step that the 95 % limits of the difference leave out 0. Order 0 is
        there to compare with: a journey can't end before its first step, so that some memory always helps.
    seed : int
        Another number deals customers into other folds.
    progress : callable or bool, optional
        Called with what is being done and the share of the whole that is done, 0 to 1; True shows a bar.
    engine : cjmining.engines.Spark, optional
        Who works on the log's blocks, the same as ``log.on(engine)``; by default who does so for the log.

    Returns
    -------
    MarkovChains
        The chains of all three orders, and how well each predicts.

    Raises
    ------
    LogError
        If there is nothing of the name `by`, no such level, order or seed, or `ignore` is a text.

    Notes
    -----
    Customers, not journeys, are dealt into five folds by a hash of their number and the seed. What a chain
    says of a fold it has not seen is smoothed: order k mixes in order k - 1 as if seen m times (MacKay and
    Peto 1995, A hierarchical Dirichlet language model), m out of 0.1, 1, 10, 100, 1000, whichever predicts
    the other folds best, each from the rest of them. The limits are those of a ratio of sums over customers;
    that folds share what the chains are counted on is not in them. Probabilities in the tables are not
    smoothed: they are shares.

    Two passes over the log; the tables grow with the transitions that occur, not with the log.

    Examples
    --------
    >>> import cjmining as cj
    >>> chains = cj.markov(cj.simulate.shop(300, seed=1).log, level="channel")
    >>> chains.matrix(order=1).sum(axis=1).round(9).unique().tolist()
    [1.0]
    """
    log = worked_on(log, engine, "markov")
    order, seed = _order(order), asked.seed(seed)
    with telling(progress, "markov") as tell:
        tell("reading the log", 0.0)
        steps = Steps.of(log, level=level, ignore=ignore, intended=intended, verb="markov")
        reading = _Reading.of(log, steps, by, seed)
        if len(reading.groups) * (len(steps.names) + 1) ** 3 >= 2**62:
            raise LogError(
                f"markov can't count {len(steps.names):,} different steps in {len(reading.groups):,} groups: "
                "choose another level or fewer groups"
            )
        blocks = blocks_of(log)
        with during(tell, "counting", 0.05, 0.4):
            counted = reduce_blocks(reading.counted, _merged, blocks, engine=log.engine)
        bits = held_out_bits(counted[2], len(steps.names), len(reading.groups))
        keys = counted[2].key
        with during(tell, "predicting what was left out", 0.4, 0.9):
            gains = reduce_blocks(
                lambda block: reading.score(block, keys, bits), markov_choice.merge, blocks, engine=log.engine
            )
        tell("making the tables", 0.9)
        return _finish(reading, counted, gains, by=by, ignore=ignore, order=order)._made_of(log)


def _order(order: object) -> str | int:
    if isinstance(order, str) and order == "auto":
        return order
    try:
        return asked.whole("order", order, least=1, most=2)
    except LogError:
        raise LogError(f"order is 'auto', 1 or 2, not {order!r}") from None


@dataclass(frozen=True, repr=False, eq=False)
class MarkovChains(Result):
    """Journeys as Markov chains of order 0 (no memory), 1 and 2, by group.

    Made by `cj.markov`. Probabilities are shares of what was counted, without smoothing.

    Attributes
    ----------
    by : str, tuple of str or None
        What journeys were grouped by.
    level : str
        What a step is.
    groups : tuple of str
        The groups that have journeys.
    ignore : tuple of str
        The touchpoints that were left out.
    orders : pandas.DataFrame
        One row a group and order: by, order (how many steps back matter), journeys, customers, states (from
        which something follows), parameters (transitions that occur less states: the probabilities that are
        free), steps (that were predicted, ends among them), bits_per_step (that predicting a step of unseen
        customers takes), gain_bits (bits a step fewer than at the next lower order) with limits lower and
        upper, chosen (the order of this group's chain).
    transitions : pandas.DataFrame
        One row a group, order, state and what follows: by, order (how many steps back matter), from (the
        state: one step, or two joined by " > "; "(start)" before the first, "(any)" at order 0),
        to_touchpoint (the step that follows, or "(end)"), count (how often it follows), journeys (in which it
        does so at least once), customers (with such a journey), probability (count as a share of all that
        follows the state). Where a step is itself named "(start)", "(end)" or "(any)", that word stands in
        one more pair of brackets.
    notes : tuple of str
        What a reader should know.
    """

    by: str | tuple[str, ...] | None
    level: str
    groups: tuple[str, ...]
    ignore: tuple[str, ...]
    orders: pd.DataFrame
    transitions: pd.DataFrame
    notes: tuple[str, ...]
    _names: tuple[str, ...] = ()

    _tables: ClassVar[tuple[str, ...]] = ("orders", "transitions")  # type: ignore[misc]

    @property
    def chosen(self) -> pd.Series[int]:
        """The order of each group's chain."""
        return self.orders[self.orders["chosen"]].set_index("by")["order"].rename("chosen")

    def matrix(self, group: str | None = None, order: int | None = None) -> pd.DataFrame:
        """Return the probabilities of what follows each state as a matrix, whose rows add up to 1.

        Parameters
        ----------
        group : str, optional
            One of `groups`; may be left out where there is one alone.
        order : {0, 1, 2}, optional
            By default the one that was chosen for the group.

        Returns
        -------
        pandas.DataFrame
            A row a state (index "from", named as in `transitions`), a column a step that follows, the last
            one "(end)". States that nothing follows, the last steps of open journeys, have no row.

        Raises
        ------
        LogError
            If there is no such group or order.
        """
        group = self._one_group(group)
        order = int(self.chosen[group]) if order is None else asked.whole("order", order, least=0, most=2)
        rows = self.transitions[(self.transitions["by"] == group) & (self.transitions["order"] == order)]
        wide = rows.pivot_table(
            index="from", columns="to_touchpoint", values="probability", aggfunc="sum", sort=False
        ).fillna(0.0)
        named = [name for name in (*self._names, unmistakable(END, self._names)) if name in wide.columns]
        return wide[named]

    def _one_group(self, group: str | None) -> str:
        if group is None and len(self.groups) == 1:
            return self.groups[0]
        if group is None:
            raise LogError(f"say which group: there are {shorten(self.groups) or 'none'}")
        return asked.one_of("group", group, self.groups)

    def _summary(self) -> str:
        orders = ", ".join(f"{group}: order {order}" for group, order in self.chosen.head(8).items())
        more = f", and {len(self.groups) - 8:,} more" if len(self.groups) > 8 else ""
        first = f"MarkovChains at level {self.level}: {orders or 'of no journeys'}{more}"
        return "\n".join([first, *(f"  {note}" for note in self.notes)])


class _Reading(NamedTuple):
    """A log as predictions."""

    steps: Steps
    group: Codes
    groups: tuple[str, ...]
    customer: Ints
    fold: Ints
    unfinished: NDArray[np.bool_]
    knows_outcomes: bool

    @classmethod
    def of(cls, log: JourneyLog, steps: Steps, by: str | Sequence[str] | None, seed: int) -> _Reading:
        group, groups = log.group(by)
        outcome = outcomes_of(log)
        unfinished = np.zeros(log.n_journeys, np.bool_) if outcome is None else outcome == OPEN
        customer = log.journey_customer
        return cls(steps, group, groups, customer, folds_of(customer, seed), unfinished, outcome is not None)

    def predictions(self, block: Block) -> tuple[Ints, Ints]:
        part = self.steps.of_block(block)
        mine = part.journeys
        return kernel.predictions(
            part.bounds, part.code, self.group[mine], self.unfinished[mine], len(self.steps.names)
        )

    def counted(self, block: Block) -> list[sums.Sums]:
        """Count the predictions of a block at each order, by fold."""
        key, owner = self.predictions(block)
        mine = slice(block.first_journey, block.last_journey)
        fold, first = self.fold[mine][owner], first_journeys(self.customer[mine])
        return [
            kernel.count(kernel.at_order(key, order, len(self.steps.names)), owner, fold, FOLDS, first)
            for order in ORDERS
        ]

    def score(self, block: Block, cell: Ints, bits: Floats) -> Gains:
        """Add up what predicting the journeys of a block takes, by customer in a group."""
        key, owner = self.predictions(block)
        mine = slice(block.first_journey, block.last_journey)
        known, place = numbered(key)
        said = bits[np.searchsorted(cell, known)[place], self.fold[mine][owner]]
        _, customer = np.unique(self.customer[mine], return_inverse=True)
        n_customers = int(customer.max(initial=0)) + 1
        units, unit = np.unique(self.group[mine] * np.int64(n_customers) + customer, return_inverse=True)
        return Gains.of(said, unit[owner], units // n_customers, len(self.groups))


def _merged(parts: list[list[sums.Sums]]) -> list[sums.Sums]:
    return [sums.merge([part[order] for part in parts]) for order in ORDERS]


def _finish(
    reading: _Reading,
    counted: list[sums.Sums],
    gains: Gains,
    *,
    by: str | Sequence[str] | None,
    ignore: Sequence[str],
    order: str | int,
) -> MarkovChains:
    journeys = np.bincount(reading.group, minlength=len(reading.groups))
    kept = np.flatnonzero(journeys)
    chosen = gains.chosen() if order == "auto" else np.full(len(reading.groups), order)
    return MarkovChains(
        by=by if by is None or isinstance(by, str) else tuple(by),
        level=reading.steps.level,
        groups=tuple(reading.groups[group] for group in kept),
        ignore=tuple(ignore),
        orders=_orders(reading, counted, gains, kept, journeys, chosen),
        transitions=pd.concat(
            [_transitions(reading, counted[order], order) for order in ORDERS], ignore_index=True
        )
        .sort_values(["group", "order"], kind="stable", ignore_index=True)
        .drop(columns="group"),
        notes=_notes(reading),
        _names=reading.steps.names,
    )


def _orders(
    reading: _Reading, counted: list[sums.Sums], gains: Gains, kept: Ints, journeys: Ints, chosen: Ints
) -> pd.DataFrame:
    base = len(reading.steps.names) + 1
    saved, width = gains.a_step()
    none = np.full(len(kept), np.nan)
    tables = []
    for order in ORDERS:
        states = np.unique(counted[order].key // base) // base**order
        n_states = np.bincount(states, minlength=len(reading.groups))[kept]
        n_cells = np.bincount(counted[order].key // base ** (order + 1), minlength=len(reading.groups))[kept]
        gain, half = none, none
        if order > 0:
            pair = PAIRS.index((order - 1, order))
            gain, half = saved[kept, pair], width[kept, pair]
        with np.errstate(invalid="ignore"):
            bits = gains.bits[kept, order] / gains.steps[kept]
        tables.append(
            pd.DataFrame(
                {
                    "place": kept,
                    "by": names_of(reading.groups, kept),
                    "order": np.full(len(kept), order, np.int64),
                    "journeys": journeys[kept],
                    "customers": gains.customers[kept],
                    "states": n_states,
                    "parameters": n_cells - n_states,
                    "steps": gains.steps[kept].astype(np.int64),
                    "bits_per_step": bits,
                    "gain_bits": gain,
                    "lower": gain - half,
                    "upper": gain + half,
                    "chosen": chosen[kept] == order,
                }
            )
        )
    together = pd.concat(tables, ignore_index=True)
    return together.sort_values(["place", "order"], ignore_index=True).drop(columns="place")


def _transitions(reading: _Reading, counted: sums.Sums, order: int) -> pd.DataFrame:
    """A row a transition at one order, states in the order of their names, most frequent first."""
    steps = reading.steps.names
    names = (*steps, unmistakable(START, steps))
    base = len(names)
    state, to = np.divmod(counted.key, base)
    count, (journeys, customers) = counted.totals[:, :FOLDS].sum(axis=1), counted.totals[:, FOLDS:].T
    _, place = np.unique(state, return_inverse=True)
    probability = count / np.bincount(place, weights=count)[place]
    group = state // base**order
    back = [state // base**far % base for far in range(order)]
    # The start has the last code, but comes first.
    ranks = [np.where(one == base - 1, -1, one) for one in back]
    sort = np.lexsort((to, -count, *ranks, group))
    return pd.DataFrame(
        {
            "group": group[sort],
            "by": names_of(reading.groups, group[sort]),
            "order": np.full(len(sort), order, np.int64),
            "from": _states([one[sort] for one in back], names, len(sort)),
            "to_touchpoint": names_of((*steps, unmistakable(END, steps)), to[sort]),
            "count": count[sort],
            "journeys": journeys[sort],
            "customers": customers[sort],
            "probability": probability[sort],
        }
    )


def _states(back: list[Ints], names: Sequence[str], number: int) -> pd.Series[str]:
    """Names of states from the last step and those before it; before the first step there is nothing."""
    if not back:
        return pd.Series([unmistakable(ANY, names)] * number, dtype="str")
    last = names_of(names, back[0])
    if len(back) == 1:
        return last
    joined = names_of(names, back[1]) + " > " + last
    return joined.where(back[0] != len(names) - 1, names[-1])


def _notes(reading: _Reading) -> tuple[str, ...]:
    if not reading.knows_outcomes:
        note = (
            "This log doesn't say how its journeys ended, so each counts as ended with its last step, open "
            "ones too; log.tag(outcome=check.journeys['outcome']) tells them apart."
        )
        return (note, *reading.steps.notes)
    number, of = int(reading.unfinished.sum()), len(reading.unfinished)
    note = f"Open journeys: {number:,} of {of:,}. They have no end, since what follows is not known."
    return (note, *reading.steps.notes)
