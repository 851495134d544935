"""The verb `settle_patience`: how long a silence must be before it counts as having left, from the data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjmining.conformance.tables import frame
from cjmining.documents import parse_duration
from cjmining.dropout.silences import FEWEST_FOLLOWED, Counted, Sample, Tail, count, read_at, watch
from cjmining.engine.local import map_blocks, worked_on
from cjmining.errors import LogError, MapError
from cjmining.intended.words import duration_in_words
from cjmining.log import expect_log, expect_map
from cjmining.progress import Progress, during, part, telling
from cjmining.results import Result
from cjmining.schema import BEFORE_THE_MAP

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.engine.kept import Kept
    from cjmining.engine.local import Engine
    from cjmining.intended import IntendedMap
    from cjmining.intended.model import Stage
    from cjmining.log import JourneyLog

WHOLE_MAP = "(whole map)"
"""All places without a patience of their own, as a row of the tables."""

SHARE = 0.02
"""Of the journeys that go on after a silence, how many may be misjudged as left."""

FEWEST_RETURNING = 20
"""Fewer journeys that went on tell nothing about the longest of their silences."""

REPLICATES = 200
"""Bootstrap replicates for the limits."""

MOST_DRAWN = 20_000
"""Customers from whom replicates are drawn where there are more."""

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Other patiences that the curve shows, relative to the settled one."""

FEWEST_UNITS = 3
"""A patience is said in days from so many on, else in hours from so many on, else in minutes."""

NEAR = 0.8
"""An estimate beyond this part of what can be looked at lies at its end."""

SECOND_US = 1_000_000
_US = timedelta(microseconds=1)
_UNITS = {timedelta(days=1): "days", timedelta(hours=1): "hours", timedelta(minutes=1): "minutes"}


@dataclass(frozen=True, repr=False, eq=False)
class SettledPatience(Result):
    """A map whose patience is a number everywhere, and how that was found.

    Made by `cj.settle_patience`. Times are in seconds, shares from 0 to 1, limits at 95 % (bootstrap over
    customers). A journey goes on here until goal or exit; silence ends it only where the map states a
    patience.

    Attributes
    ----------
    intended : IntendedMap
        The map with numbers in place of every `auto`; its `settled` says how, in words.
    share : float
        How large a share of the journeys that go on after a silence may be misjudged.
    within : timedelta
        Who comes back later than this is taken to begin anew.
    stages : pandas.DataFrame
        One row a place whose patience was `auto`, first the whole map (all that have none of their own):
        stage, persona (empty for everyone), silences = went_on + came_back + moved_on + left + running,
        went_on (the customer did something with which no journey begins), came_back (the customer did
        something with which journeys may begin, or that the map does not name: going on or beginning anew),
        moved_on (ended by the company: the next stage, the goal, turning away), left (ended by an exit of
        the customer), running (still silent when the data end), journeys (with a silence
        that went on, came back or was moved on, no longer than followed_s), followed_s (the longest silence
        for which enough can be followed), estimate_s (what a patience must exceed to misjudge few enough)
        with limits estimate_lower_s and estimate_upper_s, patience_s (in force now: the estimate in round
        figures; that of the whole map where the stage has none of its own), misjudged_share (of
        these journeys, those expected to go on only later than patience_s) with limits lower and upper.
        NaN where there is too little to tell.
    curve : pandas.DataFrame
        One row a place and patience: stage, persona, patience_s (a quarter to four times the settled one),
        journeys (that went on after a silence there), misjudged_share (of these, those expected to go on only
        later) with limits lower and upper.
    notes : tuple of str
        What a reader should know.
    """

    intended: IntendedMap
    share: float
    within: timedelta
    stages: pd.DataFrame
    curve: pd.DataFrame
    notes: tuple[str, ...] = ()

    _tables = ("stages", "curve")

    def _summary(self) -> str:
        return f"SettledPatience: {self.intended.settled or 'the map stated every patience itself'}"


