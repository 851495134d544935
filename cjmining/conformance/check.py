"""The verb `check`: actual journeys against the intended map."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cjmining.conformance import contacts, deviations, expectations, fitness, tables
from cjmining.conformance.coverage import occurring_touchpoints
from cjmining.conformance.dropouts import dropouts, value_by_currency
from cjmining.conformance.finding import everybody, find, together
from cjmining.conformance.journeys import Journeys
from cjmining.conformance.knowledge import (
    count_identified,
    identified_journeys,
    knowledge,
    knowledge_note,
)
from cjmining.conformance.plan import make_plans
from cjmining.conformance.reading import Reading
from cjmining.conformance.result import Conformance
from cjmining.conformance.sensitivity import other_patiences, ranking, sensitivity
from cjmining.conformance.standouts import standouts
from cjmining.conformance.tables import EVERYBODY
from cjmining.engine.local import worked_on
from cjmining.errors import LogError, nearest, shorten
from cjmining.intended.words import duration_in_words
from cjmining.log import expect_log, expect_map
from cjmining.progress import Progress, during, telling

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from cjmining.conformance.finding import Findings, StageTimes
    from cjmining.conformance.sensitivity import OtherPatience
    from cjmining.conformance.tables import Counted
    from cjmining.engine.local import Engine
    from cjmining.intended import IntendedMap
    from cjmining.kernels.stages import StageSums
    from cjmining.log import JourneyLog


def check(
    log: JourneyLog,
    intended: IntendedMap,
    *,
    by: str | None = None,
    missing_cost: int = 1,
    ad_hoc_cost: int = 1,
    progress: Progress | bool | None = None,
    engine: Engine | None = None,
) -> Conformance:
    """Hold every journey against the intended map, exactly.

    Parameters
    ----------
    log : JourneyLog
        Split by the map (`log.split(intended)`), or with the journeys that its sources gave it.
    intended : IntendedMap
        The map.
    by : str, optional
        What to group journeys by: `persona`, another attribute of customers, a dimension of events, or what
        journeys were tagged with after they were split (`log.split(intended).tag(lot=...)`; `split` drops
        tags). For the sensitivity journeys are split again, at half and at twice the patience: each then has
        the tag of the journey that its first event was in.
    missing_cost, ad_hoc_cost : int
        What an alignment pays for a planned touchpoint that is absent, and for an event that isn't planned
        there; at least 1.
    progress : callable or bool, optional
        Called with what is being done and the share of the whole that is done, 0 to 1; True shows a bar.
    engine : cjmining.engines.Spark, optional
        Who works on the log's blocks, the same as ``log.on(engine)``; by default who does so for the log.

    Returns
    -------
    Conformance
        Outcomes, places, deviations, drop-out with limits and value at risk.

    Raises
    ------
    LogError
        If the log is empty or shares no touchpoint with the map, or has nothing to group by under that name.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(300, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> log = shop.log.split(intended).with_personas(intended)
    >>> check = cj.check(log, intended, by="persona")
    >>> int(check.outcomes["journeys"].sum()) == log.n_journeys
    True

    References
    ----------
    Deviations: Halvorsrud, Kvale, Folstad (2016), doi:10.1108/JSTP-05-2015-0111. Optimal alignments:
    Adriansyah (2014), doi:10.6100/IR770080.
    """
    log = worked_on(log, engine, "check")
    expect_log(log, "check")
    expect_map(intended, "check")
    _check_costs(missing_cost, ad_hoc_cost)
    if by is not None and not isinstance(by, str):
        raise LogError(f"by is one name, such as 'persona', not {by!r}: a check has one grouping")
    _check_common_ground(log, intended)
    with telling(progress, "check") as tell:
        tell("reading the plan", 0.0)
        reading = Reading.of(
            log, make_plans(log, intended, missing_cost=missing_cost, ad_hoc_cost=ad_hoc_cost), by
        )
        with during(tell, "holding the journeys against the map", 0.05, 0.5):
            found = find(reading)
        with during(tell, "judging them at other patiences", 0.5, 0.7, passes=2):
            others = other_patiences(log, intended, by, resplit=log.is_split_by(intended))
        tell("making the tables", 0.7)
        return _result(log, reading, found, others, by)


def _check_costs(missing_cost: int, ad_hoc_cost: int) -> None:
    for name, cost in {"missing_cost": missing_cost, "ad_hoc_cost": ad_hoc_cost}.items():
        if not isinstance(cost, int) or cost < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, not {cost!r}")


def _check_common_ground(log: JourneyLog, intended: IntendedMap) -> None:
    """Raise where a check could only say that everything is missing."""
    if not log.n_journeys:
        raise LogError("the log has no journeys: there is nothing to check")
    occurring = occurring_touchpoints(log)
    planned = intended.every_touchpoint
    if set(planned).isdisjoint(occurring):
        hints = [hint for word in planned if (hint := nearest(word, occurring))]
        also = f" '{next(w for w in planned if nearest(w, occurring))}'{hints[0]}" if hints else ""
        raise LogError(
            f"the log shares no touchpoint with the map '{intended.name}': the map plans "
            f"{shorten(planned, 5)}; the log has {shorten(occurring, 5)}.{also} Name the log's events with "
            "labels (log.label), or the map's touchpoints as the log does"
        )


def _result(
    log: JourneyLog, reading: Reading, found: Findings, others: Mapping[str, OtherPatience], by: str | None
) -> Conformance:
    is_identified = identified_journeys(log)
    known = knowledge(reading, found.journeys, by, is_identified)
    identified = count_identified(reading, is_identified)
    as_one = None
    if identified is not None:
        sums, times = identified
        as_one = together(reading, sums), times._replace(as_one=True)
    notes = _notes(log, reading, knowledge_note(known, by))
    overall = _assemble(
        reading,
        everybody(reading, found),
        {name: other.as_one for name, other in others.items()},
        None,
        EVERYBODY,
        None,
        identified=as_one,
        knowledge=known,
        notes=notes,
    )
    if by is None:
        return overall
    return _assemble(
        reading,
        found,
        {name: other.by_group for name, other in others.items()},
        by,
        reading.groups,
        overall,
        identified=identified,
        knowledge=known,
        notes=notes,
    )


def _assemble(
    reading: Reading,
    found: Findings,
    others: Mapping[str, Counted],
    by: str | None,
    names: tuple[str, ...],
    overall: Conformance | None,
    *,
    identified: tuple[StageSums, StageTimes] | None,
    knowledge: pd.DataFrame,
    notes: tuple[str, ...],
) -> Conformance:
    counted = tables.Counted.of(reading, found.sums, names)
    limits = partial(contacts.limits_of_answers, found.contacts)
    stages = tables.stages(counted, times=found.times, limits=limits)
    by_patience = sensitivity({**others, "as stated": counted})
    group = reading.group if by is not None else np.zeros_like(reading.group)
    return Conformance(
        intended=reading.plan.intended,
        by=by,
        groups=tuple(counted.groups.values()),
        deviations=deviations.table(counted, reading, found.deviations),
        deviations_by_channel=deviations.by_channel(counted, reading, found.deviations),
        stages=stages,
        dropouts=dropouts(counted, by=by),
        touchpoints=tables.touchpoints(counted),
        flows=tables.flows(counted),
        standouts=standouts(counted),
        outcomes=tables.outcomes(counted),
        sensitivity=by_patience,
        ranking=ranking(by_patience),
        identified=_identified(counted, reading, identified, names),
        knowledge=knowledge,
        value_by_currency=value_by_currency(counted, by=by),
        **expectations.tables(counted, reading, found.expectations),
        **contacts.tables(counted, reading, found.contacts),
        fitness=fitness.table(counted.groups, group, found.journeys.pieces("cost", "worst")),
        notes=notes,
        _journeys=Journeys(reading, found.journeys, as_one=by is None),
        _everybody=overall,
        _reading=reading,
    )


def _identified(
    counted: Counted,
    reading: Reading,
    identified: tuple[StageSums, StageTimes] | None,
    names: tuple[str, ...],
) -> pd.DataFrame:
    """Return the stages of identified customers' journeys; no rows where nothing tells who is."""
    if identified is None:
        return tables.stages(counted).iloc[:0]
    sums, times = identified
    return tables.stages(tables.Counted.of(reading, sums, names), times=times)


def _notes(log: JourneyLog, reading: Reading, on_knowing: str) -> tuple[str, ...]:
    """Say what a reader should know."""
    intended, words = reading.plan.intended, set(log.vocabulary("touchpoint"))
    notes = []
    if not log.is_split_by(intended) and bool(log.splittable.any()):
        notes.append(
            f"The log is not split by the map '{intended.name}': journeys are checked as they lie in it, "
            "and what followed an outcome is only kept as won_back. Call log.split(intended) first."
        )
    absent = [name for name in intended.goal if name not in words]
    if len(absent) == len(intended.goal):
        notes.append(f"No goal of the map occurs in the log ({', '.join(absent)}): no journey can convert.")
    if on_knowing:
        notes.append(on_knowing)
    return (*notes, *_too_short(intended))


def _too_short(intended: IntendedMap) -> Iterator[str]:
    """Say where patience is longer than the horizon, so that nobody can drop out by silence within it."""
    horizon = intended.horizon // timedelta(microseconds=1)
    stages = [stage for stage in intended.stages if stage.patience_us > horizon]
    if stages:
        longest = max(timedelta(microseconds=stage.patience_us) for stage in stages)
        where = ", ".join(stage.stage for stage in stages)
        yield (
            f"The horizon ({duration_in_words(intended.horizon)}) is shorter than patience "
            f"({duration_in_words(longest)}) at {where}: who falls silent counts as having left only once "
            "patience is over, so no drop-out by silence lies within the horizon."
        )
