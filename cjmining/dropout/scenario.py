"""The result of `what_if`, and what every scenario takes for granted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cjmining.results import Result

if TYPE_CHECKING:
    import pandas as pd

ASSUMPTIONS = (
    (
        "A scenario, not a forecast: what would have become of the journeys in the log had only this been"
        " otherwise."
    ),
    (
        "Whoever is kept goes on like those of the group who stayed at the same place. Had they been "
        "harder to win all along, less would be gained."
    ),
    (
        "Where a journey goes next depends on where it stands, on whether it has come back there and on "
        "its group, not on how it came."
    ),
    (
        "Nothing runs short and the change costs nothing: staff, stock and delivery serve those kept like"
        " all others."
    ),
    (
        "Who is kept doesn't come back for another attempt; new journeys begin as often as after those "
        "that ended alike within the observed time."
    ),
    "Each conversion gained is worth the group's mean net value of a conversion.",
)
PROMISE_ASSUMPTION = (
    "The promise is taken to be the cause of what followed on it: those for whom it was broken go on "
    "like those for whom it was kept. The data show an association; who waited long may differ in "
    "other ways."
)
SKIP_ASSUMPTION = (
    "Who would have reached what is passed over goes at once where those went who went on from it; "
    "who left there is taken to have left because of it."
)
PATIENCE_ASSUMPTION = (
    "Where the map's patience is never, silence is no leaving: journeys still open there are expected to go "
    "on as those did that have ended"
)


@dataclass(frozen=True, repr=False, eq=False)
class Scenario(Result):
    """What a change would have meant for the journeys in a log: a scenario, not a forecast.

    Made by `cj.what_if`. Limits are 95 %, from a bootstrap over customers.

    Attributes
    ----------
    by : str or None
        What the journeys are grouped by.
    scenario : pandas.DataFrame
        One row a group, and "all": by, journeys (begun in the observed time), converted (journeys that have
        reached the goal so far), open (journeys not ended when the data end), conversions (journeys expected
        to reach the goal in the long run, as it is: those so far and what is expected of the open),
        journeys_after (journeys begun with the change: who is kept doesn't come back for another attempt, and
        who converts may buy again), conversions_after (conversions in the long run with the change), gained
        (conversions_after less conversions) with limits lower and upper, gained_directly (conversions gained
        were the same journeys begun), share_converted (conversions of journeys), share_converted_after
        (conversions_after of journeys_after), gained_per_month (conversions gained per month of the observed
        time), value_gained (gained times the mean net value of a conversion) with limits value_gained_lower
        and value_gained_upper, value_gained_per_month (value_gained per month of the observed time), currency
        (the one with most conversions), goal_s (mean time from the begin of a journey to its goal, as it is),
        goal_after_s (mean time from the begin of a journey to its goal with the change).
    stages : pandas.DataFrame
        One row a group and stage: by, stage, entered (journeys expected to enter it in the long run, as it
        is), entered_after (journeys expected to enter it with the change, also by a touchpoint that they
        pass over), dropped (journeys expected to drop out there, as it is), dropped_after (journeys expected
        to drop out there with the change), turned_away (journeys expected to be turned away there, as it is),
        turned_away_after (journeys expected to be turned away there with the change).
    value_by_currency : pandas.DataFrame
        One row a group and currency: by, currency, journeys (begun in the observed time),
        value_per_conversion (mean net value of a conversion), value_gained (gained times that) with limits
        value_gained_lower and value_gained_upper.
    changes : pandas.DataFrame
        One row a change: change (in words), visits (stays at the place that it touches), journeys (with such
        a stay; where a promise is kept, those for whom it was broken), share_of_journeys (of all), left_as_is
        (of the visits, those from which nobody of the group went another way, so that there is nobody whom
        they could be like).
    assumptions : tuple of str
        What the scenario takes for granted.
    notes : tuple of str
        What a reader should know before trusting a number.
    replicates : int
        Of the bootstrap.
    """

    _tables: ClassVar[tuple[str, ...]] = ("scenario", "stages", "value_by_currency", "changes")  # type: ignore[misc]

    by: str | None
    scenario: pd.DataFrame
    stages: pd.DataFrame
    value_by_currency: pd.DataFrame
    changes: pd.DataFrame
    assumptions: tuple[str, ...]
    notes: tuple[str, ...]
    replicates: int

    def _summary(self) -> str:
        row = self.scenario.iloc[-1]
        value = row["value_gained"]
        worth = "" if math.isnan(value) else f", worth {value:,.0f} {row['currency']}".rstrip()
        currencies = self.value_by_currency.loc[self.value_by_currency["by"] == row["by"], "currency"]
        worth += "; other currencies in value_by_currency" if worth and len(currencies) > 1 else ""
        return (
            f"Scenario, not a forecast: {'; '.join(self.changes['change'])}. {row['gained']:,.0f} "
            f"conversions gained (95 %: {row['lower']:,.0f} to {row['upper']:,.0f}) beside "
            f"{row['conversions']:,.0f} of {row['journeys']:,} journeys{worth}"
        )

    def _told(self) -> tuple[str, ...]:
        return self.assumptions