def settle_patience(
    log: JourneyLog,
    intended: IntendedMap,
    *,
    share: float = SHARE,
    within: timedelta | str | None = None,
    beginnings: bool = False,
    replicates: int = REPLICATES,
    progress: Progress | bool | None = None,
    engine: Engine | None = None,
) -> SettledPatience:
    """Put numbers in place of a map's `patience: auto`, from how long those stayed away who came back.

    Parameters
    ----------
    log : JourneyLog
        With its touchpoints named; how it is split does not matter.
    intended : IntendedMap
        A map that may say `patience: auto`, for itself, for stages, or for stages of personas.
    share : float, default 0.02
        Above 0, below 1: of the journeys that go on after a silence, the share that may be misjudged as left.
        The patience is the shortest that keeps to it. A smaller share takes more journeys to tell.
    within : timedelta or str, optional
        Who comes back later than this is taken to begin anew; by default the map's horizon.
    beginnings : bool, default False
        Whether coming back with a touchpoint with which journeys begin (or that the map does not name) is
        surely going on too. By default nobody knows: some who do so went on, others had left and begin anew.
        Use it where those who come back begin again at the entry of the map even in the midst of a journey.
    replicates : int, default 200
        Of the bootstrap for the limits; 0 for none.
    progress : callable or bool, optional
        Called with what is being done and the share of the whole that is done, 0 to 1; True shows a bar.
    engine : cjmining.engines.Spark, optional
        Who works on the log's blocks, the same as ``log.on(engine)``; by default who does so for the log.

    Returns
    -------
    SettledPatience

    Raises
    ------
    MapError
        If too few journeys went on after a silence to tell; it says how many, and what can be done.
    ValueError
        If `share`, `within` or `replicates` is none that can be.
    LogError
        If `log` is no log or has no events, or the personas ask for an attribute that customers don't have.

    Notes
    -----
    All silences up to goal or exit count; the last one of a customer is cut off by the data end. The
    product-limit estimate with delayed entry then gives how many silences of each length go on, those that
    still run included. Lengths are read from those who went on for sure; those who came back as if to begin
    are taken to have been silent as long, and count only in how many silences a journey has. A plain
    quantile of the gaps seen would be too short: long ones fit less often before the data end.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(1000, seed=1)
    >>> intended = parse_map(shop.intended_text.replace("patience: 14d", "patience: auto"))
    >>> settled = cj.settle_patience(shop.log, intended)
    >>> log = shop.log.split(settled.intended)
    >>> settled.intended.unsettled
    ()

    References
    ----------
    What is only seen when it happens in time: Lagakos, Barraj, De Gruttola (1988),
    doi:10.1093/biomet/75.3.515. A share that never comes back: Maller and Zhou (1996), Survival Analysis with
    Long-Term Survivors. Redistribution to the right: Efron (1967), The two sample problem with censored data.
    Delayed entry: Turnbull (1976), doi:10.1111/j.2517-6161.1976.tb01597.x.
    """
    log = worked_on(log, engine, "settle_patience")
    expect_log(log, "settle_patience")
    expect_map(intended, "settle_patience")
    asked = _asked(
        share,
        intended.horizon if within is None else parse_duration(within),
        beginnings=beginnings,
        replicates=replicates,
    )
    if not log.n_events:
        raise LogError(
            "settle_patience reads the silences between events, and this log has none: choose other "
            "journeys, or state the patience in the map, such as 14d"
        )
    with telling(progress, "settle_patience") as tell:
        with during(tell, "reading the silences", 0.0, 0.5):
            watched = watch(log, intended)
        rows = _rows(watched, intended, asked, part(tell, 0.5, 0.8))
        limits = []
        for number, row in enumerate(rows):
            tell("drawing replicates", 0.8 + 0.15 * number / len(rows))
            limits.append(_limits(row, asked))
        tell("making the tables", 0.95)
        return SettledPatience(
            intended=replace(_with_numbers(intended, _numbers(rows)), settled=_in_words(rows, limits, asked)),
            share=asked.share,
            within=asked.within,
            stages=frame(map(_stage_row, rows, limits), _STAGE_COLUMNS),
            curve=frame((line for each in map(_curve_rows, rows, limits) for line in each), _CURVE_COLUMNS),
            notes=tuple(_notes(rows, limits, asked)),
        )


