"""What the maps of several personas side by side show: for each the same numbers, stage by stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cjmining.errors import LogError
from cjmining.plot.choose import ALL, Row, chosen, expect_check, rows
from cjmining.plot.words import days, known, name, promise
from cjmining.schema import BEFORE_THE_MAP

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.conformance import Conformance

MOST = 6
"""More maps than this are no longer read beside each other."""
USUAL = 5
FEWEST_MEASURED = 5
"""A promise that was measured less often is not called broken here, whatever its limits say."""
ENDS = ("converted", "dropped", "turned_away", "open")
_COUNTS = ("entered", "continued", *ENDS, "mature", "dropped_within_horizon", "satisfaction_answered")
_MEASURES = ("drop_out_share", "lower", "upper", "median_s", "satisfaction")


@dataclass(frozen=True)
class OneMap:
    """The map of one persona in small.

    Attributes
    ----------
    name : str
        The persona; "everybody" for a check without groups.
    outcomes : Row
        journeys, customers and how they ended.
    stages : tuple of Row
        As in the check, with `worst` (the largest drop-out), `stands_out` ("", "more" or "less" than the
        rest), `broken` (promises broken there, as rows of the check with `said`, those first that were
        missed by most, for how often they were measured), `few` (withheld).
    before : Row or None
        Journeys that began before the map.
    pain : Row or None
        The place where most leave.
    """

    name: str
    outcomes: Row
    stages: tuple[Row, ...]
    before: Row | None
    pain: Row | None


@dataclass(frozen=True)
class MapsView:
    """What is drawn: the maps, and the groups that are not."""

    title: str
    horizon: str
    stages: tuple[str, ...]
    owners: tuple[str, ...]
    maps: tuple[OneMap, ...]
    left_out: tuple[str, ...]


def journey_maps(check: Conformance, *, personas: Sequence[str] | None = None) -> pd.DataFrame:
    """Return what `cj.plot.journey_maps` draws: a row a persona and stage.

    Parameters
    ----------
    check : Conformance
        What `cj.check` returned.
    personas : sequence of str, optional
        Which of ``check.groups``, at most 6, in their order; default is up to five, those with most journeys.

    Returns
    -------
    pandas.DataFrame
        by (the persona), journeys (all of it), stage, entered = continued + converted + dropped + turned_away
        + open, share_entered (entered / journeys), mature, drop_out_share (of the mature ones, dropped
        within the horizon) with limits lower and upper, worst (whether no other stage loses a larger share),
        stands_out ("more" or "less" than the rest of the groups, or ""), satisfaction (mean of the answers)
        and satisfaction_answered, broken (promises broken there, in words, of those measured at least 5
        times).

    Raises
    ------
    LogError
        If `check` is not the result of a check, has no such persona, or too many are asked for.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(300, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> log = shop.log.split(intended).with_personas(intended)
    >>> check = cj.check(log, intended, by="persona")
    >>> table = cj.plot.data.journey_maps(check, personas=["Gen Z", "Silver"])
    >>> table["by"].unique().tolist()
    ['Gen Z', 'Silver']
    """
    import pandas as pd

    view = maps_view(check, personas, "cj.plot.data.journey_maps")
    told = [_told(each, row) for each in view.maps for row in each.stages]
    return pd.DataFrame(told, columns=list(_TYPES)).astype(_TYPES)


_TYPES = {
    "by": "str",
    "journeys": "int64",
    "stage": "str",
    **dict.fromkeys(("entered", "continued", *ENDS), "int64"),
    "share_entered": "float64",
    "mature": "int64",
    "drop_out_share": "float64",
    "lower": "float64",
    "upper": "float64",
    "worst": "bool",
    "stands_out": "str",
    "satisfaction": "float64",
    "satisfaction_answered": "int64",
    "broken": "str",
}


def _told(each: OneMap, row: Row) -> dict[str, Any]:
    journeys = int(each.outcomes["journeys"])
    return {
        **{column: row[column] for column in _TYPES if column in row and column != "broken"},
        "by": each.name,
        "journeys": journeys,
        "share_entered": row["entered"] / journeys if journeys else float("nan"),
        "broken": "; ".join(promise["said"] for promise in row["broken"]),
    }


def maps_view(check: Conformance, personas: Sequence[str] | None, verb: str) -> MapsView:
    """Return what the picture and its table show; `verb` is what was called."""
    expect_check(check, verb)
    groups = _chosen(check, personas)
    intended = check.intended
    return MapsView(
        title=intended.name,
        horizon=days(intended.horizon.total_seconds()),
        stages=intended.stage_names,
        owners=tuple(stage.owner or "" for stage in intended.stages),
        maps=tuple(_one(check, group) for group in groups),
        left_out=tuple(str(group) for group in check.groups if group not in groups),
    )


def _chosen(check: Conformance, personas: Sequence[str] | None) -> list[str]:
    if personas is None:
        sizes = {str(row["by"]): int(row["journeys"]) for row in check.outcomes.to_dict("records")}
        order = sorted(map(str, check.groups), key=lambda group: -sizes.get(group, 0))[:USUAL]
        return [str(group) for group in check.groups if group in order]
    if isinstance(personas, str):
        raise LogError(f"personas is a sequence of names: write [{personas!r}], not {personas!r}")
    asked = list(dict.fromkeys(str(persona) for persona in personas))
    if not asked or len(asked) > MOST:
        raise LogError(f"{len(asked)} maps were asked for; side by side there are 1 to {MOST}")
    for persona in asked:
        chosen(check, persona)
    return asked


def _one(check: Conformance, group: str) -> OneMap:
    told = {str(row["stage"]): row for row in rows(check.stages, group)}
    standing = {
        str(row["stage"]): "more" if row["risk_ratio"] > 1 else "less"
        for row in (rows(check.standouts, group) if hasattr(check, "standouts") else [])
        if row["stands_out"]
    }
    broken = [
        row
        for row in rows(check.expectations, group)
        if row["verdict"] == "broken" and known(row["measured"]) and row["measured"] >= FEWEST_MEASURED
    ]
    broken.sort(key=lambda row: -(row["target"] - row["share_kept"]) * row["measured"] ** 0.5)
    stages = [_stage(told.get(stage, {}), stage) for stage in check.intended.stage_names]
    worst = max((row["drop_out_share"] for row in stages if row["dropped"]), default=None)
    for row in stages:
        row["worst"] = bool(row["dropped"]) and row["drop_out_share"] == worst
        row["stands_out"] = standing.get(row["stage"], "")
        row["broken"] = [
            {**each, "said": _promised(each)} for each in broken if each["stage"] == row["stage"]
        ]
    outcomes = rows(check.outcomes, group) or [dict.fromkeys(("journeys", "customers", *ENDS), 0)]
    leaving = [row for row in rows(check.dropouts, group) if known(row["journeys"]) and row["journeys"]]
    return OneMap(
        name="everybody" if group == ALL and check.by is None else group,
        outcomes=outcomes[0],
        stages=tuple(stages),
        before=told.get(BEFORE_THE_MAP),
        pain=max(leaving, key=lambda row: float(row["journeys"]), default=None),
    )


def _promised(row: Row) -> str:
    """Say a promise in the words of the journey map."""
    said = promise(str(row["measure"]), row["at_least"], row["at_most"], str(row["after"] or ""))
    return f"{name(row['touchpoint'])}: {said}" if row["touchpoint"] else said


def _stage(row: Row, stage: str) -> Row:
    """Return a stage's row with what is unknown or withheld as 0 and NaN."""
    counts = {key: int(row[key]) if key in row and known(row[key]) else 0 for key in _COUNTS}
    measures = {key: float(row[key]) if key in row and known(row[key]) else float("nan") for key in _MEASURES}
    few = "entered" in row and not known(row["entered"])
    return {"stage": stage, "few": few, **counts, **measures}
