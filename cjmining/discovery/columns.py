"""Columns of the tables of discovery: names of codes, moments, quotients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Floats = NDArray[np.float64]

SECOND: Final = 1_000_000
"""Microseconds."""


def ratio(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    """Return part / whole, NaN where there is nothing to divide by."""
    found = np.full(len(part), np.nan)
    np.divide(part, whole, out=found, where=whole > 0)
    return found


def names_of(names: Sequence[str], codes: NDArray[np.integer]) -> pd.Series[str]:
    """Return names of codes as a text column."""
    return pd.Series(np.asarray(names, dtype=object)[codes], dtype="str")


def chosen(names: Sequence[str], codes: NDArray[np.integer]) -> pd.Categorical:
    """Return names of codes as a column that holds each name once."""
    place = {name: number for number, name in enumerate(dict.fromkeys(names))}
    if len(place) < len(names):  # steps of a funnel may share a name
        codes = np.array([place[name] for name in names], np.int64)[codes]
    return pd.Categorical.from_codes(codes, categories=pd.Index(list(place), dtype="str"))


def moments(microseconds: Ints, known: Flags | None = None) -> pd.DatetimeIndex:
    """Return moments in UTC, NaT where not known."""
    times = microseconds.astype("datetime64[us]")
    if known is not None:
        times = np.where(known, times, np.datetime64("NaT", "us"))
    return pd.DatetimeIndex(times).tz_localize("UTC")