# What is asked, and where ---------------------------------------------------------------------------------


class _Asked(NamedTuple):
    share: float
    within: timedelta
    beginnings: bool
    replicates: int

    @property
    def within_us(self) -> int:
        return self.within // timedelta(microseconds=1)

    @property
    def fewest(self) -> int:
        """So many journeys must go on for the share to be one that can be seen."""
        return max(FEWEST_RETURNING, math.ceil(1 / self.share))


def _asked(share: float, within: timedelta, *, beginnings: bool, replicates: int) -> _Asked:
    if isinstance(share, str) or not 0 < share < 1:
        raise ValueError(f"share is above 0 and below 1, such as 0.02 for 2 %, not {share!r}")
    if not isinstance(replicates, int) or replicates < 0:
        raise ValueError(f"replicates is a whole number of at least 0, not {replicates!r}")
    return _Asked(share, within, beginnings, replicates)


Key = tuple[str, str]
"""Whose patience is to be settled: a persona ("" for everyone) and a stage (or the whole map)."""

_WHOLE: Key = ("", WHOLE_MAP)


class _Place(NamedTuple):
    """A row of the tables: its name, whose patience holds there, and which places it is made of."""

    name: Key
    key: Key
    here: NDArray[np.bool_]

    @property
    def settles(self) -> bool:
        return self.name == self.key

    @property
    def in_words(self) -> str:
        persona, stage = self.name
        place = "the whole map" if stage == WHOLE_MAP else f"the stage '{stage}'"
        return f"{place} for the persona '{persona}'" if persona else place


def _places(intended: IntendedMap) -> list[_Place]:
    """Return the places whose patience is auto: the map, its stages in order, then those of personas."""
    personas = _personas_of_variants(intended)
    stages = [BEFORE_THE_MAP, *intended.stage_names]
    keys = [_keys(intended, persona) for persona in personas]
    own = {key: np.array([[one == key for one in row] for row in keys]) for row in keys for key in row if key}
    found = [_Place(key, key, here) for key, here in own.items()]
    for number, stage in enumerate(stages):
        inherits = np.zeros((len(personas), len(stages)), np.bool_)
        inherits[:, number] = own[_WHOLE][:, number] if _WHOLE in own else False
        if inherits.any() and ("", stage) not in own:
            found.append(_Place(("", stage), _WHOLE, inherits))
    ranks = {name: rank for rank, name in enumerate([WHOLE_MAP, *stages])}
    return sorted(found, key=lambda place: (personas.index(place.name[0]), ranks[place.name[1]]))


def _personas_of_variants(intended: IntendedMap) -> list[str]:
    """Return whose map each of the variants is, "" for the map itself."""
    names = [persona.persona for persona in intended.personas]
    return ["", *(name for name in names if intended.for_persona(name) is not intended)]


def _keys(intended: IntendedMap, persona: str) -> list[Key | None]:
    """Return whose auto holds before the map and at each stage for a persona; None where none does."""
    variant = intended.for_persona(persona) if persona else intended
    whole = _WHOLE if intended.patience == "auto" else None
    at_stages = (
        whole if stage.patience is None else _key(intended, persona, stage) for stage in variant.stages
    )
    return [whole, *at_stages]


def _key(intended: IntendedMap, persona: str, stage: Stage) -> Key | None:
    """Return whose auto a stage says: everyone's where the map's own stage says it too."""
    if stage.patience != "auto":
        return None
    of_map = next(one for one in intended.stages if one.stage == stage.stage)
    return ("" if of_map.patience == "auto" else persona, stage.stage)


# The numbers ----------------------------------------------------------------------------------------------


