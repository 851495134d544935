"""Beside finance's figures: what a check counts a month, what they count, and what the difference may be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from cjmining.conformance.booked import LEAST, Context, Reason, Series, count, other_ways, way
from cjmining.conformance.controls import Control, Measure, month_name, read_controls, resolve
from cjmining.conformance.reconciliation import (
    AT_MOST,
    COUNTED,
    IF,
    NOT_COVERED,
    UNEXPLAINED,
    Reconciliation,
)
from cjmining.conformance.tables import frame
from cjmining.conformance.unobserved import Covered, at_most
from cjmining.errors import LogError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.conformance.reading import Reading
    from cjmining.conformance.result import Conformance

    Floats = NDArray[np.float64]

TOLERANCE = 0.01
ENOUGH = 0.5
"""Which share of what is left another way of counting must take away, over all months, to be believed."""


def reconcile(
    check: Conformance,
    controls: object,
    *,
    measures: Mapping[str, Any] | None = None,
    timezone: str = "UTC",
    tolerance: float = TOLERANCE,
) -> Reconciliation:
    """Hold a check beside figures of finance or a CRM; `Conformance.reconcile` says what is what."""
    reading = check._with_log("months to reconcile")
    zone = _zone(timezone)
    if not 0 <= tolerance < 1:
        raise LogError(f"tolerance is a share of the control from 0 to less than 1, not {tolerance!r}")
    figures = read_controls(controls)
    meanings = resolve(figures, measures, reading)
    context = Context(check, reading, timezone, zone)
    months: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for measure, currency in dict.fromkeys((each.measure, each.currency) for each in figures):
        mine = [each for each in figures if (each.measure, each.currency) == (measure, currency)]
        told = _reconcile_one(context, meanings[measure], currency, mine, tolerance)
        months += told[0]
        rows += told[1]
    return Reconciliation(
        timezone=timezone,
        tolerance=tolerance,
        months=frame(months, _MONTH_COLUMNS),
        explanations=frame(rows, _ROW_COLUMNS),
        notes=(*_notes(context, figures), *_never_counted(months)),
    )._made_from(check)


_KEY_COLUMNS = {"month": "text", "measure": "text", "currency": "text"}
_MONTH_COLUMNS = {
    **_KEY_COLUMNS,
    **dict.fromkeys(("control", "ours", "difference", "explained", "possible", "unexplained"), "float"),
    "verdict": "text",
}
_ROW_COLUMNS = {
    **_KEY_COLUMNS,
    "reason": "text",
    "basis": "text",
    "amount": "float",
    "up_to": "float",
    "detail": "text",
}


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise LogError(f"timezone is a name such as 'Europe/Berlin' or 'UTC', not {name!r}") from None


def _notes(context: Context, figures: Sequence[Control]) -> tuple[str, ...]:
    given = {each.month for each in figures}
    inside = range(min(given), max(given) + 1)
    missing = [month_name(month) for month in inside if month not in given]
    notes = [f"Months begin at midnight in {context.timezone}."]
    if missing:
        notes.append(f"The controls have no figure for {', '.join(missing)}.")
    if not len(context.reading.log.ledger):
        notes.append("The log has no ledger (it was made in memory): records that were left out are unknown.")
    return tuple(notes)


def _never_counted(months: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for measure in dict.fromkeys(row["measure"] for row in months):
        if not any(row["ours"] for row in months if row["measure"] == measure):
            yield f"Nothing in the log counts as {measure} in these months."


# One measure, month by month


def _reconcile_one(
    context: Context, measure: Measure, currency: str, controls: Sequence[Control], tolerance: float
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of `months` and of `explanations` for one measure and currency."""
    own = _currency(context.reading, currency, measure) if measure.is_value else ""
    counts = count(context, measure, own)
    series = Series(context, np.array([each.month for each in controls], dtype=np.int64))
    control = np.array([each.value for each in controls])
    ours = series.sums(counts.ours)
    covered = Covered.of(context, measure, series)
    found = []
    for counted in (False, True):
        settled = _Settled(control - ours, tolerance * np.abs(control), covered.days < 1)
        settled.take_counted([way(series, *each) for each in counts.ways], fits=counted)
        their = counts if counted else counts._replace(events=counts.ours)
        settled.take_ways(list(other_ways(context, measure, own, their, series)))
        found.append((settled, their))
    settled, their = min(found, key=lambda each: each[0].fit)
    settled.take_uncovered(covered)
    for reason, shared in at_most(context, measure, own, their, series):
        settled.take_at_most(reason, shared=shared)
    keys = [{"month": month_name(each.month), "measure": measure.name, "currency": own} for each in controls]
    months = [
        key
        | {"control": float(control[n]), "ours": float(ours[n]), "difference": float(settled.difference[n])}
        | settled.month(n)
        for n, key in enumerate(keys)
    ]
    return months, [key | row for n, key in enumerate(keys) for row in settled.rows(n)]


