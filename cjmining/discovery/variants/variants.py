"""The verb `variants`: the ways that journeys take, how many take each, how long, and how they end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cjmining import asked
from cjmining.discovery.outcomes import COLUMNS, outcomes_of
from cjmining.discovery.steps import Steps
from cjmining.discovery.variants.facts import Counted, facts_of, rows_of
from cjmining.discovery.variants.told import coverage_of, steps_of, totals_of
from cjmining.discovery.words import bounded, percent, plural, shortened
from cjmining.engine.local import worked_on
from cjmining.errors import LogError, nearest, shorten
from cjmining.progress import Progress, during, telling
from cjmining.results import Result

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.discovery.variants.facts import Facts
    from cjmining.discovery.variants.representatives import Representatives
    from cjmining.engine.local import Engine
    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog

    Ints = NDArray[np.int64]


def variants(
    log: JourneyLog,
    *,
    by: str | Sequence[str] | None = None,
    level: str = "touchpoint",
    ignore: Sequence[str] = (),
    intended: IntendedMap | None = None,
    repeats: bool = True,
    progress: Progress | bool | None = None,
    engine: Engine | None = None,
) -> Variants:
    """Count the different ways that journeys take.

    Two journeys are of one variant if they have the same steps in the same order, whenever they took them.

    Parameters
    ----------
    log : JourneyLog
        The journeys as they lie in the log. Where they are tagged with their outcome
        (``log.tag(outcome=check.journeys["outcome"])``) the table says how those of each variant ended;
        without the tag it has no such columns.
    by : str or sequence of str, optional
        What to group journeys by, as `log.group` takes it. Without it there is one group, "all".
    level : {"touchpoint", "touchpoint@channel", "channel", "stage"}
        What a step is; see `cj.discover`.
    ignore : sequence of str
        Touchpoints that are no part of the journey.
    intended : IntendedMap, optional
        The map whose stages are the steps at level "stage".
    repeats : bool
        Whether it is another variant if the same step comes again at once. With False several such in a row
        are one step, which begins with the first.
    progress : callable or bool, optional
        Called with what is being done and the share of the whole that is done, 0 to 1; True shows a bar.
    engine : cjmining.engines.Spark, optional
        Who works on the log's blocks, the same as ``log.on(engine)``; by default who does so for the log.

    Returns
    -------
    Variants
        `.variants`, `.coverage`, `.head(n)`, `.journeys(rank)`, `.representatives(number)`.

    Raises
    ------
    LogError
        If there is nothing of the name `by`, no such level, `ignore` is a text, or the tag `outcome` has a
        word that is no outcome.

    Notes
    -----
    The verb itself counts codes. Their order, times, customers, outcomes and names are worked out when they
    are first asked for, names for the rows shown alone: half a million different names cost more than all
    counting.

    Examples
    --------
    >>> import cjmining as cj
    >>> import pyarrow as pa
    >>> events = pa.table({
    ...     "customer": [0, 0, 1, 1, 2],
    ...     "timestamp": pa.array([0, 60, 0, 120, 0], pa.timestamp("s", "UTC")),
    ...     "touchpoint": ["ad", "shop", "ad", "shop", "ad"],
    ... })
    >>> found = cj.variants(cj.JourneyLog.from_events(events))
    >>> found.variants[["rank", "variant", "journeys", "cumulative_share", "median_s"]].round(2)
       rank    variant  journeys  cumulative_share  median_s
    0     1  ad > shop         2              0.67      90.0
    1     2         ad         1              1.00       0.0
    """
    log = worked_on(log, engine, "variants")
    with telling(progress, "variants") as tell:
        tell("reading the log", 0.0)
        steps = Steps.of(log, level=level, ignore=ignore, intended=intended, verb="variants")
        steps = steps._replace(once=not repeats)
        outcome = outcomes_of(log)
        with during(tell, "counting", 0.05, 0.95):
            counted = Counted.of(log, steps, by)
        tell("making the tables", 0.95)
        return Variants(
            by=by if by is None or isinstance(by, str) else tuple(by),
            level=level,
            groups=tuple(counted.groups[code] for code in counted.codes_of_groups()),
            ignore=tuple(ignore),
            outcomes=outcome is not None,
            repeats=repeats,
            notes=steps.notes,
            _log=log,
            _counted=counted,
            _outcome=outcome,
        )._made_of(log)


@dataclass(frozen=True, repr=False, eq=False)
class Variants(Result):
    """The ways that journeys take, by group. The column `by` names the group; "all" where none was asked for.

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
    outcomes : bool
        Whether the log was tagged with how journeys ended.
    repeats : bool
        Whether the same step again at once makes another variant.
    notes : tuple of str
        What a reader should know: names to ignore that the log lacks.
    coverage : pandas.DataFrame
        How few ways most journeys take, made when first asked for: by, percent (of the group's journeys,
        aimed at), variants (how many of the most frequent variants have at least as many), journeys (that
        they have), customers (with at least one of these journeys), share_of_journeys (of the group),
        of_variants (how many variants the group has).
    variants : pandas.DataFrame
        One row a group and variant, made when first asked for: by, rank (1 has the most journeys; of equally
        many the order is that of their steps), variant (the steps joined by " > ", "(nothing)" where all
        were ignored, in one more pair of brackets where a step is named so), journeys, customers (with at
        least one such journey), share_of_journeys (of the group), cumulative_share
        (of the group's journeys in this variant and those before it), steps (in a journey),
        median_s and p90_s (median and 90th percentile of the seconds from the first to the last step of a
        journey, within 0.8 %), mean_s (their mean), first_seen (when the first of its journeys began, UTC),
        last_seen (when the last of its journeys began, UTC). Where the log is tagged with outcomes also
        converted, dropped, turned_away (journeys that the company ended), open (journeys still undecided when
        the data ended), converted_share_of_decided (converted as a share of converted, dropped and turned
        away, with limits at 95 % that allow for several journeys of one customer) and its limits lower and
        upper. Journeys whose outcome isn't known are in none of these.
    """

    by: str | tuple[str, ...] | None
    level: str
    groups: tuple[str, ...]
    ignore: tuple[str, ...]
    outcomes: bool
    repeats: bool
    notes: tuple[str, ...]
    _log: JourneyLog
    _counted: Counted
    _outcome: NDArray[np.int8] | None
    _cache: dict[str, Any] = field(default_factory=dict)

    _tables = ("coverage", "variants")
    _opened = "variants"

    @property
    def coverage(self) -> pd.DataFrame:
        """How few ways most journeys take; see the class for its columns."""
        if "coverage" not in self._cache:
            self._cache["coverage"] = coverage_of(self._counted, self._log)
        table: pd.DataFrame = self._cache["coverage"]
        return table

    @property
    def variants(self) -> pd.DataFrame:
        """Every variant of every group; see the class for its columns."""
        if "variants" not in self._cache:
            self._cache["variants"] = self._rows(np.arange(len(self._counted.sequences.group)))
        table: pd.DataFrame = self._cache["variants"]
        return table

    def __len__(self) -> int:
        return len(self._counted.found.group)

    def head(self, n: int = 10) -> pd.DataFrame:
        """Return the `n` most frequent variants of each group, with the columns of `variants`.

        Parameters
        ----------
        n : int
            How many of each group. Names are made for these alone.

        Raises
        ------
        LogError
            If `n` is no whole number of at least 0.
        """
        n = asked.whole("n", n, least=0)
        return self._rows(np.flatnonzero(self._counted.rank <= n))

    def steps(self, n: int = 10) -> pd.DataFrame:
        """Return the single steps of the `n` most frequent variants of each group.

        Names of variants join their steps by " > "; here nothing has to be taken apart again.

        Parameters
        ----------
        n : int
            How many variants of each group.

        Returns
        -------
        pandas.DataFrame
            One row a step: by, rank (of the variant), position (from 1), step (its name at this level),
            touchpoint (at level "stage" the stage, at level "channel" ""), channel ("" where the level has
            none or none is known).

        Raises
        ------
        LogError
            If `n` is no whole number of at least 0.

        Examples
        --------
        >>> import cjmining as cj
        >>> found = cj.variants(cj.simulate.shop(200, seed=1).log, level="touchpoint@channel")
        >>> found.steps(1)[["rank", "position", "touchpoint", "channel"]]
           rank  position      touchpoint channel
        0     1         1  product_viewed     web
        """
        n = asked.whole("n", n, least=0)
        return steps_of(self._counted, self._log, np.flatnonzero(self._counted.rank <= n))

    @property
    def totals(self) -> pd.DataFrame:
        """What there is in all: by, variants, journeys and, of a tagged log, how many of them ended how."""
        return totals_of(self._counted, self._facts())

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels of the log, whether or not they are part of a step."""
        return tuple(self._log.vocabulary("channel"))

    def journeys(self, variant: int | str | Sequence[str], *, group: str | None = None) -> Ints:
        """Return the numbers of the journeys of a variant, ascending.

        Parameters
        ----------
        variant : int, str or sequence of str
            Its rank in the group, its name as in the table, or its steps (two variants have one name where
            a step has " > " in its own).
        group : str, optional
            One of `groups`; needed where there are several.

        Raises
        ------
        LogError
            If no journey of the group is of that variant, several variants are named so, or the group is
            lacking or unknown.
        """
        code = self._group(group)
        wanted = self._place(variant, code)
        return np.flatnonzero(self._counted.numbers() == wanted)

    def representatives(
        self,
        number: int = 5,
        *,
        limit: float = 0.5,
        largest: int = 4_000,
        progress: Progress | bool | None = None,
    ) -> Representatives:
        """Choose a few journeys that stand for most behaviour, for each group.

        A journey is covered by a representative if it takes at most `limit` edits per step to turn the one
        into the other: steps put in, left out or exchanged, divided by the steps of the longer of the two.
        Representatives are variants that occur. One after another, the one is chosen that covers the most
        journeys not covered yet (of several, the more frequent one).

        Parameters
        ----------
        number : int
            How many for each group; fewer where fewer cover all.
        limit : float
            From 0 (only the same variant) to 1 (everything).
        largest : int
            Up to so many variants of a group are all held against each other. Of more, so many are drawn: the
            frequent ones surely, the others by chance, weighed so that they stand for all on the average.
            The chance lies in the steps themselves, so that the choice is the same in every run. All journeys
            are then held against those chosen: every number in the tables counts all of them but
            `at_best_share`.
        progress : callable or bool, optional
            Called with what is being done and the share of the whole that is done, 0 to 1; True shows a bar.

        Returns
        -------
        Representatives
            `.representatives` and `.account`.

        Raises
        ------
        LogError
            If `number` or `largest` is no whole number of at least 1, or `limit` no number from 0 to 1.

        References
        ----------
        Choosing the most at each step covers at least 1 - 1/e (63 %) of what the best choice covers, of the
        variants considered: Nemhauser, Wolsey and Fisher (1978), doi:10.1007/BF01588971. Edits: Levenshtein
        (1966). Drawing: Duffield, Lund and Thorup (2007), doi:10.1145/1314690.1314696.

        Examples
        --------
        >>> import cjmining as cj
        >>> found = cj.variants(cj.simulate.shop(200, seed=1).log).representatives(2)
        >>> found.representatives["rank"].tolist()
        [1, 2]
        """
        from cjmining.discovery.variants.representatives import choose

        return choose(self, number, limit, largest, progress)

    def _rows(self, chosen: Ints) -> pd.DataFrame:
        return rows_of(self._counted, self._facts(), chosen)

    def _facts(self) -> Facts:
        if "facts" not in self._cache:
            self._cache["facts"] = facts_of(self._log, self._counted, self._outcome)
        facts: Facts = self._cache["facts"]
        return facts

    def _with_tables(self, tables: Mapping[str, pd.DataFrame]) -> Variants:
        return replace(self, _cache={**self._cache, **tables})._made_of(self._log)

    def _head(self, name: str) -> pd.DataFrame:
        if name != "variants":
            return super()._head(name)
        return self._rows(np.arange(min(8, len(self))))

    def _length(self, name: str) -> int:
        return len(self) if name == "variants" else super()._length(name)

    def _group(self, group: str | None) -> int:
        if group is None and len(self.groups) == 1:
            group = self.groups[0]
        if group not in self.groups:
            what = "which group is meant" if group is None else f"there is no group {group!r}"
            hint = nearest(group, self.groups) if isinstance(group, str) else ""
            raise LogError(f"{what}{hint}: pass group=, one of {shorten(self.groups) or 'none'}")
        return self._counted.groups.index(group)

    def _place(self, variant: int | str | Sequence[str], group: int) -> int:
        counted = self._counted
        first, last = counted.span(group)
        if isinstance(variant, int | np.integer) and not isinstance(variant, bool):
            if 1 <= variant <= last - first:
                return first + int(variant) - 1
            raise LogError(f"there is no variant of rank {variant}; ranks go from 1 to {last - first:,}")
        if not isinstance(variant, str):
            variant = asked.texts("variant", variant, of="steps, or a rank, or a name")
        place = counted.find(variant, group)
        if place < 0:
            raise LogError(
                f"no journey of this group took {variant!r}; `.head()` shows what its journeys took"
            )
        return place

    def _summary(self) -> str:
        total, told = self._counted.found.journeys.sum(), ""
        if self.outcomes:
            told = f", with outcomes ({', '.join(COLUMNS)})"
        ways = "different way" if len(self) == 1 else "different ways"
        of = f"{plural(int(total), 'journey')} in {plural(len(self.groups), 'group')}"
        return f"Variants: {len(self):,} {ways} of {of}{told}"

    def __repr__(self) -> str:
        lines = bounded(self._lines(), _SHOWN, ".head()") if len(self) else []
        return "\n".join([self._summary(), *lines, *(f"  note: {note}" for note in self.notes)])

    def _lines(self) -> list[str]:
        """The commonest few of each group, as many as a terminal holds, at least one of each."""
        from cjmining.discovery.variants.facts import texts
        from cjmining.kernels.sequences import take

        counted = self._counted
        few = min(max(_SHOWN // len(self.groups), 1), _FEW)
        chosen = np.flatnonzero(counted.rank <= few)
        here = take(counted.sequences, chosen[:_SHOWN])
        its_group = np.bincount(counted.found.group, counted.found.journeys)
        told = zip(
            here.group.tolist(),
            here.journeys.tolist(),
            np.diff(here.bounds).tolist(),
            texts(here, counted.steps.names),
            strict=True,
        )
        lines = []
        for group, journeys, steps, name in told:
            by = f"{counted.groups[group]}: " if len(self.groups) > 1 else ""
            share = percent(journeys / its_group[group])
            lines.append(f"{by}{shortened(name, steps)}: {plural(journeys, 'journey')} ({share})")
        return lines + [""] * (len(chosen) - len(lines))


_SHOWN: Final = 16
"""Lines of variants that a terminal shows."""
_FEW: Final = 5
"""At most so many of each group."""
