"""Figures to hold a log against: what finance or a CRM counted a month."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjmining.errors import LogError, nearest, shorten

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.conformance.reading import Reading

Month = int
"""Months since the year 0: year x 12 + month - 1."""

_ISO_MONTH = re.compile(r"^(\d{4})-(\d{2})(-\d{2}([T ].*)?)?$")
_COUNTS = ("conversions", "orders")
_VALUES = ("revenue",)
"""Measures that mean the map's goal unless `measures` says otherwise."""


class Control(NamedTuple):
    """One figure of finance's."""

    month: Month
    measure: str
    currency: str
    value: float


class Measure(NamedTuple):
    """What a figure counts: events of touchpoints or the money in them; `is_goal` if these are the goal."""

    name: str
    touchpoints: tuple[str, ...]
    is_value: bool
    is_goal: bool


def read_controls(controls: object) -> list[Control]:
    """Read figures from a frame, a CSV file, or a mapping of months to measures; they come back in order.

    Raises
    ------
    LogError
        If a column is absent, or a month or a value can't be read, or a figure is given twice.
    """
    rows = [_control(number, row) for number, row in enumerate(_rows(controls), 1)]
    if not rows:
        raise LogError("controls hold no figure: give at least one month and measure")
    seen: set[tuple[Month, str, str]] = set()
    for row in rows:
        if row[:3] in seen:
            raise LogError(
                f"controls give {row.measure} of {month_name(row.month)} twice; add them up, or drop one"
            )
        seen.add(row[:3])
    return sorted(rows, key=lambda row: (row.measure, row.currency, row.month))


def resolve(
    controls: Sequence[Control], measures: Mapping[str, Any] | None, reading: Reading
) -> dict[str, Measure]:
    """Say what each measure of the controls counts in the log.

    Raises
    ------
    LogError
        If a measure is neither named in `measures` nor a touchpoint of the log, or names none that is there.
    """
    given = dict(measures or {})
    names = list(dict.fromkeys(control.measure for control in controls))
    idle = [name for name in given if name not in names]
    if idle:
        raise LogError(
            f"controls have no measure {idle[0]!r}{nearest(idle[0], names)}; they have {shorten(names, 8)}"
        )
    return {name: _measure(name, given.get(name), reading) for name in names}


def month_name(month: Month) -> str:
    """Write a month as 2026-03.

    Examples
    --------
    >>> month_name(2026 * 12 + 2)
    '2026-03'
    """
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


# Rows


def _rows(controls: object) -> list[dict[str, Any]]:
    """Return a mapping a figure: month, measure, value, currency."""
    if isinstance(controls, Mapping):
        return _nested(controls)
    frame = _frame(controls)
    frame.columns = [str(name).strip().lower() for name in frame.columns]
    names = list(frame.columns)
    if "month" not in names:
        raise LogError(
            f"controls lack the column 'month'{nearest('month', names)}; found {shorten(names, 8)}"
        )
    frame = frame.rename(columns={"control": "value"})
    if "measure" in names:
        if "value" not in frame.columns:
            raise LogError(
                f"controls lack the column 'value'{nearest('value', names)}; found {shorten(names, 8)}"
            )
        return [{str(key): cell for key, cell in row.items()} for row in frame.to_dict("records")]
    wide = [name for name in frame.columns if name not in {"month", "currency"}]
    return [
        {"month": row["month"], "measure": name, "value": row[name], "currency": row.get("currency")}
        for row in frame.to_dict("records")
        for name in wide
        if not _absent(row[name])
    ]


def _nested(controls: Mapping[Any, Any]) -> list[dict[str, Any]]:
    rows = []
    for month, figures in controls.items():
        if not isinstance(figures, Mapping):
            raise LogError(
                "controls as a mapping look like {'2026-03': {'orders': 120}}, but "
                f"{month!r} has {type(figures).__name__}"
            )
        rows += [{"month": month, "measure": name, "value": value} for name, value in figures.items()]
    return rows