def _currency(reading: Reading, given: str, measure: Measure) -> str:
    if given:
        if given not in reading.currencies:
            known = ", ".join(reading.currencies) or "no currencies"
            raise LogError(f"controls have {measure.name} in {given!r}; the log has {known}")
        return given
    if len(reading.currencies) > 1:
        raise LogError(
            f"say in a column 'currency' what {measure.name} is in: the log has "
            f"{', '.join(reading.currencies)}, and amounts are not added up over currencies"
        )
    return next(iter(reading.currencies), "")


class _Settled:
    """A difference and what has been found of it so far."""

    def __init__(self, difference: Floats, slack: Floats, covered: NDArray[np.bool_]) -> None:
        self.difference = np.where(np.abs(difference) < LEAST, 0.0, difference)
        self._left = self.difference.copy()
        self._slack = np.maximum(slack, LEAST)
        self._covered = covered if covered.any() else ~covered
        self._found: list[tuple[Reason, Floats]] = []
        self._ways = 0

    @property
    def fit(self) -> tuple[float, int]:
        """Return how far the figures are apart, and how many ways of counting that took; less is better."""
        return round(self._distance(self._left), 6), self._ways

    def take_counted(self, reasons: list[Reason], *, fits: bool) -> None:
        """Take what the log knows for each month, where they count events and the check counts journeys."""
        for reason in reasons:
            self._take(reason, reason.up_to if fits else np.zeros(len(self._left)))

    def take_ways(self, reasons: list[Reason]) -> None:
        """Take other ways of counting, best first, while one takes away half of what all months have left."""
        waiting = list(reasons)
        while waiting:
            best = min(waiting, key=lambda reason: self._distance(self._left - reason.up_to))
            if self._distance(self._left - best.up_to) > ENOUGH * self._distance(self._left) or self._done():
                break
            waiting.remove(best)
            self._ways += 1
            self._take(best, best.up_to)
        for reason in waiting:
            self._take(reason, np.zeros(len(self._left)))

    def take_uncovered(self, covered: Covered) -> None:
        """Months that the log doesn't observe whole: what they lack is not for us to explain."""
        lacking = np.where((covered.days >= 1) & (self._left > self._slack), self._left, 0.0)
        unknown = np.where(covered.days >= 1, np.nan, 0.0)
        self._take(Reason("period not covered by the log", NOT_COVERED, unknown, covered.details), lacking)

    def take_at_most(self, reason: Reason, *, shared: bool) -> None:
        """Take what is left, up to what there may be; `shared`: that is one total for all months."""
        taken = np.zeros(len(self._left))
        remaining = float(np.nanmax(reason.up_to, initial=0.0))
        for n, most in enumerate(reason.up_to):
            possible = min(remaining, most) if shared else most
            if self._left[n] > self._slack[n] and possible > 0:
                taken[n] = min(possible, self._left[n])
                remaining -= taken[n]
        self._take(reason, taken)

    def month(self, n: int) -> dict[str, Any]:
        """Return what a row of `months` says of the difference."""
        by_basis = defaultdict[str, float](float)
        for reason, taken in self._found:
            by_basis[reason.basis] += float(taken[n])
        explained = by_basis[COUNTED]
        possible = by_basis[IF] + by_basis[AT_MOST] + by_basis[NOT_COVERED]
        return {
            "explained": explained,
            "possible": possible,
            "unexplained": _clean(float(self.difference[n]) - explained - possible),
            "verdict": self._verdict(n, explained, by_basis[NOT_COVERED]),
        }

    def rows(self, n: int) -> Iterator[dict[str, Any]]:
        """Yield the explanations of a month: what was found, then what was looked at, then the rest."""
        told = [(reason, float(taken[n])) for reason, taken in self._found]
        for reason, amount in sorted(told, key=lambda each: each[1] == 0):
            up_to = float(reason.up_to[n])
            if amount or up_to:
                yield {
                    "reason": reason.reason,
                    "basis": reason.basis,
                    "amount": amount,
                    "up_to": up_to,
                    "detail": reason.details[n],
                }
        rest = _clean(float(self.difference[n]) - sum(amount for _, amount in told))
        yield {"reason": UNEXPLAINED, "basis": "", "amount": rest, "up_to": np.nan, "detail": ""}

    def _verdict(self, n: int, explained: float, uncovered: float) -> str:
        difference, slack = self.difference[n], self._slack[n]
        if abs(difference) <= slack:
            return "agrees"
        if abs(difference - explained) <= slack:
            return "explained"
        if uncovered:
            return "not covered"
        return "may be explained" if abs(self._left[n]) <= slack else UNEXPLAINED

    def _take(self, reason: Reason, amounts: Floats) -> None:
        self._left = self._left - amounts
        self._found.append((reason, amounts))

    def _distance(self, left: Floats) -> float:
        """Return how far the figures are apart over all months."""
        return float(np.abs(self._ours_to_explain(left)).sum())

    def _done(self) -> bool:
        return bool((np.abs(self._ours_to_explain(self._left)) <= self._slack).all())

    def _ours_to_explain(self, left: Floats) -> Floats:
        """A month that the log doesn't observe whole may lack something; what it has too much of counts."""
        return np.where(self._covered, left, np.minimum(left, 0.0))


def _clean(rest: float) -> float:
    """Take what is left of rounding for nothing."""
    return 0.0 if abs(rest) < LEAST else rest