class _Row(NamedTuple):
    """What was found for a place, NaN where there is not enough to tell; times in microseconds.

    Attributes
    ----------
    counted : Counted
        What its silences come to.
    sample : Sample
        Those of the customers drawn.
    surely, journeys, until_us
        As in `silences.Everyone`.
    enough : bool
        Whether there are enough of them.
    estimate_us : float
        What a patience must exceed.
    patience : timedelta
        In force there; of no length where it could not be settled.
    shares : float64[patiences]
        Too late at each patience of the curve.
    """

    place: _Place
    counted: Counted
    sample: Sample
    surely: int
    journeys: int
    until_us: int
    enough: bool
    estimate_us: float
    patience: timedelta
    shares: NDArray[np.float64]

    @property
    def patiences(self) -> NDArray[np.float64]:
        """The patiences of the curve, microseconds."""
        return _curve(self.patience)


def _rows(watched: Kept, intended: IntendedMap, asked: _Asked, tell: Progress) -> list[_Row]:
    """Estimate at each place: first whatever settles a patience, then where it holds.

    Raises
    ------
    MapError
        If there is too little to settle one.
    """
    tell("counting the silences", 0.0)
    places = _places(intended)
    counts = count(watched, [place.here for place in places], MOST_DRAWN)
    pairs = [pair for pair in zip(places, counts, strict=True) if pair[0].settles or pair[1].n]
    rows: dict[Key, _Row] = {}
    for settles in (True, False):
        settled = _numbers(rows.values())
        for place, counted in pairs:
            if place.settles == settles:
                tell("estimating", (1 + len(rows)) / (1 + len(pairs)))
                rows[place.name] = _row(watched, place, counted, asked, settled.get(place.key))
        _check_enough(rows.values(), asked, intended)
    return [rows[place.name] for place, _ in pairs]


def _numbers(rows: Iterable[_Row]) -> dict[Key, timedelta]:
    """Return the patience settled for each key."""
    return {row.place.key: row.patience for row in rows if row.place.settles}


def _row(watched: Kept, place: _Place, counted: Counted, asked: _Asked, patience: timedelta | None) -> _Row:
    """Estimate at a place; the patience in force is that of the estimate where none is given."""
    everyone, sample = read_at(watched, counted, asked.within_us, beginnings=asked.beginnings)
    enough = min(everyone.journeys, everyone.surely) >= asked.fewest
    estimate_us, shares = math.nan, np.full(len(FACTORS), math.nan)
    if enough:
        tail = everyone.tail()
        estimate_us = tail.shortest(asked.share)
        patience = patience or in_round_figures(estimate_us)
        shares = np.array([tail.later_than(each) for each in _curve(patience)])
    numbers = everyone.surely, everyone.journeys, everyone.until_us
    return _Row(place, counted, sample, *numbers, enough, estimate_us, patience or timedelta(), shares)


def _curve(patience: timedelta) -> NDArray[np.float64]:
    return np.array([factor * (patience / _US) for factor in FACTORS])


def _check_enough(rows: Iterable[_Row], asked: _Asked, intended: IntendedMap) -> None:
    """Raise where an auto that must be settled can't be: nothing stands in for it silently."""
    short = [row for row in rows if row.place.settles and not row.enough]
    if short:
        told = "; ".join(_too_few(row, asked) for row in short)
        raise MapError(
            f"the map '{intended.name}' says patience auto, but too few came back to settle it: {told}. "
            "State a patience there (such as 14d), leave a stage to that of the map, or allow a larger share "
            f"(share={min(0.5, 5 * asked.share):g})",
            mistakes=tuple(_too_few(row, asked) for row in short),
        )


def _too_few(row: _Row, asked: _Asked) -> str:
    back = (
        f"in {row.place.in_words} {row.journeys:,} journeys went on after a silence, and "
        f"{row.surely:,} silences ended by going on for sure, of {row.counted.n:,}; at least "
        f"{asked.fewest:,} of each are needed"
    )
    if not asked.beginnings and row.journeys >= asked.fewest:
        back += " (beginnings=True counts those too who came back where journeys begin)"
    return back


