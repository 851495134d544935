"""The numbers of the curves of incidence: how likely an end is over time, and how many are still followed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cjmining.errors import LogError, nearest

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.dropout.incidence import Incidence


def incidence(
    ends: Incidence,
    *,
    stage: str,
    touchpoint: str | None = None,
    end: str | Sequence[str] = "dropped here",
    group: str | None = None,
) -> pd.DataFrame:
    """Return the curves of a stage or touchpoint as the picture shows them.

    Parameters
    ----------
    ends : Incidence
        What `cj.incidence` returned.
    stage : str
        One of the map's stages.
    touchpoint : str, optional
        One of the stage's, where `ends` is of touchpoints; then it is needed.
    end : str or sequence of str
        One of the ends in ``ends.curves``, or several that compete: then of one group.
    group : str, optional
        The group to set off; of several ends the one that is shown.

    Returns
    -------
    pandas.DataFrame
        One row a curve and time: by, end, time_s (since entering), probability with lower and upper (at this
        time alone), band_lower and band_upper (that hold the whole curve; NaN where there is no band),
        entered (journeys), still_followed (journeys observed to be under way at this time; NaN at times for
        which ``ends.hazard`` doesn't say).

    Raises
    ------
    LogError
        If there is no such stage, touchpoint, end or group.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(300, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> ends = cj.incidence(cj.check(shop.log.split(intended), intended))
    >>> table = cj.plot.data.incidence(ends, stage="Basket")
    >>> table.columns.tolist()[:4], bool(table["probability"].is_monotonic_increasing)
    (['by', 'end', 'time_s', 'probability'], True)
    """
    _expect_incidence(ends)
    wanted = [end] if isinstance(end, str) else list(end)
    chosen = _of_place(ends, ends.curves, stage, touchpoint)
    for each in wanted:
        _expect(each, chosen["end"], "end")
    groups = list(dict.fromkeys(chosen["by"].astype(str)))
    if group is not None:
        _expect(group, chosen["by"], "group")
    if len(wanted) > 1:
        if group is None and len(groups) > 1:
            raise LogError(f"several ends are shown of one group: pass group=, one of {', '.join(groups)}")
        chosen = chosen[chosen["by"].astype(str) == (group or groups[0])]
    rows = chosen[chosen["end"].astype(str).isin(wanted)]
    return _in_order(_with_followed(ends, rows, stage, touchpoint), wanted)


_COLUMNS = ["by", "end", "time_s", "probability", "lower", "upper", "band_lower", "band_upper", "entered"]


def _of_place(ends: Incidence, table: pd.DataFrame, stage: str, touchpoint: str | None) -> pd.DataFrame:
    if table.empty:
        raise LogError("there is nothing to draw: no journey counts for these probabilities")
    _expect(stage, table["stage"], "stage")
    chosen = table[table["stage"].astype(str) == stage]
    if ends.at == "touchpoint":
        _expect(touchpoint, chosen["touchpoint"], "touchpoint")
        return chosen[chosen["touchpoint"].astype(str) == touchpoint]
    if touchpoint is not None:
        raise LogError("these probabilities are of stages: call cj.incidence(check, at='touchpoint')")
    return chosen


def _with_followed(ends: Incidence, rows: pd.DataFrame, stage: str, touchpoint: str | None) -> pd.DataFrame:
    """Say at the beginnings of the bands of time how many are under way; that is the same for every end."""
    hazard = _of_place(ends, ends.hazard, stage, touchpoint) if len(ends.hazard) else ends.hazard
    known = hazard.drop_duplicates(["by", "from_s"])[["by", "from_s", "at_risk"]]
    known = known.rename(columns={"from_s": "time_s", "at_risk": "still_followed"})
    joined = rows[_COLUMNS].merge(
        known.astype({"still_followed": "float64"}), on=["by", "time_s"], how="left"
    )
    return joined.astype({"by": "str", "end": "str"})


def _in_order(table: pd.DataFrame, wanted: list[str]) -> pd.DataFrame:
    """Put curves of several ends in the order in which they are asked for; groups keep the result's."""
    if len(wanted) < 2:
        return table.reset_index(drop=True)
    place = table["end"].map({end: at for at, end in enumerate(wanted)})
    order = place.argsort(kind="stable")
    return table.iloc[order].reset_index(drop=True)


def _expect_incidence(ends: object) -> None:
    if not all(hasattr(ends, name) for name in ("curves", "hazard", "at")):
        raise LogError(
            f"cj.plot.incidence takes what cj.incidence(check) returned, not {type(ends).__name__}"
        )


def _expect(given: object, column: pd.Series[str], what: str) -> None:
    names = list(dict.fromkeys(column.astype(str)))
    if given not in names:
        hint = nearest(given, names) if isinstance(given, str) else ""
        there_are = f"{hint} There are" if hint else "; there are"
        raise LogError(f"there is no {what} {given!r}{there_are} {', '.join(names)}")
