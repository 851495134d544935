"""The two sides of a difference: whose journeys they are, and who is on both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cjmining.conformance.difference_units import watch
from cjmining.conformance.result import Conformance
from cjmining.errors import LogError, nearest, shorten
from cjmining.intended.words import duration_in_words
from cjmining.schema import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.conformance.difference_units import Counts, Watched
    from cjmining.log import JourneyLog

OTHERS = "the others"

_COUNTED = ("entered", "continued", "converted", "dropped", "turned_away", "open")


@dataclass(frozen=True)
class Side:
    """One of two sets of journeys.

    Attributes
    ----------
    name : str
        What it is called.
    check : Conformance
        What it was taken from.
    groups : tuple of str
        Its groups in the check.
    keep : bool[J]
        Which journeys of the check's log it has.
    cluster : int64[J]
        Whose each journey is; the same number is the same customer on both sides.
    watched : Watched
        What the journeys of the log did.
    """

    name: str
    check: Conformance
    groups: tuple[str, ...]
    keep: NDArray[np.bool_]
    cluster: NDArray[np.int64]
    watched: Watched

    def counts(self, table: str) -> Counts:
        """Return units and hits of the side's journeys."""
        found = self.watched.tables[table]
        unit, hit = self.keep[found.unit_journey], self.keep[found.hit_journey]
        return found._replace(
            unit_journey=found.unit_journey[unit],
            unit_scope=found.unit_scope[unit],
            hit_journey=found.hit_journey[hit],
            hit_cell=found.hit_cell[hit],
            hit_value=found.hit_value[hit],
        )

    def outcomes(self) -> dict[str, int]:
        """Return how many journeys it has, and how many ended how."""
        own = self.check.outcomes[self.check.outcomes["by"].isin(self.groups)]
        return {str(name): int(own[name].sum()) for name in own.columns if name != "by"}

    def stages(self) -> dict[str, dict[str, Any]]:
        """Return what became of the journeys that entered each stage, and their median time there."""
        own = self.check.stages[self.check.stages["by"].isin(self.groups)]
        counts = own.groupby("stage", sort=False)[list(_COUNTED)].sum()
        found: dict[str, dict[str, Any]] = {
            str(stage): dict(zip(_COUNTED, map(int, row), strict=True))
            for stage, row in zip(counts.index, counts.to_numpy(), strict=True)
        }
        times, names = self.watched.times, self.check.intended.stage_names
        mine = self.keep[times.journey]
        for number, stage in enumerate(names):
            took = times.took_s[mine & (times.stage == number)]
            found.setdefault(stage, dict.fromkeys(_COUNTED, 0))["median_s"] = (
                float(np.median(took)) if len(took) else np.nan
            )
        return found

    def customers_at(self, stage: str) -> int:
        """Return how many customers entered a stage."""
        entered = self.watched.entered.get(stage, np.zeros(0, np.int64))
        return len(np.unique(self.cluster[entered[self.keep[entered]]]))


def sides_of(
    check: Conformance,
    other: Conformance | str,
    group: str | None,
    names: tuple[str, str] | None,
) -> tuple[Side, Side]:
    """Return the two sides that a caller asks for.

    Raises
    ------
    LogError
        If they can't be compared.
    """
    if not isinstance(check, Conformance):
        raise LogError(f"difference takes what cj.check made first, not {type(check).__name__}")
    if isinstance(other, str):
        return _of_groups(check, other, group, names)
    if not isinstance(other, Conformance):
        raise LogError(
            "difference takes a group of the check or another check second, such as cj.difference(check, "
            f"'Gen Z', 'Families') or cj.difference(earlier, later), not {type(other).__name__}"
        )
    return _of_checks(check, other, group, names)


def _of_groups(
    check: Conformance, first: str, second: str | None, names: tuple[str, str] | None
) -> tuple[Side, Side]:
    _expect_group(check, first)
    if second is None:
        others = tuple(name for name in check.groups if name not in (first, UNKNOWN))
        if not others:
            raise LogError(f"there is no group but {first!r} to hold it against")
    else:
        _expect_group(check, second)
        if first == second:
            raise LogError(f"{first!r} is compared with itself; name another, or none for all others")
        others = (second,)
    reading = check._with_log("difference")
    watched, called = watch(reading), names or (first, OTHERS if second is None else second)
    by = check.journeys["by"]
    cluster = reading.customer.astype(np.int64)
    first_side, second_side = (
        Side(name, check, groups, by.isin(groups).to_numpy(), cluster, watched)
        for name, groups in zip(called, ((first,), others), strict=True)
    )
    return first_side, second_side


def _expect_group(check: Conformance, name: str) -> None:
    if check.by is None:
        raise LogError(
            f"the check has no groups, so none is {name!r}: make it with by=, such as "
            "cj.check(log, intended, by='persona'); or compare two checks"
        )
    if name not in check.groups:
        raise LogError(
            f"there is no group {name!r}{nearest(name, check.groups)}; by {check.by} there are "
            f"{shorten(check.groups)}"
        )


