"""From counts over codes to the tables of a check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from cjmining.schema import BEFORE_THE_MAP
from cjmining.stats import wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.conformance.finding import StageTimes
    from cjmining.conformance.plan import Plan
    from cjmining.conformance.reading import Reading
    from cjmining.kernels.stages import StageSums

SECOND_US = 1_000_000
EVERYBODY = ("all",)
"""The one group where journeys aren't grouped."""


class Counted(NamedTuple):
    """Sums of a pass with the names of what was counted; groups without a journey are left out."""

    plan: Plan
    groups: dict[int, str]
    sums: StageSums
    channels: tuple[str, ...]
    currencies: tuple[str, ...]

    @classmethod
    def of(cls, reading: Reading, sums: StageSums, names: Sequence[str]) -> Counted:
        """Name the groups that have journeys."""
        counted = sums.outcomes.sum(axis=1)
        groups = {number: name for number, name in enumerate(names) if counted[number]}
        return cls(reading.plan, groups, sums, reading.channels, reading.currencies)

    @property
    def stage_names(self) -> tuple[str, ...]:
        """The rows of stages: before the map, then the map's."""
        return (BEFORE_THE_MAP, *self.plan.intended.stage_names)

    def place(self, number: int) -> tuple[str, str]:
        """Return stage and touchpoint of a place: 0 is before the map, 1 + k cell k."""
        if number == 0:
            return BEFORE_THE_MAP, ""
        cell = number - 1
        return (
            self.plan.intended.stage_names[self.plan.cells.stage[cell]],
            self.plan.labels[self.plan.cells.touchpoint[cell]],
        )


