"""The verb `won_back`: how many lost customers returned and converted, and what writing to them did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from cjmining.dropout.entries import CONVERTED, FOREVER, PLACES, columns_of
from cjmining.dropout.later import Ends, later, microseconds, pieces_of_ends
from cjmining.dropout.selection import day_of, expect_check, moment, select
from cjmining.errors import LogError
from cjmining.ingest.sources.base import counted
from cjmining.results import Result
from cjmining.schema import BEFORE_THE_MAP

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.conformance import Conformance
    from cjmining.conformance.reading import Reading
    from cjmining.dropout.audience import Audience
    from cjmining.log import JourneyLog

ANYWHERE = "(anywhere)"
WRITTEN, HELD_OUT, REST = "written to", "held out", "the rest"
EXPERIMENT = "effect: who was written to was drawn by lot"
ASSOCIATION = "association: who was written to was not drawn by lot"
DAY_US = 86_400_000_000


@dataclass(frozen=True, repr=False, eq=False)
class WonBack(Result):
    """How many of those who left came back. Made by `cj.won_back`.

    Attributes
    ----------
    rates : pandas.DataFrame
        by, stage (where the journey ended; "(anywhere)" has all places), touchpoint ("" where places are
        stages), horizon_days (the horizon, in days), journeys (that ended there), followed (those of them
        that the log observes for the horizon after they left), returned (of those followed: the customer did
        something again within the horizon), returned_share (of those followed; its limits allow for several
        journeys of one customer), converted (of those followed: reached the goal after all within the
        horizon), converted_share (of those followed).
    groups : pandas.DataFrame
        group (written to; held out, or the rest), horizon_days (the horizon, in days), customers (how many
        this log knows), unknown (how many it doesn't), back_before (under way, converted or seen again
        before they were written to), followed (the others, if the log observes them for the horizon),
        returned (of those followed: did something again within the horizon), returned_share (of those
        followed), converted (of those followed: reached the goal within the horizon), converted_share (of
        those followed). Empty without an audience.
    effects : pandas.DataFrame
        horizon_days (the horizon, in days), measure (returned or converted), share (of those written to),
        other_share (of those they are held against), difference (share less other_share), lower, upper,
        meaning (an effect where lots were drawn, else an association). Empty without an audience.
    notes : tuple of str
        What a reader should know.
    """

    _tables: ClassVar[tuple[str, ...]] = ("rates", "groups", "effects")  # type: ignore[misc]

    rates: pd.DataFrame
    groups: pd.DataFrame
    effects: pd.DataFrame
    notes: tuple[str, ...] = ()

    def _summary(self) -> str:
        rows = self.rates[self.rates["stage"] == ANYWHERE]
        counts = rows.groupby("horizon_days")[["followed", "returned", "converted"]].sum()
        said = [
            f"{returned:,} of {followed:,} returned and {converted:,} converted within {days:g} days"
            for days, followed, returned, converted in counts.itertuples()
        ]
        return f"Won back: {'; '.join(said) or 'nobody left'}{self._in_short()}"

    def _in_short(self) -> str:
        """Say what writing did within the longest horizon that is followed, if there is an audience."""
        if self.effects.empty:
            return ""
        known = self.effects.dropna(subset=["difference"])
        if known.empty:
            return ". Of the audience nothing can be told: nobody is followed for a horizon"
        longest = known[known["horizon_days"] == known["horizon_days"].max()]
        told = ", ".join(
            f"{100 * row.share:.0f} % {row.measure} against {100 * row.other_share:.0f} % "
            f"({100 * row.difference:+.1f} points, 95 %: {100 * row.lower:+.1f} to {100 * row.upper:+.1f})"
            for row in longest.itertuples()
        )
        days, meaning = longest["horizon_days"].iloc[0], longest["meaning"].iloc[0]
        of = self.groups[self.groups["horizon_days"] == days]
        sizes = " and ".join(f"{row.followed:,} {row.group}" for row in of.itertuples())
        return f". Of {sizes}, within {days:g} days {told}; {meaning}"


def won_back(
    check: Conformance,
    *,
    by: str | None = None,
    at: str = "stage",
    outcome: str | Sequence[str] = "dropped",
    horizons: Sequence[str] = ("7d", "30d", "90d"),
    audience: Audience | None = None,
    since: object | None = None,
) -> WonBack:
    """State how many of those who left came back within stated horizons, and convert after all.

    A journey counts towards a horizon if the log goes on that long after it ended; time runs from then (for
    silence, from when patience was over). To return is to do what begins a new journey by the map, or
    anything that does so within a journey that is not split.

    Parameters
    ----------
    check : Conformance
        With its log; for an audience, of a log that goes on after it was written to.
    by : str, optional
        What to group journeys by: `persona`, another attribute, or a dimension of events; by default what the
        check does. All together: `cj.won_back(check.overall)`.
    at : str
        What a place is: "stage" or "touchpoint".
    outcome : str or sequence of str
        How the journeys ended: dropped, or turned away.
    horizons : sequence of str
        Durations such as "30d".
    audience : Audience, optional
        Who was written to. They are held against those held out of it by lot; without a hold-out, against the
        rest of those who met its conditions, which is an association. Found in the log of `check` by the
        identifiers that the audience has, or by number where it is the same log or neither has identifiers.
    since : timestamp or text, optional
        When the audience was written to, by default when it was made (`audience.made_at`), and not before:
        who had come back by then was left out of the audience, so that measured from an earlier moment it
        would seem to come back less. An audience made again from a later log may be measured from an earlier
        moment where it keeps those who returned (`returned=True`) and lots say who was held out. Horizons run
        from `since`, and customers who had come back by then are left out on both sides.

    Returns
    -------
    WonBack
        Rates by place, and what became of an audience.

    Raises
    ------
    LogError
        If a group, place, outcome or horizon is none, `audience` is none or its customers can't be found, or
        `since` lies before the audience was made or after the log ends.

    References
    ----------
    Wilson (1927), doi:10.1080/01621459.1927.10502953; Rao and Scott (1992), doi:10.2307/2532311; Newcombe
    (1998), doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(500, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> back = cj.won_back(cj.check(shop.log.split(intended), intended), horizons=["30d"])
    >>> bool((back.rates["returned"] >= back.rates["converted"]).all())
    True
    """
    expect_check(check, "won_back")
    _expect_audience(audience)
    if at not in PLACES:
        raise LogError(f"places are {' or '.join(map(repr, PLACES))}, not {at!r}")
    chosen = select(
        outcome=outcome, stage=None, touchpoint=None, turn=None, persona=None, where=None, since=None,
        until=None, journeys=None,
    )  # fmt: skip
    if not set(chosen.outcomes) <= {"dropped", "turned away"}:
        raise LogError(
            "only journeys that were dropped or turned away can be won back: give one of these outcomes"
        )
    spans = [(days, int(days * DAY_US)) for days in _days(horizons)]
    reading = check._with_log("won-back rates")
    groups_of = reading.log.group(check.by if by is None else by)
    rates = _rates(check, reading, chosen.mask(check), groups_of, at=at, spans=spans)
    groups, effects, notes = _of_audience(check, reading.log, audience, since, spans)
    return WonBack(rates, groups, effects, notes)._made_from(check)


def _expect_audience(given: object) -> None:
    from cjmining.dropout.audience import Audience

    if given is not None and not isinstance(given, Audience):
        raise LogError(
            f"audience is what cj.audience returns, not {type(given).__name__}: cj.audience(check)"
        )


def _days(horizons: Sequence[str]) -> list[float]:
    from cjmining.documents import parse_duration

    given = [horizons] if isinstance(horizons, str) or not hasattr(horizons, "__iter__") else list(horizons)
    if not given:
        raise LogError("horizons are durations such as ['7d', '30d'], not an empty list")
    try:
        days = [parse_duration(horizon).total_seconds() / 86_400 for horizon in given]
    except ValueError as problem:
        raise LogError(f"horizons: {problem}") from None
    return sorted(set(days))


# rates by place ------------------------------------------------------------------------------------------


class _Place(NamedTuple):
    """A group and where its journeys ended, as codes; -1 and -1 is anywhere."""

    group: int
    stage: int
    touchpoint: int


_MEASURES = ("returned", "converted")


class _Sums(NamedTuple):
    """Of the journeys of a place that are followed for a horizon: what shares and their limits are made of.

    `hits` has a number for each measure; `products` the sums over customers of hits x hits and hits x
    journeys, a row each, and `squares` that of journeys x journeys.
    """

    journeys: int
    followed: int
    hits: NDArray[np.int64]
    products: NDArray[np.float64]
    squares: float

    def and_also(self, other: _Sums | None) -> _Sums:
        """Return the sums over both, which have no customer in common."""
        if other is None:
            return self
        return _Sums(
            self.journeys + other.journeys,
            self.followed + other.followed,
            self.hits + other.hits,
            self.products + other.products,
            self.squares + other.squares,
        )


def _rates(
    check: Conformance,
    reading: Reading,
    lost: NDArray[np.bool_],
    groups: tuple[NDArray[np.int32], tuple[str, ...]],
    *,
    at: str,
    spans: Sequence[tuple[float, int]],
) -> pd.DataFrame:
    from cjmining.conformance.tables import frame

    codes, names = groups
    stage = columns_of(check, "place_stage")
    touchpoint = columns_of(check, "place_touchpoint") if at == "touchpoint" else None
    sums: dict[tuple[_Place, float], _Sums] = {}
    for own, ends in pieces_of_ends(check, reading):
        here = np.flatnonzero(lost[own])
        back = later(ends)
        left = ends.decided_at[here]
        after = np.stack([back.returned_at[here], back.converted_at[here]]) - left
        seconds = np.zeros_like(here) if touchpoint is None else 1 + touchpoint[own][here]
        for place, chosen in _places(codes[own][here], 1 + stage[own][here], seconds):
            for days, span in spans:
                followed = left[chosen] + span <= reading.data_end
                hits = (after[:, chosen] <= span)[:, followed]
                found = _sums(len(chosen), hits, ends.customer[here[chosen]][followed])
                sums[place, days] = found.and_also(sums.get((place, days)))
    stages = (BEFORE_THE_MAP, *check.intended.stage_names)
    touchpoints = ("", *reading.plan.labels)
    rows = [
        {
            "by": names[place.group],
            "stage": stages[place.stage] if place.stage >= 0 else ANYWHERE,
            "touchpoint": touchpoints[place.touchpoint] if at == "touchpoint" and place.stage >= 0 else "",
            "horizon_days": days,
            "journeys": each.journeys,
            "followed": each.followed,
        }
        | {
            key: value
            for number, name in enumerate(_MEASURES)
            for key, value in _of_sums(name, each, number).items()
        }
        for (place, days), each in sorted(sums.items(), key=lambda item: item[0])
    ]
    return frame(rows, _RATES)


_SHARES = {
    f"{name}{part}": "float" if part else "int"
    for name in ("returned", "converted")
    for part in ("", "_share", "_lower", "_upper")
}
_RATES = {
    **dict.fromkeys(("by", "stage", "touchpoint"), "text"),
    "horizon_days": "float",
    "journeys": "int",
    "followed": "int",
    **_SHARES,
}


def _places(
    group: NDArray[np.int32], stage: NDArray[np.int32], touchpoint: NDArray[np.int64]
) -> Iterator[tuple[_Place, NDArray[np.int64]]]:
    """Yield every place of every group, with who left there: all places, then each in the map's order."""
    order = np.lexsort((touchpoint, stage, group))
    codes = np.stack([group, stage, touchpoint])[:, order]
    for changes in (codes[:1], codes):
        bounds = np.flatnonzero(np.any(np.diff(changes, prepend=-1, append=-1), axis=0))
        for first, last in pairwise(bounds.tolist()):
            g, s, t = codes[:, first].tolist()
            yield _Place(g, s, t) if len(changes) > 1 else _Place(g, -1, -1), np.sort(order[first:last])


def _sums(journeys: int, hits: NDArray[np.bool_], customers: NDArray[np.int64]) -> _Sums:
    _, cluster = np.unique(customers, return_inverse=True)
    n = np.bincount(cluster)
    by_customer = [np.bincount(cluster, each, minlength=len(n)) for each in hits]
    products = np.array([[float(d @ d), float(d @ n)] for d in by_customer])
    return _Sums(journeys, len(customers), hits.sum(axis=1), products, float(n @ n))


def _of_sums(name: str, sums: _Sums, number: int) -> dict[str, Any]:
    """Return how many of those followed did something, and their share with limits."""
    from cjmining.stats import wilson_of_clusters

    hits, (d_d, d_n) = int(sums.hits[number]), sums.products[number].tolist()
    found = wilson_of_clusters(hits, sums.followed, (d_d, d_n, sums.squares))
    return {
        name: hits,
        f"{name}_share": found.share,
        f"{name}_lower": found.lower,
        f"{name}_upper": found.upper,
    }


def _share(name: str, hits: NDArray[np.bool_], customers: NDArray[np.int64]) -> dict[str, Any]:
    return _of_sums(name, _sums(len(hits), hits[None], customers), 0)


# an audience ---------------------------------------------------------------------------------------------


class _Group(NamedTuple):
    """Customers of this log with when they left, and how many of the group it doesn't know."""

    name: str
    customer: NDArray[np.int64]
    left_at: NDArray[np.int64]
    unknown: int


def _of_audience(
    check: Conformance,
    log: JourneyLog,
    audience: Audience | None,
    since: object | None,
    spans: Sequence[tuple[float, int]],
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    from cjmining.conformance.tables import frame

    if audience is None:
        if since is not None:
            raise LogError("since= says when an audience was written to; give audience= as well")
        return frame([], _GROUPS), frame([], _EFFECTS), ()
    start = _written_at(audience, log, since)
    both, notes = _both_groups(check, log, audience, start)
    notes = (*notes, *_too_short(log, start, spans))
    by_lot = both[1].name == HELD_OUT
    since_then = [_since(group, check, start) for group in both]
    rows, effects = [], []
    for days, span in spans:
        is_seen = start + span <= log.data_end_us
        pair = [
            _followed(*each, start + span, is_seen=is_seen) for each in zip(both, since_then, strict=True)
        ]
        rows += [{"horizon_days": days} | one for one in pair]
        about: dict[str, Any] = {"horizon_days": days, "meaning": EXPERIMENT if by_lot else ASSOCIATION}
        effects += [
            about | {"measure": name} | _difference(name, *pair) for name in ("returned", "converted")
        ]
    return frame(rows, _GROUPS), frame(effects, _EFFECTS), notes


def _written_at(audience: Audience, log: JourneyLog, since: object | None) -> int:
    """Return from when on horizons run; raise where what came before chose who is in the audience."""
    made = audience._log.data_end_us
    given = moment(since, "since")
    start = made if given is None else given
    blind = audience._returned and len(audience._held_out) > 0
    if start < made and not blind:
        raise LogError(
            f"since={day_of(start)} lies before the audience was made ({day_of(made)}): who came back in "
            "between was left out of the audience and is among those it is held against, which looks like an "
            "effect and is none. Give since= the moment when it was written to, or make the audience from "
            "the log as it was by then (in a later log: with until=, returned=True and a holdout)"
        )
    if start > log.data_end_us:
        what = "since" if given is not None else "the moment the audience was made"
        end = day_of(log.data_end_us)
        raise LogError(
            f"{what} ({day_of(start)}) lies after this log ends ({end}): nothing is known "
            "of what came later. Check a log that goes on after the audience was written to"
        )
    return start


def _too_short(log: JourneyLog, start: int, spans: Sequence[tuple[float, int]]) -> list[str]:
    """Say which horizons reach beyond the log."""
    beyond = [f"{days:g}" for days, span in spans if start + span > log.data_end_us]
    if not beyond:
        return []
    *others, last = beyond
    named = f"{', '.join(others)} or {last}" if others else last
    seen = (log.data_end_us - start) / DAY_US
    told = (
        f"The log ends {seen:.3g} days after the audience was written to: what became of it within "
        f"{named} days can't be told yet (NaN). Check a log that goes on for longer."
    )
    return [told]


_GROUPS = {
    "group": "text",
    "horizon_days": "float",
    **dict.fromkeys(("customers", "unknown", "back_before", "followed"), "int"),
    **_SHARES,
}
_EFFECTS = {
    "horizon_days": "float",
    "measure": "text",
    **dict.fromkeys(("share", "other_share", "difference", "lower", "upper"), "float"),
    "meaning": "text",
}


def _both_groups(
    check: Conformance, log: JourneyLog, audience: Audience, start: int
) -> tuple[tuple[_Group, _Group], tuple[str, ...]]:
    """Return who was written to and whom they are held against, as this log numbers customers."""
    find = _finder(audience, log)
    written = _found(WRITTEN, audience.customers, find)
    if len(audience._held_out):
        other = _found(HELD_OUT, audience._held_out, find)
    else:
        other = _rest(check, audience, written.customer, audience._log.data_end_us)
    both = np.intersect1d(written.customer, other.customer)
    notes = []
    if len(both):  # two customers of then are one now
        notes.append(
            f"{counted(len(both), 'customer is', 'customers are')} left out: two customers of then, one on "
            "either side, are one person in this log."
        )
        written, other = (_without(group, both) for group in (written, other))
    there = [group.left_at <= start for group in (written, other)]
    not_yet = sum(int((~own).sum()) for own in there)
    if not_yet:  # an audience made again from a later log
        notes.append(
            f"{counted(not_yet, 'customer is', 'customers are')} left out, who left only after the audience "
            "was written to."
        )
        written, other = (
            group._replace(customer=group.customer[own], left_at=group.left_at[own])
            for group, own in zip((written, other), there, strict=True)
        )
    unknown = written.unknown + other.unknown
    if unknown:
        notes.append(
            f"{counted(unknown, 'customer of the audience is', 'customers of the audience are')} not in this "
            "log: nothing is known of them."
        )
    return (written, other), tuple(notes)


def _finder(audience: Audience, log: JourneyLog) -> dict[int, int]:
    """Return this log's number of each customer of the audience that it knows."""
    known = set(log.customers["customer"].tolist())
    everybody = [*audience.customers["customer"].tolist(), *audience._held_out["customer"].tolist()]
    without = audience._log.identities.empty and log.identities.empty
    if log is audience._log or without or _same_people(audience._log, log):
        return {customer: customer for customer in everybody if customer in known}
    if not audience.identifiers:
        raise LogError(
            "the audience has no identifiers, and customers of another log have other numbers: make it with "
            "identifiers=, such as 'email'"
        )
    now = log.identities.astype({"kind": str, "value": str})
    pairs = audience._identities.merge(now, on=["kind", "value"], suffixes=("", "_now"))
    if pairs.empty and everybody:
        raise LogError(
            f"no customer of the audience is in this log by {' or '.join(audience.identifiers)}: is it the "
            "same company's, and ingested with identities='keep'?"
        )
    first = pairs.sort_values(["customer", "customer_now"]).drop_duplicates("customer")
    return dict(zip(first["customer"].tolist(), first["customer_now"].tolist(), strict=True))


def _same_people(log: JourneyLog, other: JourneyLog) -> bool:
    """Say whether two logs number the same customers alike: they come from one ingestion."""
    return log._identities is other._identities and log._identities.num_rows > 0


def _found(name: str, customers: pd.DataFrame, find: dict[int, int]) -> _Group:
    now = np.array([find.get(int(customer), -1) for customer in customers["customer"]], dtype=np.int64)
    left = microseconds(customers["left_at"]) if len(customers) else np.zeros(0, np.int64)
    known = now >= 0
    numbers, first = np.unique(now[known], return_index=True)
    return _Group(name, numbers, left[known][first], int((~known).sum()))


def _rest(check: Conformance, audience: Audience, others: NDArray[np.int64], until: int) -> _Group:
    """Return the customers who met the audience's conditions by then and are not in it."""
    from cjmining.dropout.audience import _behind

    selection = audience._selection
    if selection.journeys is not None and check._with_log("audience").log is not audience._log:
        raise LogError(
            "the audience was made of journeys given by number, which another log numbers differently: hold "
            "some of it out (audience.holdout) to measure what writing did"
        )
    _, latest, customers = _behind(check, selection)
    chosen = latest >= 0
    left = columns_of(check, "decided_at")[np.maximum(latest, 0)]
    chosen &= (left <= until) & ~np.isin(customers, others)
    return _Group(REST, customers[chosen], left[chosen], 0)


def _without(group: _Group, customers: NDArray[np.int64]) -> _Group:
    keep = ~np.isin(group.customer, customers)
    return group._replace(customer=group.customer[keep], left_at=group.left_at[keep])


class _Since(NamedTuple):
    """When customers of a group returned and converted from a moment on, and who had come back before."""

    returned: NDArray[np.int64]
    converted: NDArray[np.int64]
    before: NDArray[np.bool_]


def _since(group: _Group, check: Conformance, start: int) -> _Since:
    never = np.full(len(group.customer), FOREVER, dtype=np.int64)
    found = _Since(never, never, np.zeros(len(never), np.bool_))
    for _, ends in pieces_of_ends(check, check._with_log("audience")):
        own = _since_in(group, ends, start)
        found = _Since(
            np.minimum(found.returned, own.returned),
            np.minimum(found.converted, own.converted),
            found.before | own.before,
        )
    return found


def _since_in(group: _Group, ends: Ends, start: int) -> _Since:
    began = _first(group, ends, ends.start, start + 1)
    converted = _first(group, ends, np.where(ends.outcome == CONVERTED, ends.decided_at, FOREVER), start + 1)
    within = _first(group, ends, ends.within, start + 1)
    converted = np.minimum(converted, _first(group, ends, ends.converted_within, start + 1))
    returned = np.minimum(np.minimum(began, within), converted)
    return _Since(returned, converted, _back_before(group, ends, start))


def _back_before(group: _Group, ends: Ends, start: int) -> NDArray[np.bool_]:
    """Say who was under way at `start`, or had converted or been seen again since they left."""
    under_way = (ends.start <= start) & (ends.decided_at > start)
    running = _first(group, ends, np.where(under_way, ends.start, FOREVER), 0) < FOREVER
    after = group.left_at
    converted = np.where(ends.outcome == CONVERTED, ends.decided_at, FOREVER)
    seen = [_first(group, ends, times, after) <= start for times in (converted, ends.within)]
    found: NDArray[np.bool_] = running | seen[0] | seen[1]
    return found


def _followed(group: _Group, since: _Since, until: int, *, is_seen: bool) -> dict[str, Any]:
    """Say what became of a group up to a moment, of those who had not come back before."""
    followed = ~since.before if is_seen else np.zeros_like(since.before)
    row: dict[str, Any] = {
        "group": group.name,
        "customers": len(group.customer),
        "unknown": group.unknown,
        "back_before": int(since.before.sum()),
        "followed": int(followed.sum()),
    }
    row |= _share("returned", (since.returned <= until)[followed], group.customer[followed])
    return row | _share("converted", (since.converted <= until)[followed], group.customer[followed])


def _first(
    group: _Group, ends: Ends, times: NDArray[np.int64], after: int | NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the first of the times of each customer's journeys that isn't before `after`."""
    first = np.full(len(group.customer), FOREVER, dtype=np.int64)
    own = np.flatnonzero((times < FOREVER) & np.isin(ends.customer, group.customer))
    place = np.searchsorted(group.customer, ends.customer[own])
    bound = np.broadcast_to(after, len(first))[place]
    late = times[own] >= bound
    np.minimum.at(first, place[late], times[own][late])
    return first


def _difference(name: str, one: dict[str, Any], other: dict[str, Any]) -> dict[str, float]:
    from cjmining.stats import newcombe

    found = newcombe(one[name], one["followed"], other[name], other["followed"])
    return {
        "share": one[f"{name}_share"],
        "other_share": other[f"{name}_share"],
        "difference": found.difference,
        "lower": found.lower,
        "upper": found.upper,
    }