def _frame(controls: object) -> pd.DataFrame:
    import pandas as pd

    if isinstance(controls, pd.DataFrame):
        return controls.copy()
    if isinstance(controls, str | Path):
        try:
            with Path(controls).open(encoding="utf-8-sig") as file:
                head = file.readline()
            sign = max(",;\t", key=head.count)
            return pd.read_csv(controls, sep=sign, dtype=str, encoding="utf-8-sig", skipinitialspace=True)
        except OSError as problem:
            raise LogError(f"can't read controls from {controls}: {problem.strerror}") from None
        except (ValueError, UnicodeDecodeError) as problem:
            raise LogError(f"can't read controls from {controls}: {problem}") from None
    if hasattr(controls, "__arrow_c_stream__"):
        import pyarrow as pa

        frame: pd.DataFrame = pa.table(controls).to_pandas()
        return frame
    raise LogError(
        "controls are a frame, the path of a CSV file, or a mapping such as {'2026-03': {'orders': 120}}, "
        f"not {type(controls).__name__}"
    )


def _control(number: int, row: Mapping[str, Any]) -> Control:
    where = f"controls, row {number}"
    measure = row.get("measure")
    if _absent(measure):
        raise LogError(f"{where}: no measure")
    currency = row.get("currency")
    return Control(
        _month(row.get("month"), where),
        str(measure).strip(),
        "" if _absent(currency) else str(currency).strip(),
        _number(row.get("value"), where),
    )


def _month(cell: object, where: str) -> Month:
    """Read a month: 2026-03, 2026-03-01, or anything with a year and a month."""
    if isinstance(cell, str):
        found = _ISO_MONTH.match(cell.strip())
        if found and 1 <= int(found[2]) <= 12:
            return int(found[1]) * 12 + int(found[2]) - 1
    elif isinstance(cell, np.datetime64) and not np.isnat(cell):
        return 1970 * 12 + int(cell.astype("datetime64[M]").astype(np.int64))
    elif not _absent(cell) and hasattr(cell, "year") and hasattr(cell, "month"):
        return int(cell.year) * 12 + int(cell.month) - 1
    raise LogError(f"{where}: {cell!r} is no month; write it as 2026-03 (or its first day, 2026-03-01)")


def _number(cell: Any, where: str) -> float:  # noqa: ANN401 -- any cell
    try:
        value = float(cell)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise LogError(f"{where}: {cell!r} is no number; write it as 1234.50, without signs for thousands")
    return value


def _absent(cell: Any) -> bool:  # noqa: ANN401 -- any cell
    return cell is None or cell == "" or cell != cell


# Measures


def _measure(name: str, said: Any, reading: Reading) -> Measure:  # noqa: ANN401 -- as the user wrote it
    words = [word for word in reading.log.vocabulary("touchpoint") if word]
    goal = reading.plan.intended.goal
    is_value = name.lower() in _VALUES
    if isinstance(said, Mapping):
        if len(said) != 1 or next(iter(said)) not in {"count", "value"}:
            raise LogError(
                f"measure {name!r}: say {{'count': touchpoint}} or {{'value': touchpoint}}, not "
                f"{dict(said)!r}"
            )
        kind, said = next(iter(said.items()))
        is_value = kind == "value"
    if said is None:
        said = _meant(name, words, goal)
    touchpoints = (said,) if isinstance(said, str) else tuple(said)
    if not touchpoints:
        raise LogError(f"measure {name!r} names no touchpoint")
    for touchpoint in touchpoints:
        if touchpoint not in words and touchpoint not in goal:
            raise LogError(
                f"measure {name!r}: the log has no touchpoint {touchpoint!r}{nearest(touchpoint, words)}"
            )
    return Measure(name, touchpoints, is_value, set(touchpoints) == set(goal))


def _meant(name: str, words: Sequence[str], goal: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a measure is taken for that `measures` doesn't name."""
    if name.lower() in (*_COUNTS, *_VALUES):
        return goal
    if name in words:
        return (name,)
    raise LogError(
        f"what does {name!r} count? It is no touchpoint of the log{nearest(name, words)}: say it with "
        f"measures={{{name!r}: touchpoint}}, or {{{name!r}: {{'value': touchpoint}}}} for money"
    )