def frame(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    """Build a table whose columns have their types also where it is empty.

    Parameters
    ----------
    rows : iterable of mapping
        One mapping a row.
    columns : mapping
        Name and type of each column: text, int, float or bool.
    """
    listed = list(rows)
    return pd.DataFrame(
        {
            name: pd.Series([row[name] for row in listed], dtype=_DTYPES[kind])
            for name, kind in columns.items()
        }
    )


_DTYPES: Mapping[str, Any] = {
    "text": pd.Series(["text"]).dtype,
    "int": np.int64,
    "float": np.float64,
    "bool": np.bool_,
}


def outcomes(counted: Counted) -> pd.DataFrame:
    """Return how many journeys of each group ended how."""
    sums = counted.sums
    rows = (
        {
            "by": name,
            "journeys": int(sums.outcomes[g].sum()),
            "converted": int(sums.outcomes[g, 0]),
            "dropped": int(sums.outcomes[g, 1]),
            "turned_away": int(sums.outcomes[g, 2]),
            "open": int(sums.outcomes[g, 3]),
            "customers": int(sums.customers[g]),
        }
        for g, name in counted.groups.items()
    )
    names = ("journeys", "converted", "dropped", "turned_away", "open", "customers")
    return frame(rows, {"by": "text"} | dict.fromkeys(names, "int"))


def stages(
    counted: Counted,
    *,
    times: StageTimes | None = None,
    limits: Callable[[int, int], tuple[float, float]] | None = None,
) -> pd.DataFrame:
    """Return what became of the journeys that entered each stage, with drop-out within the horizon.

    Without `times` medians are NaN. `limits` gives those of the mean answer for a group and a stage; without
    it the table has none.
    """
    medians = {} if times is None else times.medians()
    rows = (
        _stage_row(counted, g, row, medians)
        for g in counted.groups
        for row in range(len(counted.stage_names))
        if row or counted.sums.counts[g, 0, 0]
    )
    table = frame(rows, _STAGE_COLUMNS)
    return table if limits is None else _with_limits(table, counted, limits)


def _with_limits(
    table: pd.DataFrame, counted: Counted, limits: Callable[[int, int], tuple[float, float]]
) -> pd.DataFrame:
    """Put the limits of the mean answer behind it; none are given before the map."""
    numbers = {name: number for number, name in counted.groups.items()}
    stages = {name: number for number, name in enumerate(counted.plan.intended.stage_names)}
    known = [
        limits(numbers[by], stages[stage]) if stage in stages else (np.nan, np.nan)
        for by, stage in zip(table["by"].astype(str), table["stage"].astype(str), strict=True)
    ]
    both = np.array(known, dtype=float).reshape(-1, 2)
    at = list(table.columns).index("satisfaction") + 1
    table.insert(at, "satisfaction_lower", both[:, 0])
    table.insert(at + 1, "satisfaction_upper", both[:, 1])
    return table


_STAGE_COLUMNS = {
    "by": "text",
    "stage": "text",
    **dict.fromkeys(
        (
            "entered",
            "continued",
            "converted",
            "dropped",
            "turned_away",
            "open",
            "mature",
            "dropped_within_horizon",
        ),
        "int",
    ),
    "drop_out_share": "float",
    "lower": "float",
    "upper": "float",
    "median_s": "float",
    "satisfaction": "float",
    "satisfaction_answered": "int",
    "began": "int",
    "after_goal": "int",
}


def _stage_row(counted: Counted, g: int, row: int, medians: Mapping[int, float]) -> dict[str, Any]:
    sums = counted.sums
    entered, continued, converted, dropped, turned_away, still_open, mature, soon = (
        int(number) for number in sums.counts[g, row]
    )
    began, after_goal = (int(number) for number in sums.arrivals[g, row])
    share, lower, upper = wilson(soon, mature)
    return {
        "by": counted.groups[g],
        "stage": counted.stage_names[row],
        "entered": entered,
        "continued": continued,
        "converted": converted,
        "dropped": dropped,
        "turned_away": turned_away,
        "open": still_open,
        "mature": mature,
        "dropped_within_horizon": soon,
        "drop_out_share": share,
        "lower": lower,
        "upper": upper,
        "median_s": medians.get(g * len(counted.stage_names) + row, np.nan) / SECOND_US,
        "satisfaction": _mean(sums.satisfaction[g, row], sums.answered[g, row]),
        "satisfaction_answered": int(sums.answered[g, row]),
        "began": began,
        "after_goal": after_goal,
    }


def touchpoints(counted: Counted) -> pd.DataFrame:
    """Return how often each planned touchpoint occurred, by channel, up to the end of journeys."""
    sums = counted.sums
    rows = [
        {
            "by": counted.groups[g],
            "stage": counted.place(1 + k)[0],
            "touchpoint": counted.place(1 + k)[1],
            "channel": (*counted.channels, "")[c],
            "events": int(sums.cell_events[g, k, c]),
            "journeys": int(sums.cell_journeys[g, k, c]),
            "satisfaction": _mean(sums.cell_satisfaction[g, k, c], sums.cell_answered[g, k, c]),
            "satisfaction_answered": int(sums.cell_answered[g, k, c]),
            "failed": int(sums.cell_failed[g, k, c]),
        }
        for g in counted.groups
        for k in _cells_in_written_order(counted.plan)
        for c in np.flatnonzero(sums.cell_events[g, k])
    ]
    columns = {"by": "text", "stage": "text", "touchpoint": "text", "channel": "text", "events": "int"}
    columns |= {"journeys": "int", "satisfaction": "float", "satisfaction_answered": "int", "failed": "int"}
    return frame(rows, columns)


def _cells_in_written_order(plan: Plan) -> list[int]:
    """Return the cells by stage, then as the stage lists its touchpoints; what only variants have follows."""
    written: dict[tuple[int, str], int] = {}
    for variant in plan.intended.variants:
        for number, stage in enumerate(variant.stages):
            for touchpoint in stage.touchpoints:
                written.setdefault((number, touchpoint.touchpoint), len(written))

    def place(cell: int) -> tuple[int, int]:
        stage = int(plan.cells.stage[cell])
        return stage, written[stage, plan.labels[plan.cells.touchpoint[cell]]]

    return sorted(range(len(plan.cells.stage)), key=place)


def flows(counted: Counted) -> pd.DataFrame:
    """Return how often journeys moved from one stage to another."""
    names, sums = counted.plan.intended.stage_names, counted.sums
    rows = (
        {
            "by": name,
            "from_stage": names[a],
            "to_stage": names[b],
            "journeys": int(sums.crossing_journeys[g, a, b]),
            "crossings": int(sums.crossings[g, a, b]),
            "crossings_after_goal": int(sums.later_crossings[g, a, b]),
            "journeys_before_goal": int(sums.crossing_journeys[g, a, b] - sums.only_later[g, a, b]),
            "journeys_after_goal": int(sums.later_journeys[g, a, b]),
        }
        for g, name in counted.groups.items()
        for a, b in zip(*np.nonzero(sums.crossings[g]), strict=True)
    )
    counts = ("journeys", "crossings", "crossings_after_goal", "journeys_before_goal", "journeys_after_goal")
    return frame(rows, dict.fromkeys(("by", "from_stage", "to_stage"), "text") | dict.fromkeys(counts, "int"))


def category(codes: NDArray[Any], names: Sequence[str]) -> pd.Categorical:
    """Return texts as categories in the order given."""
    dtype = pd.CategoricalDtype(pd.Index(list(names), dtype=_DTYPES["text"]))
    return pd.Categorical.from_codes(codes, dtype=dtype)


def _mean(total: float, n: int) -> float:
    return float(total) / int(n) if n else np.nan
