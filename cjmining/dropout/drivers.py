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
from cjmining.dropout.entries import DROPPED, FOREVER, Entries, entries, place_number
from cjmining.dropout.exposures import (
    ATTRIBUTE,
    BEFORE,
    KINDS,
    Trial,
    What,
    settled_by_staying,
    too_many_levels,
    trials,
)
from cjmining.dropout.mantel_haenszel import Adjusted, Strata, by_risk_sets, by_strata, mantel_haenszel
from cjmining.dropout.segments import segment
from cjmining.dropout.selection import expect_check, expect_order, moment, texts
from cjmining.errors import LogError, nearest, shorten
from cjmining.intended.words import duration_in_words
from cjmining.progress import Progress, telling
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
        If `smallest_cell` is no number above 0.

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
    log = check._with_log("drivers").log
    if stratum == "persona" and "persona" not in log.attributes:
        stratum = None
    within = check.intended.horizon if horizon is None else _duration(horizon)
    with telling(progress, "drivers") as tell:
        tell("reading who entered", 0.0)
        at = _chosen(check, stage, within, where, since, until)
        if gone_back:
            at = replace(at, here=at.here | ((at.gone_on_at == FOREVER) & (at.end == DROPPED)))
        groups = segment(check, at, stratum, when="entry")
        tell("listing what may go with it", 0.2)
        found = list(trials(check, at, within // _US, stratum=stratum))
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
            notes=_notes(at, within // _US, stratum, groups, gone_back=gone_back),
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


def _chosen(
    check: Conformance,
    stage: str,
    within: timedelta,
    where: Mapping[str, Any] | None,
    since: object | None,
    until: object | None,
) -> Entries:
    wanted = _conditions(where)
    first, last = moment(since, "since"), moment(until, "until")
    expect_order(first, last)
    at = _entered(check, stage)
    keep = np.ones(len(at), dtype=bool)
    for name, chosen in wanted.items():
        codes, names = segment(check, at, name, when="entry")
        for word in chosen:
            if word not in names:
                raise LogError(f"no {name} is {word!r}{nearest(word, names)}; it is {shorten(names, 8)}")
        keep &= np.array([name in chosen for name in names], dtype=bool)[codes]
    if first is not None:
        keep &= at.entered_at >= first
    if last is not None:
        keep &= at.entered_at < last
    if not keep.any():
        raise LogError(
            f"none of the {len(at):,} journeys that entered {stage} did so {_asked(wanted, first, last)}"
        )
    at = at.only(keep)
    followed = at.only(at.followed(within // _US))
    if not len(followed):
        longest = (at.data_end - int(at.entered_at.min())) // _DAY_US
        ways = [f"a shorter horizon, of at most {_in_days(longest)}"] if longest else []
        ways += ["an earlier window"] if first is not None else []
        advice = f"choose {' or '.join(ways)}" if ways else "it takes data of a longer time"
        raise LogError(
            f"of {len(at):,} journeys that entered {stage}, none did so a horizon of "
            f"{duration_in_words(within)} before the data ends, so that nobody can say whether they dropped "
            f"out in time: {advice}"
        )
    return followed


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


def _asked(wanted: Mapping[str, tuple[str, ...]], first: int | None, last: int | None) -> str:
    """Say which entries were asked for."""
    said = [f"with {name} {' or '.join(values)}" for name, values in wanted.items()]
    said += [f"from {_day(first)} on"] if first is not None else []
    said += [f"before {_day(last)}"] if last is not None else []
    return " ".join(said)


def _entered(check: Conformance, stage: str) -> Entries:
    """Return the entries of a stage, or say why none of it counts."""
    found = entries(check)
    names = [name for name, _ in found.names[1:]]
    if not isinstance(stage, str):
        raise LogError(f"stage is the name of a stage, not {stage!r}; the map has {', '.join(names)}")
    place = place_number(found, stage)
    at = found.only(found.place == place)
    if len(at):
        return at
    stages = check.intended.stages
    goals = [
        number
        for number, each in enumerate(stages)
        if {one.touchpoint for one in each.touchpoints} & set(check.intended.goal)
    ]
    if goals and place - 1 > max(goals):
        raise LogError(
            f"nobody drops out after the goal: {stage} comes after it, so no entry of it counts; ask for "
            f"one of {', '.join(names[: max(goals) + 1])}"
        )
    raise LogError(f"no journey entered {stage}, so nobody can have dropped out there")


def _without(found: list[Trial], unwanted: Sequence[str]) -> tuple[list[Trial], list[dict[str, Any]]]:
    """Take out kinds and candidates that the user doesn't want."""
    known = {*KINDS, *(each.what.candidate for each in found)}
    for name in unwanted:
        if name not in known:
            raise LogError(f"there is no kind or candidate {name!r} to leave out{nearest(name, known)}")
    out = [each for each in found if {each.what.kind, each.what.candidate} & set(unwanted)]
    rows = [_left_out(each.what, n, "left out as asked") for each in out if (n := _exposed(each))]
    return [each for each in found if each not in out], rows


# judging one candidate ------------------------------------------------------------------------------------


class _Judged(NamedTuple):
    """A candidate with its numbers.

    `tables` are those of the strata, in `groups`; `sizes` are exposed, exposed that dropped, others and
    others that dropped, by group. `given` is what is left where the stronger candidates are held constant,
    `along` the one that explains it.
    """

    trial: Trial
    own: Adjusted
    tables: Strata
    groups: Ints
    sizes: Ints
    p: float
    q: float = math.nan
    given: Adjusted | None = None
    along: What | None = None
    verdict: str = ""
    rank: int = 0


def _judge(
    found: Sequence[Trial], groups: Groups, at: Entries, smallest: float
) -> tuple[list[_Judged], list[dict[str, Any]]]:
    """Judge what can be; say of the rest why it can't."""
    judged: list[_Judged] = []
    left_out: list[dict[str, Any]] = []
    known: dict[bytes, What] = {}
    for trial in found:
        exposed = _exposed(trial)
        if not exposed:
            continue  # it happened to nobody: no candidate
        each, reason = None, f"too few: {smallest:g} in each cell of the comparison would need more"
        if exposed >= 2 * smallest:
            each = _compared(trial, groups, at)
            reason = _reason(each.own, smallest)
        if each is not None and not reason:
            same = known.setdefault(_mark(trial), trial.what)
            reason = "" if same is trial.what else f"the same journeys as {_named(same)}"
        if each is None or reason:
            left_out.append(_left_out(trial.what, exposed, reason))
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


def _compared(trial: Trial, groups: Groups, at: Entries) -> _Judged:
    """Compare within the strata; an act in both ways, of which the one that finds less is told."""
    if trial.also is None:
        return _compared_so(trial, groups, at)
    found = _compared_so(replace(trial, also=None), groups, at), _compared_so(trial.also, groups, at)
    return min(found, key=_z)


def _compared_so(trial: Trial, groups: Groups, at: Entries) -> _Judged:
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
    p = own.p(more=trial.is_act)
    return _Judged(trial, own, tables, of_table // trial.cells, sizes, p)


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
    known = {each.trial.what for each in strong}
    rest = [each for each in judged if each.trial.what not in known]
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
        first.append(best.trial.first(len(at)))
        others = [
            each._replace(given=_given(each.trial, groups, at, first)) for each in left if each is not best
        ]
        of = n_judged - len(own) - len(along)
        along += [each._replace(along=best.trial.what) for each in others if _is_explained(each, of)]
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
    return each.own if alone else _compare(each.trial, each.trial.cell, at.customer)[0]


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
        **each.trial.what._asdict(),
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
        tables = Strata(*(column[each.groups == number] for column in each.tables))
        own = mantel_haenszel(*tables, effect=each.own.effect)
        sizes = dict(zip(_SIZES, each.sizes[:, number].tolist(), strict=True))
        if sizes["exposed"]:
            rows.append(
                {
                    "rank": each.rank,
                    **each.trial.what._asdict(),
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
    own, what = each.own, each.trial.what
    exposed, hits = (int(size) for size in each.sizes.sum(axis=1)[:2])
    share = _percent(own.risk)
    alike = "" if share == _percent(hits / exposed) else "Like for like, "  # the strata weigh otherwise
    said = (
        f"{alike}{share} of {exposed:,} journeys {_in_words(what)} dropped out at {told.stage} within "
        f"{duration_in_words(told.within)}, against {_percent(own.other_risk)} of comparable ones: "
        f"{_more_or_fewer(own.difference)} ({_limits(own)})."
    )
    if each.trial.is_act and own.difference < 0:
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
