"""How well journeys follow the map, as one number a group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cjmining.conformance.tables import frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd
    from numpy.typing import NDArray


def table(
    groups: Mapping[int, str],
    group: NDArray[np.int32],
    costs: Iterable[tuple[NDArray[Any], ...]],
) -> pd.DataFrame:
    """Add up the costs of alignments by group.

    Parameters
    ----------
    groups : mapping of int to str
        Number and name of each group that gets a row, in the order of the rows.
    group : int32[J]
        The group of each journey.
    costs : iterable of (int64[n], int64[n])
        What the alignment of each journey costs, and what one without any match would, piece by piece in the
        journeys' order; the latter is 0 where nothing was aligned, because nothing that happened is on the
        map.

    Returns
    -------
    pandas.DataFrame
        by, journeys (those that were aligned), cost and worst (sums over them), fitness (1 - cost / worst, of
        the log: long journeys weigh more), mean_fitness (of journeys, each counting once), perfect (journeys
        of cost 0). NaN where no journey was aligned.

    Examples
    --------
    >>> import numpy as np
    >>> found = table({0: "all"}, np.zeros(3, np.int32), [(np.array([0, 2, 0]), np.array([4, 4, 0]))])
    >>> found.to_dict("records")
    [{'by': 'all', 'journeys': 2, 'cost': 2, 'worst': 8, 'fitness': 0.75, 'mean_fitness': 0.75, 'perfect': 1}]

    References
    ----------
    Cost-based fitness: Adriansyah, van Dongen, van der Aalst (2011), doi:10.1109/EDOC.2011.12.
    """
    n, start = 1 + max(groups, default=0), 0
    sums = np.zeros((len(_SUMS), n))
    for cost, worst in costs:
        aligned = np.flatnonzero(worst > 0)
        own, paid, most = group[start + aligned], cost[aligned], worst[aligned]
        for row, weight in enumerate((None, paid, most, 1.0 - paid / most, paid == 0)):
            sums[row] += np.bincount(own, weight, minlength=n)[:n]
        start += len(cost)
    return frame(
        (_row(name, dict(zip(_SUMS, sums[:, g], strict=True))) for g, name in groups.items()), _COLUMNS
    )


_SUMS = ("journeys", "cost", "worst", "fitness", "perfect")
_COLUMNS = {
    "by": "text",
    **dict.fromkeys(("journeys", "cost", "worst"), "int"),
    **dict.fromkeys(("fitness", "mean_fitness"), "float"),
    "perfect": "int",
}


def _row(name: str, sums: Mapping[str, float]) -> dict[str, Any]:
    journeys = int(sums["journeys"])
    return {
        "by": name,
        "journeys": journeys,
        "cost": int(sums["cost"]),
        "worst": int(sums["worst"]),
        "fitness": 1.0 - sums["cost"] / sums["worst"] if journeys else np.nan,
        "mean_fitness": sums["fitness"] / journeys if journeys else np.nan,
        "perfect": int(sums["perfect"]),
    }
