"""Where journeys were dropped, whose turn it was, and what that puts at risk."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjmining.conformance.journeys import TURNS
from cjmining.conformance.tables import frame
from cjmining.stats import Z95

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.conformance.tables import Counted


class Worth(NamedTuple):
    """The mean net value of a group's conversions in one currency, and the variance of that mean."""

    currency: str
    conversions: int
    mean: float
    variance: float


def dropouts(counted: Counted, *, by: str | None) -> pd.DataFrame:
    """Return the drop-outs by place and turn, each with its value at risk in the leading currency.

    The value at risk is *drop-outs x share x value*: the share of the mature journeys that reached the same
    place and went on from it which converted, and the mean net value of the group's conversions. Its limits
    (95 %) come from the delta method with share and value as independent estimates; the number of drop-outs
    is taken as it is. It says what was lost if those who left had gone on like those who stayed.
    """
    rows = [_with_leading(row, worths) for row, worths in _rows(counted, by)]
    return frame(rows, _COLUMNS)


def value_by_currency(counted: Counted, *, by: str | None) -> pd.DataFrame:
    """Return the value at risk of each drop-out row in every currency of the group's conversions."""
    rows = [row | _at_risk(row, worth) for row, worths in _rows(counted, by) for worth in worths]
    return frame(rows, _COLUMNS)


_COLUMNS = {
    "by": "text",
    "stage": "text",
    "touchpoint": "text",
    "turn": "text",
    "journeys": "int",
    "share_of_dropped": "float",
    "value_at_risk": "float",
    "value_at_risk_lower": "float",
    "value_at_risk_upper": "float",
    "currency": "text",
}


def _rows(counted: Counted, by: str | None) -> Iterator[tuple[dict[str, Any], list[Worth]]]:
    """Yield the rows without a value, most drop-outs first, and what conversions are worth there."""
    sums = counted.sums
    for g, name in counted.groups.items():
        worths = _worths(counted, g, by)
        total = int(sums.dropouts[g].sum())
        cells = [(int(k), int(t)) for k, t in zip(*np.nonzero(sums.dropouts[g]), strict=True)]
        for k, turn in sorted(cells, key=lambda cell: (-sums.dropouts[g][cell], cell)):
            stage, touchpoint = counted.place(k)
            journeys = int(sums.dropouts[g, k, turn])
            went_on, converted = (int(n) for n in sums.places[g, k])
            row = {
                "by": name,
                "stage": stage,
                "touchpoint": touchpoint,
                "turn": TURNS[turn],
                "journeys": journeys,
                "share_of_dropped": journeys / total,
                "went_on": went_on,
                "went_on_converted": converted,
            }
            yield row, worths


def _with_leading(row: dict[str, Any], worths: list[Worth]) -> dict[str, Any]:
    """Add the value at risk in the currency with most conversions."""
    unknown = Worth("", 0, math.nan, math.nan)
    leading = max(worths, key=lambda worth: worth.conversions, default=unknown)
    return row | _at_risk(row, leading)


def _at_risk(row: dict[str, Any], worth: Worth) -> dict[str, Any]:
    n, went_on = row["journeys"], row["went_on"]
    if not went_on or math.isnan(worth.mean):
        return {
            "value_at_risk": math.nan,
            "value_at_risk_lower": math.nan,
            "value_at_risk_upper": math.nan,
            "currency": worth.currency,
        }
    share = row["went_on_converted"] / went_on
    value = n * share * worth.mean
    variance = worth.mean**2 * share * (1 - share) / went_on + share**2 * worth.variance
    half = Z95 * n * math.sqrt(variance)
    lower = max(0.0, value - half) if value >= 0 else value - half
    return {
        "value_at_risk": value,
        "value_at_risk_lower": lower,
        "value_at_risk_upper": value + half,
        "currency": worth.currency,
    }


def _worths(counted: Counted, g: int, by: str | None) -> list[Worth]:
    """Return what a conversion of the group is worth: as the map says of the persona, else as observed.

    A conversion without a value in a currency counts as 0 in it, so that currencies add up; one without any
    value doesn't count.
    """
    sums = counted.sums
    names = (*counted.currencies, "")
    conversions = int(sums.conversions[g])
    observed = []
    for u in np.flatnonzero(sums.valued[g]):
        mean = float(sums.value[g, u]) / conversions
        spread = max(0.0, float(sums.value_squared[g, u]) - conversions * mean**2)
        variance = spread / max(conversions - 1, 1) / conversions
        observed.append(Worth(names[u], int(sums.valued[g, u]), mean, variance))
    stated = _stated_value(counted, g, by)
    if stated is None:
        return observed
    leading = max(observed, key=lambda worth: worth.conversions, default=None)
    return [Worth(leading.currency if leading else "", conversions, stated, 0.0)]


def _stated_value(counted: Counted, g: int, by: str | None) -> float | None:
    if by != "persona":
        return None
    values = {persona.persona: persona.value for persona in counted.plan.intended.personas}
    return values.get(counted.groups[g])