def _of_checks(
    first: Conformance, second: Conformance, group: str | None, names: tuple[str, str] | None
) -> tuple[Side, Side]:
    if first is second:
        raise LogError("a check is compared with itself; give two checks, or two groups of one")
    for check in (first, second) if group is not None else ():
        _expect_group(check, group or "")
    _expect_alike(first, second)
    readings = [check._with_log("difference") for check in (first, second)]
    clusters = _clusters(readings[0].log, readings[1].log)
    called = names or _called(first, second, group)
    found = []
    for name, check, reading, cluster in zip(called, (first, second), readings, clusters, strict=True):
        own = check if group is not None else check.overall
        keep = np.ones(reading.log.n_journeys, np.bool_)
        if group is not None:
            keep = (check.journeys["by"] == group).to_numpy()
        groups = (group,) if group is not None else own.groups
        found.append(Side(name, own, groups, keep, cluster, watch(reading)))
    return found[0], found[1]


def _expect_alike(first: Conformance, second: Conformance) -> None:
    """Raise where a stage or the horizon of one map is none of the other's."""
    a, b = first.intended, second.intended
    if a.stage_names != b.stage_names:
        only = [
            f"only {'the first' if mine is a else 'the second'} has {shorten(map(repr, missing), 5)}"
            for mine, other in ((a, b), (b, a))
            if (missing := [name for name in mine.stage_names if name not in other.stage_names])
        ]
        raise LogError(
            "the maps of the two checks have different stages, so that they can't be compared: "
            f"{'; '.join(only) or 'they come in another order'}. Check both logs against one map"
        )
    if a.horizon != b.horizon:
        raise LogError(
            f"one map states drop-out within {duration_in_words(a.horizon)}, the other within "
            f"{duration_in_words(b.horizon)}: give both the same horizon"
        )


def _called(first: Conformance, second: Conformance, group: str | None) -> tuple[str, str]:
    """Name two checks by the days on which their journeys began, if these tell them apart."""
    days = []
    for check in (first, second):
        start = check.journeys["start"]
        days.append(_period(start) if len(start) else "no journeys")
    apart = days[0] != days[1]
    called = days if apart else ["the first", "the second"]
    return (called[0], called[1]) if group is None else (f"{group}, {called[0]}", f"{group}, {called[1]}")


def _period(start: pd.Series[pd.Timestamp]) -> str:
    """Name the days from the first to the last, the year once where it is the same."""
    first, last = start.min(), start.max()
    year = "" if first.year == last.year else f" {first.year}"
    return f"{first.day} {first:%B}{year} to {last.day} {last:%B} {last.year}"


# who is on both sides -------------------------------------------------------------------------------------


def _clusters(first: JourneyLog, second: JourneyLog) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return whose each journey is; customers of the second log who are none of the first get new numbers."""
    mine, theirs = (log.journey_customer.astype(np.int64) for log in (first, second))
    if are_of_one_log(first, second):
        return mine, theirs
    top = int(max(mine.max(initial=-1), theirs.max(initial=-1))) + 1
    known = _shared_identities(first, second)
    customers, place = np.unique(theirs, return_inverse=True)
    numbers = np.array([known.get(each, each + top) for each in customers.tolist()], np.int64)
    return mine, numbers[place] if len(numbers) else theirs


def are_of_one_log(first: JourneyLog, second: JourneyLog) -> bool:
    """Say whether customers have the same numbers in both, as in logs made of one."""
    if first is second or (first._identities is second._identities and first._ledger is second._ledger):
        return True
    return bool(
        first._ledger.equals(second._ledger)
        and first._identities.equals(second._identities)
        and first._customers.column("customer").equals(second._customers.column("customer"))
    )


def _shared_identities(first: JourneyLog, second: JourneyLog) -> dict[int, int]:
    """Return for customers of the second log who they are in the first, by an identifier both have."""
    if not len(first._identities) or not len(second._identities):
        return {}
    both = second.identities.merge(first.identities, on=["kind", "value"], suffixes=("_second", "_first"))
    pairs = both.groupby("customer_second")["customer_first"].min()
    return dict(zip(pairs.index.tolist(), pairs.tolist(), strict=True))


def notes_on(first: Side, second: Side) -> Iterator[str]:
    """Say what a reader should know of who is compared."""
    shared = len(np.intersect1d(first.cluster[first.keep], second.cluster[second.keep]))
    if shared:
        yield (
            f"{shared:,} customers have journeys on both sides; limits and p count each as one customer, "
            "whose journeys may resemble each other."
        )
    if first.check._reading is not second.check._reading:
        yield from _on_two_logs(first, second)
    if OTHERS in (first.name, second.name) and UNKNOWN in first.check.groups:
        left_out = int((first.check.journeys["by"] == UNKNOWN).sum())
        yield f"The others are without the {left_out:,} journeys whose group is unknown."
    for side in (first, second):
        if not (side.watched.mature & side.keep).any():
            yield (
                f"No journey of {side.name} began at least the horizon and the map's longest patience before "
                "the data ended: outcomes, stages reached, touchpoints and deviations can't be compared."
            )


def _on_two_logs(first: Side, second: Side) -> Iterator[str]:
    logs: Sequence[JourneyLog] = [side.check._with_log("difference").log for side in (first, second)]
    with_identities = all(len(log._identities) for log in logs)
    if not are_of_one_log(logs[0], logs[1]) and not with_identities:
        yield (
            "The two logs don't tell which of their customers are the same: all were taken for different "
            "people, so that limits are too narrow if many are in both."
        )
    a, b = first.check.intended, second.check.intended
    if any(x.patience_us != y.patience_us for x, y in zip(a.stages, b.stages, strict=True)):
        yield "The maps have different patience, so that silence counts as leaving sooner on one side."
    if (a.goal, a.exits) != (b.goal, b.exits):
        yield "The maps have different goals or exits: outcomes mean different things on the two sides."
