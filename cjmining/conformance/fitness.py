"""How well journeys follow the map, as one number a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cjmining.conformance.tables import frame

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import pandas as pd
    from numpy.typing import NDArray


def table(
    groups: Mapping[int, str],
    group: NDArray[np.int32],
    cost: NDArray[np.int64],
    worst: NDArray[np.int64],
) -> pd.DataFrame:
    """Add up the costs of alignments by group.

    Parameters
    ----------
    groups : mapping of int to str
        Number and name of each group that gets a row, in the order of the rows.
    group : int32[J]
        The group of each journey.
    cost, worst : int64[J]
        What the alignment of each journey costs, and what one without any match would; `worst` is 0 where
        nothing was aligned, because nothing that happened is on the map.

    Returns
    -------
    pandas.DataFrame
        by, journeys (those that were aligned), cost and worst (sums over them), fitness (1 - cost / worst, of
        the log: long journeys weigh more), mean_fitness (of journeys, each counting once), perfect (journeys
        of cost 0). NaN where no journey was aligned.

    Examples
    --------
    >>> import numpy as np
    >>> found = table({0: "all"}, np.zeros(3, np.int32), np.array([0, 2, 0]), np.array([4, 4, 0]))
    >>> found.to_dict("records")
    [{'by': 'all', 'journeys': 2, 'cost': 2, 'worst': 8, 'fitness': 0.75, 'mean_fitness': 0.75, 'perfect': 1}]

    References
    ----------
    Cost-based fitness: Adriansyah, van Dongen, van der Aalst (2011), doi:10.1109/EDOC.2011.12.
    """
    aligned = worst > 0
    group, cost, worst = group[aligned], cost[aligned], worst[aligned]
    rows = (_row(name, cost[its], worst[its]) for number, name in groups.items() for its in [group == number])
    return frame(rows, _COLUMNS)


_COLUMNS = {
    "by": "text",
    **dict.fromkeys(("journeys", "cost", "worst"), "int"),
    **dict.fromkeys(("fitness", "mean_fitness"), "float"),
    "perfect": "int",
}


def _row(name: str, cost: NDArray[np.int64], worst: NDArray[np.int64]) -> dict[str, Any]:
    return {
        "by": name,
        "journeys": len(cost),
        "cost": int(cost.sum()),
        "worst": int(worst.sum()),
        "fitness": 1.0 - cost.sum() / worst.sum() if len(cost) else np.nan,
        "mean_fitness": np.mean(1.0 - cost / worst) if len(cost) else np.nan,
        "perfect": int(np.count_nonzero(cost == 0)),
    }
