"""What may follow what by a map and by a model, and which of it is drawn."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cjmining.plot.choose import expect_beside
from cjmining.plot.data.transitions import MOST_LINES, Pair, shortest

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from cjmining.interop import ModelBesideMap

KINDS = ("planned and modelled", "planned only", "modelled only", "in neither")


def model_beside_map(beside: ModelBesideMap) -> pd.DataFrame:
    """Return what may directly follow what by a map and by a model: what `cj.plot.model_beside_map` draws.

    Parameters
    ----------
    beside : ModelBesideMap
        What `cjmining.interop.model_beside_map` returned.

    Returns
    -------
    pandas.DataFrame
        The rows and columns of its `pairs` (from_touchpoint, to_touchpoint, kind; where counted also count
        and journeys), and drawn ("line"; "lane" below the map, where it lacks one of the two; "" for what is
        left out).

    Raises
    ------
    LogError
        If `beside` is something else.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining import interop
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(50, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> model = interop.discover_model(shop.log, ignore=intended.ignore)
    >>> table = cj.plot.data.model_beside_map(interop.model_beside_map(model, intended))
    >>> int((table["drawn"] == "line").sum())
    25
    """
    expect_beside(beside, "cj.plot.data.model_beside_map")
    kinds = kinds_of(beside)
    lines = set(strongest(beside, kinds))
    on_map = set(beside.intended.touchpoint_names)
    drawn = ["line" if pair in lines else "" if on_map.issuperset(pair) else "lane" for pair in kinds]
    return beside.pairs.assign(drawn=drawn)


def kinds_of(beside: ModelBesideMap) -> dict[Pair, str]:
    """Return the kind of each pair."""
    pairs = beside.pairs
    named = zip(pairs["from_touchpoint"].astype(str), pairs["to_touchpoint"].astype(str), strict=True)
    return dict(zip(named, pairs["kind"].astype(str), strict=True))


def counts_of(beside: ModelBesideMap, kinds: Mapping[Pair, str]) -> dict[Pair, int]:
    """Return how often each pair really follows; 1 for each where nothing was counted."""
    counted = beside.pairs["count"].tolist() if beside.counted else [1] * len(kinds)
    return dict(zip(kinds, map(int, counted), strict=True))


def strongest(beside: ModelBesideMap, kinds: Mapping[Pair, str]) -> list[Pair]:
    """Choose the lines between touchpoints of the map: the most frequent, else short ones of each kind."""
    on_map = set(beside.intended.touchpoint_names)
    between = [pair for pair in kinds if pair[0] != pair[1] and on_map.issuperset(pair)]
    if beside.counted:
        counts = counts_of(beside, kinds)
        return sorted(between, key=lambda pair: (-counts[pair], pair))[:MOST_LINES]
    turn: Counter[str] = Counter()
    turns: list[tuple[int, int, Pair]] = []
    for pair in shortest(between, beside.intended):
        turns.append((turn[kinds[pair]], KINDS.index(kinds[pair]), pair))
        turn[kinds[pair]] += 1
    return [pair for *_, pair in sorted(turns)[:MOST_LINES]]
