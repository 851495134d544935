"""The numbers of the variant explorer: the most frequent ways of a group, and all others together."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from cjmining.asked import whole
from cjmining.errors import LogError, nearest
from cjmining.schema import OUTCOMES

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.discovery.variants.variants import Variants

NUMBER = 8
OTHERS: Final = "(others)"
ENDS: Final = tuple(outcome.replace(" ", "_") for outcome in OUTCOMES)


def variants(
    found: Variants, *, group: str | None = None, number: int = NUMBER, smallest: int = 2
) -> pd.DataFrame:
    """Return the most frequent variants of a group and all others together, as the picture shows them.

    Parameters
    ----------
    found : Variants
        What `cj.variants` returned.
    group : str, optional
        One of ``found.groups``; needed where there are several.
    number : int
        How many variants are shown, at most.
    smallest : int
        Variants of fewer customers are among the others: what one customer did is no way that journeys take.

    Returns
    -------
    pandas.DataFrame
        One row a variant, the most frequent first, last all others together: by, rank (0 of the others),
        variant (as in ``found.variants``; "(others)"), variants (how many the row stands for), journeys,
        share_of_journeys (of the group's), group_journeys (that these are a share of), largest (journeys of
        the most frequent variant that the row stands for), chevrons (tuple of (touchpoint, channel, times):
        its steps, the same one at once again counted in times), median_s (of the seconds from the first to
        the last step), converted, dropped, turned_away, open (journeys; NaN where the log isn't tagged with
        outcomes).

    Raises
    ------
    LogError
        If `found` is no result of `cj.variants`, there is no such group, or a number is none.

    Examples
    --------
    >>> import cjmining as cj
    >>> found = cj.variants(cj.simulate.shop(200, seed=1).log, level="touchpoint@channel")
    >>> table = cj.plot.data.variants(found, number=3)
    >>> table["rank"].tolist(), round(float(table["share_of_journeys"].sum()), 9)
    ([1, 2, 3, 0], 1.0)
    >>> table["chevrons"][0]
    (('product_viewed', 'web', 1),)
    """
    import pandas as pd

    by = expect_variants(found, group)
    number, smallest = whole("number", number), whole("smallest", smallest)
    totals: list[dict[str, Any]] = found.totals.to_dict("records")  # type: ignore[assignment]
    total = next((row for row in totals if str(row["by"]) == by), {"variants": 0, "journeys": 0})
    told, largest = _told(found, by, number, smallest)
    rows = [
        {**row, "variants": 1, "group_journeys": total["journeys"], "largest": row["journeys"]}
        for row in told
    ]
    if total["variants"] > len(rows):
        rows.append(_others(by, total, rows, largest))
    return pd.DataFrame(rows, columns=list(_TYPES)).astype(_TYPES)


_TYPES = {
    "by": "str",
    "rank": "int64",
    "variant": "str",
    "variants": "int64",
    "journeys": "int64",
    "share_of_journeys": "float64",
    "group_journeys": "int64",
    "largest": "int64",
    "chevrons": "object",
    "median_s": "float64",
    **dict.fromkeys(ENDS, "float64"),
}


def expect_variants(found: object, group: str | None) -> str:
    """Return the group that is meant, or raise a LogError."""
    if not all(hasattr(found, name) for name in ("head", "steps", "totals", "groups")):
        raise LogError(f"cj.plot.variants takes what cj.variants(log) returned, not {type(found).__name__}")
    groups = tuple(str(each) for each in found.groups)  # type: ignore[attr-defined]
    if group is None and len(groups) <= 1:
        return groups[0] if groups else "all"
    if group is None:
        raise LogError(f"variants of {len(groups)} groups: pass group=, one of {', '.join(groups)}")
    if group not in groups:
        raise LogError(f"there is no group {group!r}{nearest(group, groups)}; there are {', '.join(groups)}")
    return group


def _told(found: Variants, by: str, number: int, smallest: int) -> tuple[list[dict[str, Any]], int]:
    """Return the rows that are shown, and the journeys of the most frequent variant that isn't."""
    head, steps = found.head(number + 1), found.steps(number)
    own: list[dict[str, Any]] = head[head["by"].astype(str) == by].to_dict("records")  # type: ignore[assignment]
    shown = [row for row in own[:number] if row["customers"] >= smallest]
    chevrons = _chevrons(steps[steps["by"].astype(str) == by])
    left = [row["journeys"] for row in own if row not in shown]
    return [{**row, "chevrons": chevrons.get(row["rank"], ())} for row in shown], max(left, default=0)


def _chevrons(steps: pd.DataFrame) -> dict[int, tuple[tuple[str, str, int], ...]]:
    """Return the steps of each rank, the same one at once again counted."""
    made = {}
    for rank, rows in groupby(steps.to_dict("records"), key=lambda row: row["rank"]):
        named = [(str(row["touchpoint"]), str(row["channel"])) for row in rows]
        made[int(rank)] = tuple((*step, len(list(same))) for step, same in groupby(named))
    return made


def _others(by: str, total: dict[str, Any], told: list[dict[str, Any]], largest: int) -> dict[str, Any]:
    """Return all variants that aren't shown as one row."""
    journeys = total["journeys"] - sum(row["journeys"] for row in told)
    row = {
        "by": by,
        "rank": 0,
        "variant": OTHERS,
        "variants": total["variants"] - len(told),
        "journeys": journeys,
        "share_of_journeys": journeys / total["journeys"],
        "group_journeys": total["journeys"],
        "largest": largest,
        "chevrons": (),
        "median_s": float("nan"),
    }
    ended = {end: total[end] - sum(each[end] for each in told) for end in ENDS if end in total}
    return row | ended
