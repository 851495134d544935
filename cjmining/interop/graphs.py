"""Directly-follows graphs, as pm4py's functions and networkx take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cjmining import asked
from cjmining.errors import LogError

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.discovery import Discovery

Pair = tuple[str, str]


def to_dfg(
    found: Discovery, *, group: str | None = None
) -> tuple[dict[Pair, int], dict[str, int], dict[str, int]]:
    """Return the directly-follows graph as pm4py has it, for its functions that take one.

    Parameters
    ----------
    found : Discovery
        What `cj.discover` returned.
    group : str, optional
        One of ``found.groups``; needed where there are several.

    Returns
    -------
    dfg : dict
        How often the second directly follows the first, by the pair of their names.
    start_activities, end_activities : dict
        How many journeys start and end with each.

    Raises
    ------
    LogError
        If `found` is no result of a discovery, or the group is lacking or unknown.

    Examples
    --------
    >>> import cjmining as cj
    >>> found = cj.discover(cj.simulate.shop(100, seed=1).log)
    >>> dfg, starts, ends = to_dfg(found)
    >>> sum(starts.values()) == sum(ends.values()) == int(found.journeys.sum())
    True
    """
    group = _group(found, group, "cjmining.interop.to_dfg")
    transitions = _of(found.transitions, group)
    ends = _of(found.ends, group)
    starts = _counts(ends[ends["position"] == "start"], "touchpoint", "journeys")
    pairs = zip(transitions["from_touchpoint"], transitions["to_touchpoint"], strict=True)
    dfg = dict(zip(pairs, transitions["count"].tolist(), strict=True))
    return dfg, starts, _last(ends)


def to_performance_dfg(
    found: Discovery, *, group: str | None = None
) -> tuple[dict[Pair, dict[str, float]], dict[str, int], dict[str, int]]:
    """Return the graph of times as pm4py's `view_performance_dfg` takes it.

    Parameters
    ----------
    found : Discovery
        What `cj.discover` returned.
    group : str, optional
        One of ``found.groups``; needed where there are several.

    Returns
    -------
    performance_dfg : dict
        By the pair of names `mean`, `median` and `sum` of the seconds from the one to the other. The median
        lies within 0.8 % of pm4py's; least, greatest and deviation, which pm4py has too, are not known.
    start_activities, end_activities : dict
        As of `to_dfg`.

    Raises
    ------
    LogError
        If `found` is no result of a discovery, or the group is lacking or unknown.

    Examples
    --------
    >>> import cjmining as cj
    >>> times, _, _ = to_performance_dfg(cj.discover(cj.simulate.shop(100, seed=1).log))
    >>> sorted(times["basket_filled", "checkout_opened"])
    ['mean', 'median', 'sum']
    """
    group = _group(found, group, "cjmining.interop.to_performance_dfg")
    _, starts, ends = to_dfg(found, group=group)
    times = {
        (str(row["from_touchpoint"]), str(row["to_touchpoint"])): {
            "mean": float(row["mean_s"]),
            "median": float(row["median_s"]),
            "sum": float(row["mean_s"] * row["count"]),
        }
        for row in _of(found.transitions, group).to_dict("records")
    }
    return times, starts, ends


def to_networkx(found: Discovery, *, group: str | None = None) -> Any:  # noqa: ANN401 -- networkx is an extra
    """Return the transitions as a graph of networkx.

    Parameters
    ----------
    found : Discovery
        What `cj.discover` returned.
    group : str, optional
        One of ``found.groups``; needed where there are several.

    Returns
    -------
    networkx.DiGraph
        A node a touchpoint, with `count` (events), `journeys` (with at least one), `starts` and `ends`
        (journeys that start and end there); an edge a transition, with the columns of ``found.transitions``:
        `count`, `journeys`, `share_of_from`, `mean_s`, `median_s`, `p90_s` and what else it tells. The graph
        itself has `group`, `level` and `journeys`.

    Raises
    ------
    LogError
        If `found` is no result of a discovery, or the group is lacking or unknown.
    ImportError
        If networkx is not installed.

    Examples
    --------
    >>> import cjmining as cj
    >>> graph = to_networkx(cj.discover(cj.simulate.shop(100, seed=1).log))
    >>> graph.nodes["order_placed"]["journeys"] <= graph.graph["journeys"]
    True
    """
    group = _group(found, group, "cjmining.interop.to_networkx")
    try:
        import networkx as nx
    except ModuleNotFoundError:
        raise ImportError(
            "to_networkx needs networkx, which is not installed: pip install 'cjmining[networkx]'"
        ) from None
    _, starts, ends = to_dfg(found, group=group)
    graph = nx.DiGraph(group=group, level=found.level, journeys=int(found.journeys[group]))
    for row in _of(found.touchpoints, group).sort_values("touchpoint").to_dict("records"):
        name = str(row["touchpoint"])
        graph.add_node(
            name,
            count=int(row["count"]),
            journeys=int(row["journeys"]),
            starts=starts.get(name, 0),
            ends=ends.get(name, 0),
        )
    told = [name for name in found.transitions.columns if name not in _NAMES]
    for row in _of(found.transitions, group).to_dict("records"):
        graph.add_edge(
            str(row["from_touchpoint"]), str(row["to_touchpoint"]), **{name: row[name] for name in told}
        )
    return graph


_NAMES = ("by", "from_touchpoint", "to_touchpoint")


def _group(found: Discovery, group: str | None, verb: str) -> str:
    from cjmining.discovery import Discovery

    if not isinstance(found, Discovery):
        raise LogError(f"{verb} takes the result of cj.discover(log), not {type(found).__name__}")
    groups = [str(name) for name in found.groups]
    if group is None and len(groups) == 1:
        return groups[0]
    if group is None or not groups:
        raise LogError(
            f"which group is meant: pass group=, one of {', '.join(groups) or 'none, the log is empty'}"
        )
    return asked.one_of("group", group, groups)


def _of(table: pd.DataFrame, group: str) -> pd.DataFrame:
    return table[table["by"].astype(str) == group]


def _last(ends: pd.DataFrame) -> dict[str, int]:
    """Count the last touchpoints of all journeys: pm4py knows none that still run."""
    counts: dict[str, int] = {}
    for position in ("end", "open"):
        for name, n in _counts(ends[ends["position"] == position], "touchpoint", "journeys").items():
            counts[name] = counts.get(name, 0) + n
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _counts(table: pd.DataFrame, name: str, count: str) -> dict[str, int]:
    return dict(zip(table[name].astype(str), table[count].tolist(), strict=True))
