"""What a page needs of the log beside its results: worked out once, so that the page walks no log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from cjmining.conformance.tables import category
from cjmining.errors import LogError
from cjmining.plot.choose import map_of
from cjmining.report import words
from cjmining.report.disclosure import merge_check, merge_found, shown_groups
from cjmining.report.leaving import Leaving, look_into
from cjmining.report.natives import native_calls
from cjmining.report.rare import (
    NOTHING_RARE,
    Rare,
    find_rare,
    withhold_rare,
    withhold_rare_channels,
    withhold_rare_leaving,
)
from cjmining.schema import OUTCOMES

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.conformance import Conformance, Coverage
    from cjmining.discovery import Discovery
    from cjmining.discovery.variants.variants import Variants
    from cjmining.dropout.incidence import Incidence
    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog

MOST_WAYS = 8
"""How many of the ways that journeys took are shown one by one."""

MOST_VARIANTS = 30
"""How many variants of each group are made ready to be drawn."""


class Ways(NamedTuple):
    """The most frequent orders of the map's touchpoints.

    Attributes
    ----------
    frequent : tuple of (tuple of str, int)
        Touchpoints in their order, and how many journeys took them so; most first.
    different : int
        How many different orders there are.
    journeys : int
        How many journeys there are.
    """

    frequent: tuple[tuple[tuple[str, ...], int], ...]
    different: int
    journeys: int


class View(NamedTuple):
    """The results of one group, and its name in them.

    Attributes
    ----------
    found : Discovery or None
        What customers do, its variants left out; None where that is not grouped as the check is.
    check : Conformance
        Actual against intended.
    group : str
        The value of `by` in their tables.
    ends : Incidence or None
        How likely each end is; None where nothing is known of it.
    ways : Ways or None
        The most frequent orders of the map's touchpoints.
    variants : Variants or None
        The ways with their channels, as `cj.variants` counts them at level "touchpoint@channel".
    verbatims : pandas.DataFrame or None
        A few of what customers wrote beside their answers, as `check.verbatims` chooses them; None where
        nothing is to be shown.
    paths : Discovery or None
        What customers do at level "touchpoint@channel": what follows what in enough journeys; for the paths
        of a journey map.
    """

    found: Discovery | None
    check: Conformance
    group: str
    ends: Incidence | None = None
    ways: Ways | None = None
    variants: Variants | None = None
    verbatims: pd.DataFrame | None = None
    paths: Discovery | None = None


@dataclass(frozen=True)
class Groundwork:
    """What a page needs beside its log, `found` and `check`. Made by `lay_groundwork`.

    Attributes
    ----------
    min_group : int
        Groups of fewer customers are merged.
    coverage : Coverage
        What map and log do not share.
    leaving : Leaving
        How likely each end is, where and when drop-out stands out, and what goes with it.
    check : Conformance
        Actual against intended, small groups merged, names that few customers have withheld.
    views : tuple of View
        What the reader can switch between: everyone first, then each group.
    rare : Rare
        The names that few customers have: withheld in `check` and `views`, and by the page in the rest.
    """

    min_group: int
    coverage: Coverage
    leaving: Leaving
    check: Conformance
    views: tuple[View, ...]
    rare: Rare = NOTHING_RARE


def lay_groundwork(
    log: JourneyLog,
    found: Discovery,
    check: Conformance,
    *,
    coverage: Coverage | None = None,
    min_group: int = 10,
) -> Groundwork:
    """Work out what a page needs of the log beside its results; this is what grows with the log.

    Parameters
    ----------
    log : JourneyLog
        The log that `found` and `check` were made from.
    found : Discovery
        What customers do.
    check : Conformance
        Actual against intended.
    coverage : Coverage, optional
        What map and log do not share, where it is there already.
    min_group : int
        Groups of fewer customers are merged; at least 1.

    Returns
    -------
    Groundwork
        For `cj.report(..., groundwork=)`.

    Raises
    ------
    LogError
        If `min_group` is below 1.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> from cjmining.report import lay_groundwork
    >>> shop = cj.simulate.shop(200, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> log = shop.log.split(intended)
    >>> groundwork = lay_groundwork(log, cj.discover(log), cj.check(log, intended))
    >>> groundwork.views[0].ways.frequent[0]
    (('product_viewed',), 14)
    """
    if min_group < 1:
        raise LogError(f"min_group is {min_group}; it must be at least 1 (1 shows everything)")
    if coverage is None:
        from cjmining.conformance import coverage as cover

        coverage = cover(log, check.intended)
    native_calls(log, coverage.missing_from_log["touchpoint"])  # the log keeps them
    leaving = look_into(check)
    rare = find_rare(log, check, min_group)
    merged = withhold_rare(merge_check(check, min_group), rare)
    views = _views(log, found, check, merged, withhold_rare_leaving(leaving, rare), rare, min_group)
    return Groundwork(min_group, coverage, leaving, merged, views, rare)


def _views(
    log: JourneyLog,
    found: Discovery,
    check: Conformance,
    merged: Conformance,
    leaving: Leaving,
    rare: Rare,
    min_group: int,
) -> tuple[View, ...]:
    everyone, intended = found.overall, check.intended
    views = [
        View(
            withhold_rare_channels(_without_variants(everyone), rare),
            merged.overall,
            words.EVERYONE,
            leaving.everyone,
            _ways(everyone, words.EVERYONE, intended, rare, min_group),
            _variants(log, check, None),
            _verbatims(check.overall, min_group),
            _paths(log, check, None, min_group),
        )
    ]
    if check.by is None:
        return tuple(views)
    own = merge_found(found, check, min_group) if found.by == check.by else None
    variants, verbatims = _variants(log, check, check.by), _verbatims(check, min_group)
    paths = _paths(log, check, check.by, min_group)
    for group in shown_groups(merged):
        its_map = map_of(intended, check.by, group)
        views.append(
            View(
                None if own is None else withhold_rare_channels(_without_variants(own), rare),
                merged,
                group,
                leaving.ends,
                None if own is None else _ways(own, group, its_map, rare, min_group),
                variants if variants is not None and group in variants.groups else None,
                None if verbatims is None else verbatims[verbatims["by"].astype(str) == group],
                paths if group in paths.groups else None,
            )
        )
    return tuple(views)


def _without_variants(found: Discovery) -> Discovery:
    """Leave out the one table that grows with the log."""
    return replace(found, variants=found.variants.iloc[:0], _kept=None)


def _variants(log: JourneyLog, check: Conformance, by: str | None) -> Variants | None:
    """Count the ways with their channels, and how they ended; None where the check has no such journeys."""
    import pandas as pd

    from cjmining.discovery.variants.variants import variants

    journeys = check._journeys
    if journeys is None or len(journeys) != log.n_journeys:
        return None
    tagged = log.tag(outcome=pd.Series(category(journeys.column("outcome"), OUTCOMES)))
    found = variants(tagged, by=by, level="touchpoint@channel", ignore=check.intended.ignore, repeats=False)
    found.head(MOST_VARIANTS)  # keeps what any number of rows needs
    return found


def _paths(log: JourneyLog, check: Conformance, by: str | None, min_group: int) -> Discovery:
    """Count what follows what with its channel, and leave out what few customers did."""
    from cjmining.discovery import discover

    found = discover(log, by=by, level="touchpoint@channel", ignore=check.intended.ignore)
    often = found.transitions[found.transitions["customers"] >= min_group].reset_index(drop=True)
    return replace(_without_variants(found), transitions=often)


def _verbatims(check: Conformance, min_group: int) -> pd.DataFrame | None:
    """Choose what customers wrote; None where the check has no log to take it from."""
    return None if check._reading is None else check.verbatims(smallest=min_group)


def _ways(found: Discovery, group: str, intended: IntendedMap, rare: Rare, min_group: int) -> Ways:
    """Count the orders in which a group's journeys met the map's touchpoints, repetitions at once as one.

    Orders of few customers, and those that name what few have, are not among the frequent ones.
    """
    planned = frozenset(intended.touchpoint_names)
    mine = found.variants[found.variants["by"].astype(str) == group]
    few = rare.names(group).get("touchpoint", frozenset())
    ways: Counter[tuple[str, ...]] = Counter()
    customers: Counter[tuple[str, ...]] = Counter()  # at most so many: one may have gone several variants
    for variant, journeys, number in zip(mine["variant"], mine["journeys"], mine["customers"], strict=True):
        way = _way(str(variant).split(" > "), planned)
        ways[way] += int(journeys)
        customers[way] += int(number)
    told = [
        (way, journeys)
        for way, journeys in ways.most_common()
        if customers[way] >= min_group and few.isdisjoint(way)
    ]
    return Ways(tuple(told[:MOST_WAYS]), len(ways), ways.total())


def _way(steps: Iterable[str], planned: frozenset[str]) -> tuple[str, ...]:
    """Reduce a variant to the map's touchpoints in the order in which they came, repetitions once."""
    return tuple(step for step, _ in groupby(step for step in steps if step in planned))
