"""How paths show themselves in a terminal: a headline a group, and its most travelled ways."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Final

from cjmining.discovery.paths.tables import JOINT
from cjmining.discovery.words import open_text, plural, share_text, time_text
from cjmining.stats import Share

if TYPE_CHECKING:
    from cjmining.discovery.paths.paths import Paths

    Row = Mapping[Hashable, Any]

MOST_WAYS: Final = 8
"""Where there are no groups."""
MOST_LINES: Final = 17
"""Where there are."""
LONGEST: Final = 90
"""Characters of a way."""

STARTS: Final = {
    "first": "first start of each journey",
    "last": "last start before each end",
    "every": "every start",
}


def summary(paths: Paths) -> str:
    """Say in a line what was question, and what became of all attempts."""
    begin = "the beginning" if paths.start is None else " | ".join(paths.start)
    end = "the end of the journey" if paths.end is None else " | ".join(paths.end)
    question = f"Paths from {begin} to {end}{paths.within}, {STARTS[paths.starts]}"
    total = paths.overview[["attempts", "mature", "mature_arrived", "open"]].sum()
    if not total["attempts"]:
        return f"{question}: no attempts"
    arrived = f"{total['mature_arrived']:,} of {plural(total['mature'], 'mature attempt')} arrived"
    if not total["mature"]:
        arrived = "no attempt is mature yet"
    if paths.by is not None:
        arrived += f" in {plural(len(paths.overview), 'group')}"
    elif total["mature"]:
        arrived += f", {_share(paths.overview.iloc[0].to_dict())}{_median(paths.overview.iloc[0].to_dict())}"
    left = open_text(total["open"], "may still arrive", timed=bool(paths.within) and paths.end is not None)
    ways = plural(paths.paths["path"].nunique(), "way")
    return f"{question}: {arrived}; {plural(total['attempts'], 'attempt')} in all{left}; {ways}"


def lines(paths: Paths) -> list[str]:
    """Return the most travelled ways; a headline and one or two ways a group, where there are groups."""
    if paths.by is None:
        ways = paths.paths.head(MOST_WAYS)
        told = [f"  {_way(row)}" for row in ways.to_dict("records")]
        return [*told, *_more(len(paths.paths) - len(ways), "row", ".paths")]
    each = next((each for each in (2, 1) if len(paths.overview) * (1 + each) <= MOST_LINES), 0)
    groups = paths.overview.head(MOST_LINES)
    told, n_ways = [], 0
    for group in groups.to_dict("records"):
        ways = paths.paths[paths.paths["by"] == group["by"]].head(each)
        told += [
            f"  {group['by']}: {_headline(group)}",
            *(f"    {_way(row)}" for row in ways.to_dict("records")),
        ]
        n_ways += len(ways)
    told += _more(len(paths.overview) - len(groups), "group", ".overview")
    return told + _more(len(paths.paths) - n_ways, "row", ".paths")


def _headline(group: Row) -> str:
    if not group["attempts"]:
        return "no attempts"
    if not group["mature"]:
        return f"{plural(group['attempts'], 'attempt')}, none mature"
    return f"{_share(group)} of {plural(group['mature'], 'mature attempt')} arrived{_median(group)}"


def _share(group: Row) -> str:
    return share_text(Share(group["share_of_mature_attempts"], group["lower"], group["upper"]))


def _median(group: Row) -> str:
    return f", median {time_text(group['median_s'])}" if group["arrived"] else ""


def _way(row: Row) -> str:
    taken = plural(row["attempts"], "attempt")
    return f"{shortened(row['path'])}: {taken}, {100 * row['share_of_arrived']:.0f} % of the arrived"


def shortened(path: str) -> str:
    """Write a long path by its first and its last steps.

    Examples
    --------
    >>> shortened(" > ".join(["ad", *["product_viewed"] * 8, "basket_filled"]))
    'ad > product_viewed > product_viewed > (5 more) > product_viewed > basket_filled'
    """
    steps = path.split(JOINT)
    if len(path) <= LONGEST or len(steps) < 4:
        return path
    tried = ((3, 2), (2, 2), (2, 1), (1, 1))
    for first, last in tried:
        left_out = f"({len(steps) - first - last} more)"
        text = JOINT.join([*steps[:first], left_out, *steps[-last:]])
        if len(text) <= LONGEST and first + last < len(steps):
            break
    return text


def _more(number: int, what: str, where: str) -> list[str]:
    if number <= 0:
        return []
    return [f"  and {number:,} {what}{'' if number == 1 else 's'} more in {where}"]
