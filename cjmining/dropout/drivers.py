"""The verb `drivers`: what goes with dropping out at a stage."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from cjmining.conformance.tables import frame
from cjmining.documents import parse_duration
from cjmining.dropout.entries import DROPPED, FOREVER, Entries, Listed, list_entries, place_number
from cjmining.dropout.entries import joined as all_of
from cjmining.dropout.exposures import (
    ATTRIBUTE,
    BEFORE,
    KINDS,
    Candidate,
    Trial,
    What,
    candidates,
    settled_by_staying,
    too_many_levels,
)
from cjmining.dropout.mantel_haenszel import Adjusted, Strata, by_risk_sets, by_strata, mantel_haenszel
from cjmining.dropout.segments import Segments, segment
from cjmining.dropout.selection import expect_check, expect_order, moment, texts
from cjmining.errors import LogError, nearest, shorten
from cjmining.intended.words import duration_in_words
from cjmining.progress import Progress, during, telling
from cjmining.results import Result
from cjmining.stats import benjamini_hochberg

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.conformance import Conformance
    from cjmining.grouping import Groups

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

CLEAR = 0.05
"""q values up to this one are told as associations."""

OWN, WEAKER, ALONG, FEWER, UNCLEAR = (
    "of its own",
    "unclear beside others",
    "goes along",
    "fewer drop out",
    "unclear",
)
"""What is found of a candidate, in the order of ranks."""

MOST_ENTRIES = 500_000
"""Of more entries some are drawn: their limits are narrow, and memory is not without end."""

MOST_GIVEN = 6
"""How many of the strongest candidates the others are held constant for."""

_SMALLER = 0.5
"""Less than this part of an association, and not clear: then a stronger candidate explains it."""


@dataclass(frozen=True, repr=False, eq=False)
class Drivers(Result):
    """What goes with dropping out at a stage: associations, not causes.

    Made by `cj.drivers`. Shares and their differences are from 0 to 1, limits are at 95 %. A risk is the
    share that dropped out at the stage within the horizon.

    Attributes
    ----------
    title : str
        What the tables are about, and that they hold associations.
    stage : str
        The stage.
    by : str or None
        What journeys are compared within.
    horizon : timedelta
        Within which time of the entry, or of the moment of exposure, journeys dropped out.
    entered, dropped : int
        The entries that could be followed for the horizon, and those of them that dropped out there in it.
    drivers : pandas.DataFrame
        One row a candidate, those first that go with most drop-out of their own: rank (1 first), kind (what
        sort of thing it is: long wait, broken promise, error, deviation, channel, repeat contact, hand-off,
        preceding touchpoint or attribute), candidate (what may go with dropping out), detail (what about it),
        when (before entry: what was so when the stage was entered; during the stage: what happened there),
        exposed (journeys to which it happened and that have comparable ones), exposed_dropped (of those,
        dropped out there within the horizon of it), unexposed (journeys that they are held against),
        unexposed_dropped (of those, dropped out there), risk_exposed (share that dropped out, a mean over the
        strata with the weights of Mantel and Haenszel), risk_unexposed (likewise, of those they are held
        against), difference (risk_exposed less risk_unexposed) with lower and upper (Sato's; Newcombe's
        where on one side nobody dropped out, or everybody did), ratio (risk_exposed over
        risk_unexposed) with ratio_lower and ratio_upper, crude_difference (the difference without the strata
        of `by`), excess (drop-outs beyond those of comparable journeys: exposed x difference), p, q, simpson
        (how the crude difference misleads; empty if it doesn't), verdict (of its own: more drop out, also
        beside stronger candidates; unclear beside others: beside these it is not clear any more; goes along:
        a stronger candidate explains it; fewer drop out; unclear: it can be chance), goes_along_with (the
        stronger candidate that explains it), difference_given (what is left of the difference where the
        stronger candidates are held constant), sentence (the row in words).
    strata : pandas.DataFrame
        One row a candidate and stratum that it occurs in: rank (that of the candidate), kind (what sort of
        thing it is), candidate (what may go with dropping out), detail (what about it), when (before entry or
        during the stage), stratum (the value of `by`), exposed (journeys to which it happened),
        exposed_dropped (of those, dropped out there), unexposed (journeys that they are held against),
        unexposed_dropped (of those, dropped out there), difference (of the shares) with lower and upper.
    left_out : pandas.DataFrame
        Candidates that could not be judged: kind (what sort of thing it is), candidate (what might go with
        dropping out), detail (what about it), when (before entry or during the stage), exposed (journeys to
        which it happened), reason (why not).
    notes : tuple of str
        What a reader should know before trusting a number.
    """

    _tables: ClassVar[tuple[str, ...]] = ("drivers", "strata", "left_out")  # type: ignore[misc]

    title: str
    stage: str
    by: str | None
    horizon: timedelta
    entered: int
    dropped: int
    drivers: pd.DataFrame
    strata: pd.DataFrame
    left_out: pd.DataFrame
    notes: tuple[str, ...] = ()

    def _summary(self) -> str:
        own = int(self.drivers["verdict"].eq(OWN).sum())
        return (
            f"{self.title}. {self.dropped:,} of {self.entered:,} journeys dropped out within "
            f"{duration_in_words(self.horizon)}; {own} of {len(self.drivers)} candidates {OWN}"
        )


def drivers(
    check: Conformance,
    stage: str,
    *,
    stratum: str | None = "persona",
    horizon: str | timedelta | None = None,
    where: Mapping[str, Any] | None = None,
    since: object | None = None,
    until: object | None = None,
    gone_back: bool = False,
    smallest_cell: float = 5,
    leave_out: str | Sequence[str] = (),
    most: int | None = MOST_ENTRIES,
    progress: Progress | bool | None = None,
) -> Drivers:
    """Say what goes with dropping out at a stage: associations, not causes.

    Every candidate (a deviation, a broken promise, a long wait, a channel, an error, another contact, a
    hand-off, an attribute, the touchpoint before) is held against comparable journeys: as things stood when
    the stage was entered, or from the moment on at which it happened there, against journeys that were there
    just so. Those who leave early meet less of everything; that alone makes no association here. Then the
    strongest candidates are held constant one after the other: what has no association left goes along with
    them, and comes after them.

    Parameters
    ----------
    check : Conformance
        With its log.
    stage : str
        A stage of the map, or "(before the map)".
    stratum : str, optional
        Attribute or dimension (as at the entry) within which journeys are compared: by default `persona`,
        where the log has personas. None compares all with all.
    horizon : str or timedelta, optional
        Within which time they drop out, such as "30d". By default that of the map.
    where : mapping, optional
        Only entries with these values of attributes or dimensions, such as ``{"device": "mobile"}``.
    since, until : timestamp or text, optional
        Only stages entered from `since` on, and before `until` (UTC where they have no zone).
    gone_back : bool
        Whether those count as well who went back from the stage to an earlier one and dropped out there
        without having got further: what drove them away may lie here, although their drop-out does not.
    smallest_cell : float
        A candidate is judged if at least so many of the exposed, and of the others, would be expected to drop
        out, and so many to stay, were there no association.
    leave_out : str or sequence of str
        Kinds or candidates not to look at.
    most : int, optional
        Of more entries than so many those of customers drawn by lot are compared, about so many, the same in
        every run: a comparison takes some 1,200 bytes of memory an entry. None compares all.
    progress : callable or bool, optional
        Called with what is being done and the share of the whole that is done, 0 to 1; True shows a bar.

    Returns
    -------
    Drivers

    Raises
    ------
    LogError
        If that is no check, there is no such stage, attribute, value, kind or candidate, the stage comes
        after the goal, or no entry is in the window or old enough.
    ValueError
        If `smallest_cell` is no number above 0, or `most` no whole number of at least 1.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(4000, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> check = cj.check(shop.log.split(intended).with_personas(intended), intended)
    >>> why = cj.drivers(check, "Research")
    >>> why.drivers[["kind", "candidate"]].iloc[0].tolist()
    ['long wait', 'call_answered']

    References
    ----------
    Mantel and Haenszel (1959), doi:10.1093/jnci/22.4.719; Mantel and Byar (1974),
    doi:10.1080/01621459.1974.10480131 (exposures that come with time); Benjamini and Hochberg (1995),
    doi:10.1111/j.2517-6161.1995.tb02031.x; Simpson (1951), doi:10.1111/j.2517-6161.1951.tb00088.x.
    """
    expect_check(check, "drivers")
    smallest_cell = _above_nothing(smallest_cell)
    if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
        raise ValueError(f"most must be a whole number of at least 1, or None for all, not {most!r}")
    log = check._with_log("drivers").log
    if stratum == "persona" and "persona" not in log.attributes:
        stratum = None
    within = check.intended.horizon if horizon is None else _duration(horizon)
    with telling(progress, "drivers") as tell:
        with during(tell, "reading who entered", 0.0, 0.2):
            at, followed = _chosen(check, stage, within, _Wanted.of(check, where, since, until), most)
        if gone_back:
            at = replace(at, here=at.here | ((at.gone_on_at == FOREVER) & (at.end == DROPPED)))
        groups = segment(check, at, stratum, when="entry")
        with during(tell, "listing what may go with it", 0.2, 0.4):
            found = list(candidates(check, at, within // _US, stratum=stratum))
        found, dropped = _without(found, [leave_out] if isinstance(leave_out, str) else list(leave_out))
        tell("comparing like with like", 0.4)
        judged, left_out = _judge(found, groups, at, smallest_cell)
        ranked = _rank(judged, groups, at)
        tell("making the tables", 0.8)
        told = _Told(stage, within, len(ranked))
        return Drivers(
            title=f"Associations with dropping out at {stage}: not causes",
            stage=stage,
            by=stratum,
            horizon=within,
            entered=len(at),
            dropped=int(at.dropped_soon(within // _US).sum()),
            drivers=frame((_row(each, _crude(each, groups, at), told) for each in ranked), _COLUMNS),
            strata=frame((row for each in ranked for row in _strata_rows(each, groups)), _STRATA),
            left_out=frame([*dropped, *left_out, *_not_looked_at(check, stage, stratum)], _LEFT_OUT),
            notes=(
                *_notes(at, within // _US, stratum, groups, gone_back=gone_back),
                *_note_on_lots(len(at), followed),
            ),
        )._made_from(check)


_US = timedelta(microseconds=1)


# who counts -----------------------------------------------------------------------------------------------


def _duration(given: str | timedelta) -> timedelta:
    found = parse_duration(given)
    if found <= timedelta(0):
        raise LogError(f"a horizon is longer than nothing, not {given!r}")
    return found


def _above_nothing(given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float | np.number) or not given > 0:
        raise ValueError(f"smallest_cell must be a number above 0, not {given!r}")
    return float(given)


@dataclass(frozen=True)
class _Wanted:
    """Which entries of a stage are asked for: with these values, and from and before these moments."""

    where: Mapping[str, tuple[str, ...]]
    segments: Mapping[str, Segments]
    first: int | None
    last: int | None

    @classmethod
    def of(cls, check: Conformance, where: object, since: object | None, until: object | None) -> _Wanted:
        wanted = _conditions(where)
        first, last = moment(since, "since"), moment(until, "until")
        expect_order(first, last)
        return cls(wanted, {name: Segments(check, name, when="entry") for name in wanted}, first, last)

    def among(self, found: Entries) -> Entries:
        """Return those of some entries."""
        keep = np.ones(len(found), dtype=bool)
        for name, segments in self.segments.items():
            keep &= _among(name, self.where[name], segments.of(found))
        if self.first is not None:
            keep &= found.entered_at >= self.first
        if self.last is not None:
            keep &= found.entered_at < self.last
        return found.only(keep)


class _Counts(NamedTuple):
    """How many entries a stage has, how many of them are asked for, and how many of these can be followed.

    `earliest` is when the first of those asked for entered; 0 where there is none.
    """

    entered: int
    asked: int
    followed: int
    earliest: int


def _chosen(
    check: Conformance, stage: str, within: timedelta, wanted: _Wanted, most: int | None
) -> tuple[Entries, int]:
    """Return the entries that are asked for and can be followed, or some of them, and how many these are."""
    listed, horizon_us = list_entries(check), within // _US
    place = _place(listed, stage)
    entered, asked, followed, earliest = 0, 0, 0, listed.data_end
    found: list[Entries] = []
    for piece in listed.pieces([place]):
        at = wanted.among(piece)
        old = at.only(at.followed(horizon_us))
        entered, asked, followed = entered + len(piece), asked + len(at), followed + len(old)
        earliest = min(earliest, int(at.entered_at.min(initial=earliest)))
        found = [*found, old] if most is None or followed <= most else []
    if not followed:
        counts = _Counts(entered, asked, followed, earliest)
        raise LogError(_nobody(check, listed, stage, counts, wanted, within))
    if most is not None and followed > most:
        some = (piece.only(_drawn(piece.customer, most / followed)) for piece in listed.pieces([place]))
        found = [at.only(at.followed(horizon_us)) for at in map(wanted.among, some)]
    return all_of(found), followed


def _nobody(
    check: Conformance, listed: Listed, stage: str, counts: _Counts, wanted: _Wanted, within: timedelta
) -> str:
    """Say why there is no entry to compare."""
    if not counts.entered:
        return _nobody_entered(check, listed, stage)
    if not counts.asked:
        return f"none of the {counts.entered:,} journeys that entered {stage} did so {_asked(wanted)}"
    longest = (listed.data_end - counts.earliest) // _DAY_US
    ways = [f"a shorter horizon, of at most {_in_days(longest)}"] if longest else []
    ways += ["an earlier window"] if wanted.first is not None else []
    advice = f"choose {' or '.join(ways)}" if ways else "it takes data of a longer time"
    return (
        f"of {counts.asked:,} journeys that entered {stage}, none did so a horizon of "
        f"{duration_in_words(within)} before the data ends, so that nobody can say whether they dropped "
        f"out in time: {advice}"
    )


def _among(name: str, chosen: Sequence[str], groups: Groups) -> Bools:
    """Say which entries have one of the values asked for."""
    for word in chosen:
        if word not in groups.names:
            known = shorten(groups.names, 8)
            raise LogError(f"no {name} is {word!r}{nearest(word, groups.names)}; it is {known}")
    named: Bools = np.array([name in chosen for name in groups.names], dtype=bool)
    return named[groups.codes]


def _drawn(customer: Ints, share: float) -> Bools:
    """Draw customers by lot: the same whatever else is in the log."""
    lot = customer.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing
    drawn: Bools = lot < np.uint64(int(share * (1 << 64)))
    return drawn


_DAY_US = 86_400_000_000


def _in_days(number: int) -> str:
    return duration_in_words(timedelta(days=number))


def _conditions(where: object) -> dict[str, tuple[str, ...]]:
    if where is not None and not isinstance(where, Mapping):
        raise LogError(f"where is a mapping such as {{'device': 'mobile'}}, not {where!r}")
    wanted = {name: texts(values) for name, values in (where or {}).items()}
    for name, values in wanted.items():
        if not values:
            raise LogError(f"where={{{name!r}: ...}} names no value")
    return wanted


def _asked(wanted: _Wanted) -> str:
    """Say which entries were asked for."""
    said = [f"with {name} {' or '.join(values)}" for name, values in wanted.where.items()]
    said += [f"from {_day(wanted.first)} on"] if wanted.first is not None else []
    said += [f"before {_day(wanted.last)}"] if wanted.last is not None else []
    return " ".join(said)


def _place(listed: Listed, stage: str) -> int:
    names = [name for name, _ in listed.names[1:]]
    if not isinstance(stage, str):
        raise LogError(f"stage is the name of a stage, not {stage!r}; the map has {', '.join(names)}")
    return place_number(listed, stage)


def _nobody_entered(check: Conformance, listed: Listed, stage: str) -> str:
    """Say why no entry of a stage counts."""
    names, stages = [name for name, _ in listed.names[1:]], check.intended.stages
    goals = [
        number
        for number, each in enumerate(stages)
        if {one.touchpoint for one in each.touchpoints} & set(check.intended.goal)
    ]
    if goals and place_number(listed, stage) - 1 > max(goals):
        return (
            f"nobody drops out after the goal: {stage} comes after it, so no entry of it counts; ask for "
            f"one of {', '.join(names[: max(goals) + 1])}"
        )
    return f"no journey entered {stage}, so nobody can have dropped out there"


def _without(found: list[Candidate], unwanted: Sequence[str]) -> tuple[list[Candidate], list[dict[str, Any]]]:
    """Take out kinds and candidates that the user doesn't want."""
    known = {*KINDS, *(each.what.candidate for each in found)}
    for name in unwanted:
        if name not in known:
            raise LogError(f"there is no kind or candidate {name!r} to leave out{nearest(name, known)}")
    out = [each for each in found if {each.what.kind, each.what.candidate} & set(unwanted)]
    rows = [_left_out(each.what, n, "left out as asked") for each in out if (n := _exposed(each.trial))]
    return [each for each in found if each not in out], rows


# judging one candidate ------------------------------------------------------------------------------------


class _Judged(NamedTuple):
    """A candidate with its numbers.

    `strata` are those of each stratum; `sizes` are exposed, exposed that dropped, others and others that
    dropped, by stratum. `given` is what is left where the stronger candidates are held constant, `along` the
    one that explains it.
    """

    candidate: Candidate
    is_act: bool
    own: Adjusted
    strata: tuple[Adjusted, ...]
    sizes: Ints
    p: float
    q: float = math.nan
    given: Adjusted | None = None
    along: What | None = None
    verdict: str = ""
    rank: int = 0

    @property
    def what(self) -> What:
        """What it is."""
        return self.candidate.what


def _judge(
    found: Sequence[Candidate], groups: Groups, at: Entries, smallest: float
) -> tuple[list[_Judged], list[dict[str, Any]]]:
    """Judge what can be; say of the rest why it can't."""
    judged: list[_Judged] = []
    left_out: list[dict[str, Any]] = []
    known: dict[bytes, What] = {}
    for candidate in found:
        trial, what = candidate.trial, candidate.what
        exposed = _exposed(trial)
        if not exposed:
            continue  # it happened to nobody: no candidate
        each, reason = None, f"too few: {smallest:g} in each cell of the comparison would need more"
        if exposed >= 2 * smallest:
            each = _compared(candidate, trial, groups, at)
            reason = _reason(each.own, smallest)
        if each is not None and not reason:
            same = known.setdefault(_mark(trial), what)
            reason = "" if same is what else f"the same journeys as {_named(same)}"
        if each is None or reason:
            left_out.append(_left_out(what, exposed, reason))
        else:
            judged.append(each)
    q = benjamini_hochberg([each.p for each in judged]).tolist()
    judged = [each._replace(q=value) for each, value in zip(judged, q, strict=True)]
    return judged, left_out


def _exposed(trial: Trial) -> int:
    return int(np.count_nonzero(trial.exposed))


def _mark(trial: Trial) -> bytes:
    """Return what is equal for trials that are the same journeys held against the same others."""
    kind = b"risk sets" if trial.since is not None else b"strata"
    arrays = [each[trial.exposed] for each in (trial.entry, trial.moment)]
    arrays.append(trial.entry[~trial.exposed])
    digest = hashlib.blake2b(kind)
    for each in arrays:
        digest.update(each.tobytes() + b"|")
    return digest.digest()


def _reason(own: Adjusted, smallest: float) -> str:
    if math.isnan(own.z):
        return "there is nobody comparable to hold them against"
    if own.least < smallest:
        return f"too few: a cell of the comparison expects {own.least:.1f} journeys, fewer than {smallest:g}"
    return ""


def _compared(candidate: Candidate, trial: Trial, groups: Groups, at: Entries) -> _Judged:
    """Compare within the strata; an act in both ways, of which the one that finds less is told."""
    if trial.also is None:
        return _compared_so(candidate, trial, groups, at)
    alone = replace(candidate, make=lambda: replace(candidate.trial, also=None))
    also = replace(candidate, make=lambda: _also(candidate.trial))
    found = (
        _compared_so(alone, replace(trial, also=None), groups, at),
        _compared_so(also, trial.also, groups, at),
    )
    return min(found, key=_z)


def _also(trial: Trial) -> Trial:
    assert trial.also is not None  # noqa: S101 -- it was there when it was compared
    return trial.also


def _compared_so(candidate: Candidate, trial: Trial, groups: Groups, at: Entries) -> _Judged:
    group = groups.codes[trial.entry].astype(np.int64)
    stratum = group * trial.cells + trial.cell
    own, tables, of_table, used = _compare(trial, stratum, at.customer)
    sizes = np.stack(
        [
            np.bincount(group[used & rows], minlength=len(groups.names))
            for rows in (
                trial.exposed,
                trial.exposed & trial.hit,
                ~trial.exposed,
                ~trial.exposed & trial.hit,
            )
        ]
    )
    of_group = of_table // trial.cells
    strata = tuple(
        mantel_haenszel(*(column[of_group == number] for column in tables), effect=own.effect)
        for number in range(len(groups.names))
    )
    return _Judged(candidate, trial.is_act, own, strata, sizes, own.p(more=trial.is_act))


def _compare(trial: Trial, stratum: Ints, customer: Ints) -> tuple[Adjusted, Strata, Ints, Bools]:
    """Return the comparison, its tables, the stratum of each table, and which rows took part."""
    cluster = customer[trial.entry]
    if trial.since is not None:
        return by_risk_sets(stratum, trial.exposed, trial.since, trial.hit, cluster)
    own, tables = by_strata(stratum, trial.exposed, trial.hit, cluster)
    return own, tables, np.arange(len(tables.n)), tables.comparable[stratum]


# holding the stronger ones constant -----------------------------------------------------------------------


def _rank(judged: Sequence[_Judged], groups: Groups, at: Entries) -> list[_Judged]:
    """Put first what goes with most drop-out of its own, and after it what only goes along."""
    strong = [each for each in judged if each.q <= CLEAR and each.own.difference > 0]
    known = {each.what for each in strong}
    rest = [each for each in judged if each.what not in known]
    fewer = sorted(
        (each for each in rest if each.q <= CLEAR), key=lambda each: each.own.difference * _n(each)
    )
    unclear = sorted((each for each in rest if not each.q <= CLEAR), key=lambda each: each.p)
    verdicts = [*_stepwise(strong, len(judged), groups, at), (FEWER, fewer), (UNCLEAR, unclear)]
    ordered = [each._replace(verdict=verdict) for verdict, found in verdicts for each in found]
    return [each._replace(rank=number) for number, each in enumerate(ordered, start=1)]


def _n(each: _Judged) -> int:
    return int(each.sizes[0].sum())


def _stepwise(
    strong: Sequence[_Judged], n_judged: int, groups: Groups, at: Entries
) -> list[tuple[str, list[_Judged]]]:
    """Take the candidate with most evidence, hold it constant for the others, and so on.

    Beside those taken before, a candidate must be clear once more among all that are neither taken nor
    explained by these: as the strongest of so many (Bonferroni).
    """
    left = sorted(strong, key=lambda each: -each.own.z)
    own: list[_Judged] = []
    along: list[_Judged] = []
    first: list[Ints] = []
    while left and len(own) < MOST_GIVEN:
        best = max(left, key=_z)
        if not _is_clear(best, n_judged - len(own) - len(along)):
            break
        own.append(best)
        first.append(best.candidate.trial.first(len(at)))
        others = [
            each._replace(given=_given(each.candidate.trial, groups, at, first))
            for each in left
            if each is not best
        ]
        of = n_judged - len(own) - len(along)
        along += [each._replace(along=best.what) for each in others if _is_explained(each, of)]
        left = [each for each in others if not _is_explained(each, of)]
    of = n_judged - len(own) - len(along)
    weaker = [each for each in left if not _is_clear(each, of)]
    own += [each for each in left if _is_clear(each, of)]
    own.sort(key=lambda each: -_n(each) * (each.given or each.own).lower)
    return [(OWN, own), (WEAKER, weaker), (ALONG, along)]


def _z(each: _Judged) -> float:
    z = (each.given or each.own).z
    return -math.inf if math.isnan(z) else z


def _given(trial: Trial, groups: Groups, at: Entries, first: Sequence[Ints]) -> Adjusted:
    """Compare once more, among those alike in the stronger candidates as of the moment."""
    stratum = groups.codes[trial.entry].astype(np.int64) * trial.cells + trial.cell
    for when in first:
        stratum = stratum * 2 + (when[trial.entry] <= trial.moment)
    stratum = np.unique(stratum, return_inverse=True)[1]
    return _compare(trial, stratum, at.customer)[0]


def _is_clear(each: _Judged, of: int) -> bool:
    """Say whether an association is clear beside those held constant."""
    return each.given is None or each.given.p(more=True) * of <= CLEAR


def _is_explained(each: _Judged, of: int) -> bool:
    """Say whether little of an association is left, and nothing clear."""
    given = each.given
    if given is None:
        return False
    return math.isnan(given.z) or (
        not _is_clear(each, of) and given.difference < _SMALLER * each.own.difference
    )


# telling --------------------------------------------------------------------------------------------------

_WHAT = {"kind": "text", "candidate": "text", "detail": "text", "when": "text"}
_SIZES = ("exposed", "exposed_dropped", "unexposed", "unexposed_dropped")
_NUMBERS = (
    "risk_exposed",
    "risk_unexposed",
    "difference",
    "lower",
    "upper",
    "ratio",
    "ratio_lower",
    "ratio_upper",
    "crude_difference",
    "excess",
    "p",
    "q",
)
_COLUMNS = {
    "rank": "int",
    **_WHAT,
    **dict.fromkeys(_SIZES, "int"),
    **dict.fromkeys(_NUMBERS, "float"),
    "simpson": "text",
    "verdict": "text",
    "goes_along_with": "text",
    "difference_given": "float",
    "sentence": "text",
}
_STRATA = {
    "rank": "int",
    **_WHAT,
    "stratum": "text",
    **dict.fromkeys(_SIZES, "int"),
    **dict.fromkeys(("difference", "lower", "upper"), "float"),
}
_LEFT_OUT = {**_WHAT, "exposed": "int", "reason": "text"}


def _crude(each: _Judged, groups: Groups, at: Entries) -> Adjusted:
    """Return the comparison without the strata."""
    alone = len(groups.names) == 1
    if alone:
        return each.own
    trial = each.candidate.trial
    return _compare(trial, trial.cell, at.customer)[0]


class _Told(NamedTuple):
    """What sentences are about: the stage, the horizon, and how many candidates were judged."""

    stage: str
    within: timedelta
    judged: int


def _row(each: _Judged, crude: Adjusted, told: _Told) -> dict[str, Any]:
    own = each.own
    exposed, hits, others, other_hits = (int(size) for size in each.sizes.sum(axis=1))
    along = _named(each.along) if each.along else ""
    return {
        "rank": each.rank,
        **each.what._asdict(),
        "exposed": exposed,
        "exposed_dropped": hits,
        "unexposed": others,
        "unexposed_dropped": other_hits,
        "risk_exposed": own.risk,
        "risk_unexposed": own.other_risk,
        "difference": own.difference,
        "lower": own.lower,
        "upper": own.upper,
        "ratio": own.ratio,
        "ratio_lower": own.ratio_lower,
        "ratio_upper": own.ratio_upper,
        "crude_difference": crude.difference,
        "excess": exposed * own.difference,
        "p": each.p,
        "q": each.q,
        "simpson": _simpson(own, crude),
        "verdict": each.verdict,
        "goes_along_with": along,
        "difference_given": each.given.difference if each.given else math.nan,
        "sentence": _sentence(each, told, along),
    }


def _simpson(own: Adjusted, crude: Adjusted) -> str:
    """Say where the comparison without strata misleads: it lies outside the limits of the one with strata."""
    if math.isnan(crude.difference) or own.lower <= crude.difference <= own.upper:
        return ""
    said = f"without strata it would be {_points(crude.difference)}"
    if own.difference * crude.difference < 0:
        return f"{said}, the other way round"
    stronger = max(abs(own.difference), abs(crude.difference))
    return said if abs(own.difference - crude.difference) >= _SMALLER * stronger else ""


def _strata_rows(each: _Judged, groups: Groups) -> list[dict[str, Any]]:
    rows = []
    for number, name in enumerate(groups.names):
        own = each.strata[number]
        sizes = dict(zip(_SIZES, each.sizes[:, number].tolist(), strict=True))
        if sizes["exposed"]:
            rows.append(
                {
                    "rank": each.rank,
                    **each.what._asdict(),
                    "stratum": name,
                    **sizes,
                    "difference": own.difference,
                    "lower": own.lower,
                    "upper": own.upper,
                }
            )
    return rows


def _left_out(what: What, exposed: int, reason: str) -> dict[str, Any]:
    return {**what._asdict(), "exposed": exposed, "reason": reason}


def _not_looked_at(check: Conformance, stage: str, stratum: str | None) -> list[dict[str, Any]]:
    """Return what can be no candidate."""
    many = [
        _left_out(What(ATTRIBUTE, name, "", BEFORE), 0, f"it has {levels:,} values: group them first")
        for name, levels in too_many_levels(check, stratum)
    ]
    reason = "staying in the stage settles it: it is part of what became of the journey"
    return many + [_left_out(what, 0, reason) for what in settled_by_staying(check, stage)]


def _named(what: What) -> str:
    """Return a candidate in a few words."""
    return f"{what.candidate} ({what.kind}: {what.detail}, {what.when})"


def _sentence(each: _Judged, told: _Told, along: str) -> str:
    own, what = each.own, each.what
    exposed, hits = (int(size) for size in each.sizes.sum(axis=1)[:2])
    share = _percent(own.risk)
    alike = "" if share == _percent(hits / exposed) else "Like for like, "  # the strata weigh otherwise
    said = (
        f"{alike}{share} of {exposed:,} journeys {_in_words(what)} dropped out at {told.stage} within "
        f"{duration_in_words(told.within)}, against {_percent(own.other_risk)} of comparable ones: "
        f"{_more_or_fewer(own.difference)} ({_limits(own)})."
    )
    if each.is_act and own.difference < 0:
        said += " Who acts is still there, so fewer says nothing here."
    elif each.verdict == UNCLEAR:
        said += f" {_unclear(each, told.judged)}"
    elif each.verdict == WEAKER:
        said += " Beside the stronger candidates that is not clear any more."
    if along and each.given is not None:
        left = each.given.difference
        said += f" It goes along with {along}: beside that, "
        left_over = "nothing" if math.isnan(left) else _more_or_fewer(left)
        said += f"{left_over} {'remain' if 'points' in left_over else 'remains'}."
    return said


def _unclear(each: _Judged, judged: int) -> str:
    if each.p <= CLEAR:
        return f"Among {judged:,} candidates that can be chance."
    if each.own.lower <= 0 <= each.own.upper:
        return "That can be chance."
    return "That can just be chance."


def _in_words(what: What) -> str:
    said = {
        "long wait": f"with a wait {what.detail} at {what.candidate}",
        "broken promise": f"with a broken promise ({what.candidate}: {what.detail})",
        "error": f"with a failed {what.candidate}",
        "deviation": f"with {what.candidate} {what.detail}",
        "repeat contact": f"with {what.candidate} {what.detail}",
        "hand-off": f"with a hand-off ({what.candidate}, {what.detail})",
        "channel": f"with the channel {what.candidate} {what.detail}",
        "preceding touchpoint": f"with {what.candidate} just before",
        "attribute": f"{'on' if what.candidate == 'device' else 'with'} {what.candidate} {what.detail}",
    }[what.kind]
    return f"{said} beforehand" if what.when == BEFORE and what.kind in _PAST else said


_PAST = ("long wait", "broken promise", "error", "repeat contact", "hand-off")


def _more_or_fewer(difference: float) -> str:
    """Say a difference of shares: 13 points more, 1 point fewer, no difference."""
    text = _points(abs(difference)).lstrip("+")
    if text == "0":
        return "no difference"
    return f"{text} {'point' if text == '1' else 'points'} {'more' if difference > 0 else 'fewer'}"


def _limits(own: Adjusted) -> str:
    """Say limits in the direction of the difference; where they are on both sides, of each on which."""
    low, high = (_points(each) for each in (own.lower, own.upper))
    if low.startswith("-") and high.startswith("+"):
        return f"{low[1:]} fewer to {high[1:]} more"
    if own.difference < 0:
        low, high = high, low
    return f"{low.lstrip('+-')} to {high.lstrip('+-')}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _points(share: float) -> str:
    text = f"{100 * share:+.0f}" if abs(share) >= 0.0095 else f"{100 * share:+.1f}"
    return "0" if float(text) == 0 else text


def _note_on_lots(compared: int, followed: int) -> tuple[str, ...]:
    """Say where only some entries are compared."""
    if compared == followed:
        return ()
    told = (
        f"Compared are {compared:,} of {followed:,} entries: those of customers drawn by lot, the same in "
        "every run (most=None compares all)."
    )
    return (told,)


def _day(moment: int) -> str:
    day = datetime.fromtimestamp(moment // 1_000_000, tz=UTC)
    return f"{day.day} {day:%B %Y}"


def _notes(
    at: Entries, horizon_us: int, stratum: str | None, groups: Groups, *, gone_back: bool
) -> tuple[str, ...]:
    notes = [
        "These are associations: who waits long, or meets an error, may differ in ways that nobody records.",
        "Attributes are those known when the data ends; who lacks one is not compared by it.",
        f"Counted are entries up to {_day(at.data_end - horizon_us)}: what troubled later ones is not seen.",
    ]
    dropped = at.dropped_soon(horizon_us)
    waiting = int((dropped & (at.turn == 1)).sum())
    if waiting:
        notes.append(f"{waiting:,} of {int(dropped.sum()):,} drop-outs fell silent on the company's turn.")
    if gone_back:
        notes.append("Counted are also those who went back to an earlier stage and dropped out there.")
    if stratum is None:
        notes.append("All journeys are compared with each other, whatever their persona.")
    elif len(np.unique(groups.codes)) == 1:
        notes.append(f"All entries have the same {stratum}.")
    return tuple(notes)