def in_round_figures(length_us: float) -> timedelta:
    """Return the shortest patience that outlasts a silence and that people say: days, hours or minutes.

    Examples
    --------
    >>> [str(in_round_figures(hours * 3600e6)) for hours in (100, 96, 30.5, 1.99)]
    ['5 days, 0:00:00', '5 days, 0:00:00', '1 day, 7:00:00', '2:00:00']
    """
    unit = _unit(length_us)
    return unit * (math.floor(length_us / (unit / _US)) + 1)


def _unit(length_us: float) -> timedelta:
    """Return in which unit people say a length of time."""
    return next((unit for unit in _UNITS if length_us >= FEWEST_UNITS * (unit / _US)), timedelta(minutes=1))


def _with_numbers(intended: IntendedMap, numbers: Mapping[Key, timedelta]) -> IntendedMap:
    """Return the map with a number in place of each auto."""

    def settled(stages: tuple[Stage, ...], persona: str) -> tuple[Stage, ...]:
        keys = [_key(intended, persona, stage) for stage in stages]
        return tuple(
            stage if key is None else replace(stage, patience=numbers[key])
            for stage, key in zip(stages, keys, strict=True)
        )

    return replace(
        intended,
        patience=numbers[_WHOLE] if intended.patience == "auto" else intended.patience,
        stages=settled(intended.stages, ""),
        personas=tuple(replace(one, stages=settled(one.stages, one.persona)) for one in intended.personas),
    )


# Tables ---------------------------------------------------------------------------------------------------


class _Limits(NamedTuple):
    """Limits of a row's estimate, and of the shares at each patience of its curve."""

    estimate: tuple[float, float]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]


def _limits(row: _Row, asked: _Asked) -> _Limits:
    """Look at a row again in every replicate."""
    lower, upper = _spread(row, asked)
    return _Limits((float(lower[0]), float(upper[0])), lower[1:], upper[1:])


def _spread(row: _Row, asked: _Asked) -> NDArray[np.float64]:
    """Return the limits of the estimate and of the shares, from replicates of at most so many customers.

    Where there are more, the limits of some are drawn together around the estimate, as they are narrower by
    the root of how many times more there are.
    """
    if not (asked.replicates and row.enough):
        return np.full((2, 1 + len(FACTORS)), math.nan)
    some, patiences = row.sample, row.patiences
    drawn = map_blocks(
        lambda number: _read(some.tail(number), asked.share, patiences), range(asked.replicates)
    )
    limits: NDArray[np.float64] = np.quantile(drawn, [0.025, 0.975], axis=0)
    n_some, n_all = len(some.customers), row.counted.n_customers
    if n_some == n_all:
        return limits
    of_all, of_some = np.array([row.estimate_us, *row.shares]), _read(some.tail(), asked.share, patiences)
    return np.maximum(of_all + (limits - of_some) * math.sqrt(n_some / n_all), 0.0)


