"""Putting texts together by the column and writing them, the same bytes in every run."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cjmining.simulate.behaviour import to_berlin
from cjmining.simulate.settings import DAY_S, START

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

START_S = int(START.timestamp())


def write_lines(path: Path, lines: Sequence[str]) -> None:
    """Write lines, gzipped where the name says so; with no trace of when."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(f"{line}\n" for line in lines).encode()
    if path.suffix == ".gz":
        data = gzip.compress(data, compresslevel=9, mtime=0)
    path.write_bytes(data)


def csv_lines(columns: Mapping[str, Sequence[str]], *, delimiter: str = ",", quote: str = "") -> list[str]:
    """Return the header and a line for each row; the values hold neither delimiter nor quote."""
    rows = zip(*columns.values(), strict=True)
    between = f"{quote}{delimiter}{quote}"
    return [f"{quote}{between.join(row)}{quote}" for row in ([*columns], *rows)]


def instants(seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.datetime64]:
    """Return moments in UTC of seconds since the shop's start."""
    return (START_S + np.asarray(seconds, dtype=np.int64)).astype("datetime64[s]")


def utc(seconds: npt.NDArray[np.int64], end: str = "Z") -> list[str]:
    """Write moments as 2026-03-29T01:00:00 and an ending, UTC."""
    return [f"{moment}{end}" for moment in np.datetime_as_string(instants(seconds)).tolist()]


def berlin(seconds: npt.NDArray[np.int64]) -> list[str]:
    """Write moments as the clocks of Berlin show them, without a zone."""
    clock = np.datetime64("2026-02-01T00:00:00") + to_berlin(np.asarray(seconds, dtype=np.int64))
    return [moment.replace("T", " ") for moment in np.datetime_as_string(clock).tolist()]


def berlin_day(seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the day, 0 for 1 February 2026, that the calendar of Berlin shows."""
    day: npt.NDArray[np.int64] = to_berlin(np.asarray(seconds, dtype=np.int64)) // DAY_S
    return day


def dates(days: npt.NDArray[np.int64]) -> list[str]:
    """Write days as 2026-03-29."""
    found: list[str] = np.datetime_as_string(np.datetime64("2026-02-01") + np.asarray(days)).tolist()
    return found


def months(days: npt.NDArray[np.int64]) -> npt.NDArray[np.str_]:
    """Write the month of days as 2026-03."""
    return (np.datetime64("2026-02-01") + np.asarray(days)).astype("datetime64[M]").astype(str)
