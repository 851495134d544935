"""The numbers of the heat map: drop-out by group and stage, and which groups stand out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cjmining.asked import whole
from cjmining.plot.choose import ALL, expect_check
from cjmining.schema import BEFORE_THE_MAP, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.conformance import Conformance

FEWEST = 10
LARGEST_Q = 0.05
_NUMBERS = ("entered", "mature", "dropped_within_horizon", "drop_out_share", "lower", "upper")
_OF_STANDOUTS = ("rest_mature", "rest_share", "risk_ratio", "q", "stands_out")


def heat_map(check: Conformance, *, fewest: int = FEWEST) -> pd.DataFrame:
    """Return the drop-out of each group at each stage, as the heat map shows it.

    Parameters
    ----------
    check : Conformance
        What `cj.check` returned.
    fewest : int
        Of fewer journeys no share is told.

    Returns
    -------
    pandas.DataFrame
        One row a group and stage, everybody ("all") first, then the largest group, unknown ones last: by,
        journeys (of the group), stage, entered (journeys), mature (of those, entered at least horizon and
        patience before the data end), dropped_within_horizon (of the mature ones), drop_out_share
        (dropped_within_horizon / mature) with Wilson limits lower and upper, state ("told", "few" where
        mature is below `fewest`, "withheld" where the result doesn't say the numbers), rest_mature,
        rest_share, risk_ratio and q (against the other groups, as in ``check.standouts``; NaN for everybody),
        stands_out (as there), differs (q below 0.05).

    Raises
    ------
    LogError
        If `check` is not the result of a check, or `fewest` is no whole number of at least 1.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(300, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> check = cj.check(shop.log.split(intended), intended)
    >>> table = cj.plot.data.heat_map(check)
    >>> table["by"].unique().tolist(), table["stage"].tolist()[:3]
    (['all'], ['Awareness', 'Research', 'Basket'])
    """
    expect_check(check, "cj.plot.heat_map")
    fewest = whole("fewest", fewest)
    import pandas as pd

    against = _by_cell(check.standouts)
    known = _cells(check)
    journeys = _journeys(check)
    rows = [
        {"by": group, "journeys": journeys.get(group, float("nan"))}
        | _row(stage, known.get((group, stage), {}), against.get((group, stage), {}), fewest)
        for group in _groups(check, journeys)
        for stage in _stages(check, known, fewest)
    ]
    return pd.DataFrame(rows, columns=list(_TYPES)).astype(_TYPES)


_TYPES = {
    "by": "str",
    "journeys": "float64",
    "stage": "str",
    **dict.fromkeys(_NUMBERS, "float64"),
    "state": "str",
    **dict.fromkeys(_OF_STANDOUTS[:-1], "float64"),
    "stands_out": "bool",
    "differs": "bool",
}


def _by_cell(table: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    return {(str(row["by"]), str(row["stage"])): row for row in table.to_dict("records")}  # type: ignore[misc]


def _cells(check: Conformance) -> dict[tuple[str, str], dict[str, Any]]:
    everybody = check if check.overall is None else check.overall
    of_all = {(ALL, stage): row for (_, stage), row in _by_cell(everybody.stages).items()}
    return {**(_by_cell(check.stages) if check.by is not None else {}), **of_all}


def _journeys(check: Conformance) -> dict[str, float]:
    everybody = check if check.overall is None else check.overall
    groups = {str(row["by"]): row["journeys"] for row in check.outcomes.to_dict("records")}
    return {**groups, ALL: sum(_count(value) for value in everybody.outcomes["journeys"])}


def _groups(check: Conformance, journeys: dict[str, float]) -> list[str]:
    """Return everybody, then the groups by how many journeys they have; whose group is unknown comes last."""
    if check.by is None:
        return [ALL]
    groups = [str(group) for group in check.groups if str(group) != ALL]
    return [ALL, *sorted(groups, key=lambda group: (group == UNKNOWN, -_count(journeys.get(group))))]


def _count(value: object) -> float:
    return float(value) if isinstance(value, int | float) and value == value else 0.0


def _stages(check: Conformance, known: dict[tuple[str, str], dict[str, Any]], fewest: int) -> list[str]:
    """Return the stages of the map; journeys that never came onto it are a column where they are many."""
    before = _count(known.get((ALL, BEFORE_THE_MAP), {}).get("mature"))
    return [*([BEFORE_THE_MAP] if before >= fewest else []), *check.intended.stage_names]


def _row(stage: str, cell: dict[str, Any], against: dict[str, Any], fewest: int) -> dict[str, Any]:
    numbers = {name: cell.get(name, float("nan") if cell else 0.0) for name in _NUMBERS}
    if not cell:
        numbers |= dict.fromkeys(("drop_out_share", "lower", "upper"), float("nan"))
    state = _state(numbers["mature"], numbers["drop_out_share"], fewest)
    compared = {name: against.get(name, float("nan")) for name in _OF_STANDOUTS[:-1]}
    told = state == "told"
    return {
        "stage": stage,
        **numbers,
        "state": state,
        **compared,
        "stands_out": told and against.get("stands_out") is True,
        "differs": told and bool(compared["q"] < LARGEST_Q),
    }


def _state(mature: float, share: float, fewest: int) -> str:
    if mature != mature:
        return "withheld"
    if mature < fewest:
        return "few"
    return "told" if share == share else "withheld"