def _read(tail: Tail, share: float, patiences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the estimate, and the share too late at each patience."""
    return np.array([tail.shortest(share), *map(tail.later_than, patiences)])


_STAGE_COLUMNS = {
    "stage": "text",
    "persona": "text",
    **dict.fromkeys(("silences", "went_on", "came_back", "moved_on", "left", "running", "journeys"), "int"),
    **dict.fromkeys(
        (
            "followed_s",
            "estimate_s",
            "estimate_lower_s",
            "estimate_upper_s",
            "patience_s",
            "misjudged_share",
            "lower",
            "upper",
        ),
        "float",
    ),
}
_CURVE_COLUMNS = {
    "stage": "text",
    "persona": "text",
    "patience_s": "float",
    "journeys": "int",
    **dict.fromkeys(("misjudged_share", "lower", "upper"), "float"),
}
_STATED = FACTORS.index(1.0)


def _stage_row(row: _Row, limits: _Limits) -> dict[str, Any]:
    running, went_on, came_back, moved_on, left = row.counted.counts.tolist()
    return {
        "stage": row.place.name[1],
        "persona": row.place.name[0],
        "silences": row.counted.n,
        "went_on": went_on,
        "came_back": came_back,
        "moved_on": moved_on,
        "left": left,
        "running": running,
        "journeys": row.journeys,
        "followed_s": row.until_us / SECOND_US,
        "estimate_s": row.estimate_us / SECOND_US,
        "estimate_lower_s": limits.estimate[0] / SECOND_US,
        "estimate_upper_s": limits.estimate[1] / SECOND_US,
        "patience_s": row.patience.total_seconds(),
        "misjudged_share": row.shares[_STATED],
        "lower": limits.lower[_STATED],
        "upper": limits.upper[_STATED],
    }


def _curve_rows(row: _Row, limits: _Limits) -> Iterator[dict[str, Any]]:
    for patience_us, share, lower, upper in zip(row.patiences, row.shares, *limits[1:], strict=True):
        yield {
            "stage": row.place.name[1],
            "persona": row.place.name[0],
            "patience_s": patience_us / SECOND_US,
            "journeys": row.journeys,
            "misjudged_share": share,
            "lower": lower,
            "upper": upper,
        }


# Words ----------------------------------------------------------------------------------------------------


def _in_words(rows: Sequence[_Row], limits: Sequence[_Limits], asked: _Asked) -> str:
    """Say how patience was settled, for a reader of the page."""
    said = [
        f"{_capital(row.place.in_words)}: {duration_in_words(row.patience)}{_limits_in_words(row, found)}, "
        f"from {row.journeys:,} journeys that went on after a silence."
        for row, found in zip(rows, limits, strict=True)
        if row.place.settles
    ]
    if not said:
        return ""
    rule = (
        f"Patience was estimated: the shortest that misjudges at most {100 * asked.share:g} % of journeys "
        f"that go on after a silence within {duration_in_words(asked.within)}."
    )
    return " ".join([rule, *said])


def _limits_in_words(row: _Row, found: _Limits) -> str:
    """Say what was rounded, in the unit of the figure."""
    unit = _unit(row.estimate_us)
    word = _UNITS[unit]
    estimate, lower, upper = (f"{length / (unit / _US):.1f}" for length in (row.estimate_us, *found.estimate))
    if math.isnan(found.estimate[0]):
        return f" (estimate {estimate} {word})"
    return f" (estimate {estimate}, limits {lower} to {upper} {word})"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _notes(rows: Sequence[_Row], limits: Sequence[_Limits], asked: _Asked) -> Iterator[str]:
    for row, found in zip(rows, limits, strict=True):
        if not row.enough:
            yield (
                f"Too few came back in {row.place.in_words} to say how long they stay away there alone; the "
                f"map's patience, {duration_in_words(row.patience)}, holds there."
            )
        else:
            yield from _followed(row, asked)
            yield from _at_the_end(row) if row.place.settles else _impatient(row, found, asked)


def _followed(row: _Row, asked: _Asked) -> Iterator[str]:
    """Say where the data don't reach as far as was asked."""
    until_us = row.until_us
    if until_us < asked.within_us:
        yield (
            f"In {row.place.in_words} fewer than {FEWEST_FOLLOWED} silences can be followed for longer than "
            f"{_about(until_us)}: who comes back later is not seen."
        )


def _at_the_end(row: _Row) -> Iterator[str]:
    """Say where going on has not faded by the end of what is looked at."""
    if row.estimate_us > NEAR * row.until_us:
        yield (
            f"In {row.place.in_words} customers go on up to the end of what is looked at "
            f"({_about(row.until_us)}): those who left can hardly be told from those who are "
            "only silent. A longer 'within' looks further; a patience stated by those who know may be better."
        )


def _impatient(row: _Row, found: _Limits, asked: _Asked) -> Iterator[str]:
    """Say where the map's patience is too short for a stage."""
    if found.lower[_STATED] > asked.share:
        yield (
            f"In {row.place.in_words} {100 * row.shares[_STATED]:.0f} % of the journeys that go on after a "
            f"silence do so only after the map's patience of {duration_in_words(row.patience)}; "
            "patience auto for the stage itself gives it a longer one."
        )


def _about(length_us: float) -> str:
    return duration_in_words(in_round_figures(length_us) - _unit(length_us))
