"""What a check says of each journey: made as a table when it is asked for, or by column."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cjmining.conformance.tables import EVERYBODY, category
from cjmining.schema import BEFORE_THE_MAP, OUTCOMES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.conformance.reading import Reading
    from cjmining.engine.kept import Kept

TURNS = ("", "customer", "company")
WON_BACK = ("no", "returned", "converted")


@dataclass(frozen=True)
class Journeys:
    """What a check says of each journey.

    Attributes
    ----------
    reading : Reading
        Of which log.
    kept : Kept
        The columns `finding.JOURNEY_COLUMNS`.
    as_one : bool
        Whether all journeys are one group, "all".
    hidden : bool
        Whether no journey is told of.
    """

    reading: Reading
    kept: Kept
    as_one: bool
    hidden: bool = False

    def __len__(self) -> int:
        return 0 if self.hidden else len(self.reading.customer)

    def column(self, name: str) -> NDArray[Any]:
        """Return a column of codes, times or costs, read again where the log has a limit of memory."""
        return self.kept.column(name) if not self.hidden else np.empty(0, self.kept.columns[name])

    def nobody(self) -> Journeys:
        """Return the same without any journey: what is for showing tells of no person."""
        return replace(self, hidden=True)

    def table(self, first: int | None = None) -> pd.DataFrame:
        """Return a row a journey, or only the first ones; texts are categories."""
        reading, n = self.reading, min(len(self), len(self) if first is None else first)
        stages = (BEFORE_THE_MAP, *reading.plan.intended.stage_names)
        columns = {name: self._first(name, n) for name in self.kept.columns}
        cost, worst = columns["cost"], columns["worst"]
        with np.errstate(invalid="ignore", divide="ignore"):
            fitness = 1.0 - cost / worst
        return pd.DataFrame(
            {
                "journey": np.arange(n, dtype=np.int64),
                "customer": np.asarray(reading.customer[:n]),
                "by": self._groups(n),
                "outcome": category(columns["outcome"], OUTCOMES),
                "last_stage": category(columns["place_stage"] + 1, stages),
                "last_touchpoint": category(columns["place_touchpoint"] + 1, ("", *reading.plan.labels)),
                "furthest_stage": category(columns["furthest_stage"] + 1, stages),
                "cost": cost,
                "fitness": fitness,
                "start": _moments(reading.columns.timestamp[reading.bounds[:n]]),
                "decided_at": _moments(columns["decided_at"]),
                "won_back": category(columns["won_back"], WON_BACK),
                "turn": category(columns["turn"] + 1, TURNS),
            }
        )

    def _first(self, name: str, n: int) -> NDArray[Any]:
        if n == len(self):
            return self.column(name)
        found = np.empty(0, self.kept.columns[name])
        for (piece,) in self.kept.pieces(name):
            if len(found) >= n:
                break
            found = np.concatenate([found, piece])
        return found[:n]

    def _groups(self, n: int) -> pd.Categorical:
        if self.as_one:
            return category(np.zeros(n, dtype=np.int8), EVERYBODY)
        return category(self.reading.group[:n], self.reading.groups)


def _moments(times: NDArray[np.int64]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(np.asarray(times).astype("datetime64[us]"), tz="UTC")
