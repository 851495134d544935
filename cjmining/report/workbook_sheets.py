"""What stands in the workbook: sheets of plain values, before anything is written."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjmining.definitions import definitions
from cjmining.errors import LogError
from cjmining.intended.words import duration_in_short, promise_in_words
from cjmining.report.disclosure import hide_small_rows, merge_check, merge_found, small_groups
from cjmining.report.patiences import patience_in_short
from cjmining.report.small_rows import (
    is_personal,
    largest_rows,
    rare_names,
    shown_rows,
    size_column,
    without_rare_names,
)
from cjmining.report.words import name as name_in_words
from cjmining.report.words import plural
from cjmining.results import Result, Source
from cjmining.units import TEXT, Unit, units

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.conformance import Conformance
    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog

NAMES = {
    "Conformance": "check",
    "Coverage": "coverage",
    "Discovery": "discover",
    "LifetimeValue": "lifetime value",
    "Reconciliation": "reconcile",
}
"""How the sheets of a result begin; by default with the name of its class."""

LONGEST_NAME = 31
MOST_ROWS_OF_A_SHEET = 1_048_576 - 4
"""What Excel takes, less the lines above a table."""
_FORBIDDEN = re.compile(r"[\[\]:*?/\\]")


@dataclass(frozen=True)
class Column:
    """A column of a sheet: its name in the table, its unit and what it means."""

    name: str
    unit: Unit
    meaning: str


@dataclass(frozen=True)
class Sheet:
    """A sheet with one table.

    `name` is what its tab says, `title` and `about` stand above the table.
    """

    name: str
    title: str
    about: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]


class Given(NamedTuple):
    """What is exported: the log, the maps, and the results with the name that their sheets begin with."""

    log: JourneyLog | None
    maps: tuple[IntendedMap, ...]
    results: tuple[tuple[str, Result], ...]


def sort_out(given: Sequence[object]) -> Given:
    """Tell logs, maps and results apart.

    Raises
    ------
    LogError
        If something is none of these, is about one customer, or there is nothing or more than one log.
    """
    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog

    logs = [each for each in given if isinstance(each, JourneyLog)]
    maps = [each for each in given if isinstance(each, IntendedMap)]
    results = [each for each in given if isinstance(each, Result)]
    for each in given:
        if not isinstance(each, JourneyLog | IntendedMap | Result):
            raise LogError(
                f"export takes a log and results such as those of cj.check, not {type(each).__name__}"
            )
    if not given:
        raise LogError(
            "export has nothing to write: give it a log or results, such as export(path, log, check)"
        )
    if len(logs) > 1:
        raise LogError("export takes the results of one log, not of several")
    maps += [own for each in results if isinstance(own := getattr(each, "intended", None), IntendedMap)]
    log = logs[0] if logs else next(filter(None, map(_log_of, results)), None)
    _expect_one_source(logs[0] if logs else None, results)
    return Given(log, _distinct(maps), _named(results))


def _distinct(maps: Sequence[IntendedMap]) -> tuple[IntendedMap, ...]:
    found: list[IntendedMap] = []
    for each in maps:
        if not any(each is other or each == other for other in found):
            found.append(each)
    return tuple(found)


def _expect_one_source(log: JourneyLog | None, results: Sequence[Result]) -> None:
    """Refuse a result of another log than the one to export, or than the other results, where it is known."""
    from cjmining.discovery import Discovery

    common = None if log is None else {Source.of(log)}
    for result in results:
        sources = set(_sources_of(result))
        if not sources and isinstance(result, Discovery) and common:
            # What was merged or hidden for showing says no more than how many journeys it is of.
            size = int(result.overview["journeys"].sum())
            sources = {each for each in common if each.n_journeys == size} or {Source(size, 0, 0)}
        if not sources:
            continue
        if common is not None and not common & sources:
            number = next(iter(_sources_of(result) or sources)).n_journeys
            expected = max(common).n_journeys
            rest = (
                f"the one to export has {expected:,}. Make it from this log"
                if log is not None
                else f"other results are of one of {expected:,}. Make all of them from one log"
            )
            raise LogError(
                f"{type(result).__name__} was made from another log, of {plural(number, 'journey')}; {rest}"
            )
        common = sources if common is None else common & sources


def _sources_of(result: Result) -> tuple[Source, ...]:
    log = _log_of(result)
    return result._sources or (() if log is None else (Source.of(log),))


def _log_of(result: Result) -> JourneyLog | None:
    reading, kept = getattr(result, "_reading", None), getattr(result, "_kept", None)
    if reading is None:
        reading = getattr(kept, "scan", None)
    return None if reading is None else reading.log


def _named(results: Sequence[Result]) -> tuple[tuple[str, Result], ...]:
    """Name results by their kind; several of a kind get numbers."""
    kinds = [type(each).__name__ for each in results]
    named = []
    for place, (kind, each) in enumerate(zip(kinds, results, strict=True)):
        name = NAMES.get(kind, re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower())
        number = kinds[: place + 1].count(kind)
        named.append((f"{name} {number}" if kinds.count(kind) > 1 else name, each))
    return tuple(named)


# Tables of results


def result_sheets(given: Given, *, smallest: int, most: int) -> tuple[list[Sheet], list[str]]:
    """Return a sheet a table, and what was not exported, in sentences."""
    sheets: list[Sheet] = []
    not_told: list[str] = []
    rare = frozenset() if given.log is None else rare_names(given.log, smallest)
    for name, result in given.results:
        found = list(_sheets_of(name, _safe(result, given, smallest), (smallest, most, rare), not_told))
        if not found:
            raise LogError(
                f"{type(result).__name__} is about single customers: it has no table for a workbook; "
                "leave it out"
            )
        sheets += found
    return sheets, not_told


class _Part(NamedTuple):
    """A result whose small groups are merged, and the same with what is about few withheld."""

    merged: Result
    shown: Result


def _safe(result: Result, given: Given, smallest: int) -> list[_Part]:
    """Return a result with its small groups merged as on the page; where it has groups, everyone first."""
    from cjmining.conformance import Conformance
    from cjmining.discovery import Discovery

    if isinstance(result, Conformance):
        merged = [] if result.by is None else [result.overall]
        merged.append(merge_check(result, smallest))
        return [_Part(each, hide_small_rows(each, smallest)) for each in merged]
    check = _check_with(given, getattr(result, "by", None))
    if isinstance(result, Discovery) and check is not None:
        result = merge_found(result, check, smallest)
    elif isinstance(getattr(result, "by", None), str | tuple):
        small = small_groups(check, smallest) if check is not None else _small_groups(result, smallest)
        result = _without_groups(result, small)
    return [_Part(result, result)]


def _small_groups(result: Result, smallest: int) -> frozenset[str]:
    """Return the groups of too few customers, as far as the result itself says how many they have."""
    small: set[str] = set()
    for table in map(result._table, result._tables):
        if {"by", "customers"} <= set(table.columns) and table["by"].is_unique:
            small |= set(table.loc[table["customers"] < smallest, "by"].astype(str))
    return frozenset(small)


def _check_with(given: Given, by: object) -> Conformance | None:
    from cjmining.conformance import Conformance

    checks = [each for _, each in given.results if isinstance(each, Conformance) and each.by == by]
    return checks[0] if checks else None


def _without_groups(result: Result, small: frozenset[str]) -> Result:
    """Leave the rows of small groups out of every table that names groups."""
    if not small:
        return result
    kept = {}
    for name in result._all_tables():
        columns = result._head(name).columns
        if "by" in columns and not is_personal(result, name, columns):  # what is personal isn't told anyway
            table = result._table(name)
            kept[name] = table[~table["by"].astype(str).isin(small)].reset_index(drop=True)
    return result._with_tables(kept)


def _sheets_of(
    name: str, parts: list[_Part], bounds: tuple[int, int, frozenset[str]], not_told: list[str]
) -> Iterator[Sheet]:
    smallest, most, rare = bounds
    kind = type(parts[-1].merged)
    made = parts[-1].merged._all_tables()
    not_told += [f"{name} {left}: small groups are merged." for left in kind._on_demand if left not in made]
    for table_name in made:
        place = f"{kind.__name__}.{table_name}"
        if is_personal(parts[-1].merged, table_name, parts[-1].merged._head(table_name).columns):
            not_told.append(f"{name} {table_name}: its rows are single customers or journeys.")
            continue
        merged = _together([part.merged._table(table_name) for part in parts])
        try:
            size = size_column(place, merged.columns)
        except LookupError:
            not_told.append(f"{name} {table_name}: nothing says how many people its rows are about.")
            continue
        hidden = _together([part.shown._table(table_name) for part in parts])
        shown = without_rare_names(shown_rows(hidden, place, smallest).table, rare).table
        kept = largest_rows(shown, size, min(most, MOST_ROWS_OF_A_SHEET))
        about = (
            *_whose(name, parts[-1].merged),
            *_about(size, len(merged) - len(shown), kept.left_out, smallest),
        )
        yield table_sheet(f"{name} {table_name}", kept.table, kind, table_name, about)


def _whose(name: str, result: Result) -> Iterator[str]:
    """Say what tells a result from others of its kind: its stage, and by what it is grouped."""
    stage, by = getattr(result, "stage", None), getattr(result, "by", None)
    if isinstance(stage, str):
        yield f"Of {stage}."
    if not name[-1].isdigit():
        return
    if isinstance(by, tuple) or (by is None and hasattr(result, "by")):
        yield f"By {' and '.join(map(name_in_words, by))}." if by else "Of all journeys together."
    elif isinstance(by, str):
        yield f"By {name_in_words(by)}."


def _together(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put the rows about everyone before those of the groups; a table without groups is the same in both."""
    import pandas as pd

    if len(tables) == 1 or "by" not in tables[-1].columns:
        return tables[-1]
    return pd.concat(_alike(tables), ignore_index=True)


def _alike(tables: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """Give texts of all tables one type, and leave out empty ones, so that they can be put together."""
    full = [table for table in tables if len(table)] or list(tables[:1])
    texts = [name for name in tables[0].columns if tables[0][name].dtype.kind not in "iufbM"]
    return [table.astype(dict.fromkeys(texts, object)) for table in full]


def _about(size: str | None, few: int, beyond: int, smallest: int) -> Iterator[str]:
    if few:
        rows = "1 row is" if few == 1 else f"{few:,} rows are"
        yield f"{rows} left out: {size} below {smallest}."
    if beyond:
        rows = "1 further row" if beyond == 1 else f"{beyond:,} further rows"
        yield f"{rows} with the lowest {size} not shown." if size else f"{rows} not shown."


def table_sheet(
    name: str, table: pd.DataFrame, kind: type, table_name: str, about: tuple[str, ...] = ()
) -> Sheet:
    """Return a table as a sheet, with the meaning of its columns."""
    names = [str(column) for column in table.columns]
    in_units = units(table, f"{kind.__name__}.{table_name}")
    said = definitions(kind, table_name, names)
    columns = tuple(Column(each.column, in_units[each.column], each.meaning) for each in said)
    rows = tuple(table.astype(object).itertuples(index=False, name=None))
    return Sheet(name, f"{table_name.replace('_', ' ').capitalize()} ({kind.__name__})", about, columns, rows)


# The log, the map, the settings


def log_sheets(log: JourneyLog) -> Iterator[Sheet]:
    """Yield ledger and sources, and the quarantine without what its records hold."""
    from cjmining import schema

    meanings = {
        field.name: str((field.metadata or {}).get(b"meaning", b"").decode())
        for table in (schema.LEDGER, schema.SOURCES, schema.QUARANTINE)
        for field in table
    }
    sources = log.sources.drop(columns="gaps").assign(
        gaps=[
            "; ".join(f"{_day(gap['start'])} to {_day(gap['end'])}" for gap in _listed(gaps))
            for gaps in log.sources["gaps"]
        ]
    )
    spoilt = (
        log.quarantine.groupby(["source", "file", "reason"], sort=True).size().reset_index(name="records")
    )
    tables = {
        "log ledger": (log.ledger, "What became of every record read and of every event made"),
        "log sources": (sources, "What each source covers"),
        "log quarantine": (spoilt, "Records that could not be read, counted"),
    }
    for tab, (table, title) in tables.items():
        in_units = units(table, "")
        columns = tuple(
            Column(str(each), in_units[each], meanings.get(each, "number of records"))
            for each in table.columns
        )
        rows = tuple(table.astype(object).itertuples(index=False, name=None))
        yield Sheet(tab, title, (), columns, rows)


def _listed(gaps: Any) -> list[Any]:  # noqa: ANN401 -- as Arrow gives lists
    return [] if gaps is None else list(gaps)


def _day(moment: Any) -> str:  # noqa: ANN401 -- a moment of any library
    return f"{moment:%Y-%m-%d %H:%M}"


_MAP_COLUMNS = {
    "number": "position of the stage",
    "stage": "step of the map",
    "owner": "who answers for it",
    "motivation": "what the customer wants there",
    "order": "in which order its touchpoints are planned",
    "patience": "the customer's silence that counts as having left, there",
    "within": "promised time to the next stage",
    "next": "stages that follow",
    "touchpoint": "what is planned to happen",
    "channels": "through which channels",
    "actor": "who does it",
    "optional": "whether it may be skipped",
    "repeat": "whether it may happen again",
    "recorded": "whether a system records it",
    "promises": "what is promised there",
}


def map_sheets(maps: Sequence[IntendedMap]) -> Iterator[Sheet]:
    """Yield for each map a table of its stages and touchpoints, and its text."""
    for called, intended in named_maps(maps):
        rows = tuple(tuple(row[name] for name in _MAP_COLUMNS) for row in _map_rows(intended))
        columns = tuple(
            Column(name, Unit("", "#,##0") if name == "number" else TEXT, meaning)
            for name, meaning in _MAP_COLUMNS.items()
        )
        yield Sheet(called, f"The map '{intended.name}'", _rules(intended), columns, rows)
        text = intended.text or repr(intended)
        lines = tuple((line,) for line in text.rstrip().split("\n"))
        column = (Column("text", TEXT, "a line of the map's file"),)
        yield Sheet(
            called.replace("map", "map text"), f"The map '{intended.name}' as its file", (), column, lines
        )


def named_maps(maps: Sequence[IntendedMap]) -> list[tuple[str, IntendedMap]]:
    """Call the one map "map", several "map 1", "map 2", ..."""
    return [(f"map {place}" if len(maps) > 1 else "map", each) for place, each in enumerate(maps, 1)]


def _rules(intended: IntendedMap) -> tuple[str, ...]:
    exits = ", ".join(f"{each.touchpoint} (by the {each.by})" for each in intended.exits)
    return (
        f"Goal: {' or '.join(intended.goal)}." + (f" Exits: {exits}." if exits else ""),
        f"Patience: {patience_in_short(intended)}. Horizon: {duration_in_short(intended.horizon)}.",
    )


def _map_rows(intended: IntendedMap) -> Iterator[dict[str, Any]]:
    for number, stage in enumerate(intended.stages, 1):
        for touchpoint in stage.touchpoints:
            yield {
                "number": number,
                "stage": stage.stage,
                "owner": stage.owner or "",
                "motivation": stage.motivation or "",
                "order": stage.order,
                "patience": patience_in_short(intended, stage),
                "within": "" if stage.within is None else duration_in_short(stage.within),
                "next": ", ".join(stage.next),
                "touchpoint": touchpoint.touchpoint,
                "channels": ", ".join(touchpoint.channels),
                "actor": touchpoint.planned_actor,
                "optional": touchpoint.optional or stage.optional,
                "repeat": touchpoint.repeat,
                "recorded": touchpoint.recorded,
                "promises": "; ".join(promise_in_words(promise) for promise in touchpoint.expect),
            }


def settings_sheet(given: Given, *, smallest: int, most: int) -> Sheet:
    """Return versions and parameters: what the numbers depend on beside the data."""
    import pandas as pd
    import pyarrow as pa

    from cjmining import __version__

    versions = {
        "cjmining": __version__,
        "numpy": np.__version__,
        "pandas": pd.__version__,
        "pyarrow": pa.__version__,
    }
    rows = [("versions", name, version) for name, version in versions.items()]
    rows += [("export", "smallest_group", str(smallest)), ("export", "most_rows", str(most))]
    for called, intended in named_maps(given.maps):
        of = f"{called} '{intended.name}'"
        rows += [
            (of, "sha256", hashlib.sha256(intended.text.encode()).hexdigest()),
            (of, "horizon", duration_in_short(intended.horizon)),
            (of, "patience", patience_in_short(intended)),
            *(
                (of, f"patience in {stage.stage}", patience_in_short(intended, stage))
                for stage in intended.stages
            ),
        ]
    for name, result in given.results:
        rows += [(name, key, value) for key, value in parameters(result)]
    columns = (
        Column("of", TEXT, "what it belongs to"),
        Column("setting", TEXT, "its name"),
        Column("value", TEXT, "its value"),
    )
    return Sheet("Settings", "What the numbers depend on beside the data", (), columns, tuple(rows))


def parameters(result: Result) -> Iterator[tuple[str, str]]:
    """Yield the plain values that a result keeps beside its tables."""
    for field in fields(result):  # type: ignore[arg-type]
        value = getattr(result, field.name)
        if field.name.startswith("_") or field.name in {*result._tables, "notes", "groups", "text"}:
            continue
        if value is None or isinstance(value, str | int | float | bool):
            yield field.name, str(value)
        elif hasattr(value, "total_seconds"):
            yield field.name, duration_in_short(value)
        elif isinstance(value, tuple):
            yield field.name, ", ".join(map(_in_words, value))


def _in_words(value: object) -> str:
    return duration_in_short(value) if hasattr(value, "total_seconds") else str(value)  # type: ignore[arg-type]


# Definitions


def definition_sheet(sheets: Sequence[Sheet]) -> Sheet:
    """Return what each column of each sheet means."""
    rows = tuple(
        (sheet.name, column.name, column.unit.name, column.meaning)
        for sheet in sheets
        for column in sheet.columns
    )
    columns = (
        Column("sheet", TEXT, "the sheet"),
        Column("column", TEXT, "the column"),
        Column("unit", TEXT, "the unit of its numbers"),
        Column("meaning", TEXT, "what it means"),
    )
    return Sheet("Definitions", "What every column means", (), columns, rows)


def tab_names(sheets: Sequence[Sheet]) -> list[str]:
    """Return names that a workbook takes: at most 31 characters, each once whatever its case."""
    taken: set[str] = set()
    names = []
    for sheet in sheets:
        plain = _FORBIDDEN.sub(" ", sheet.name).strip("' ")
        name, number = plain[:LONGEST_NAME], 1
        while name.lower() in taken:
            number += 1
            name = f"{plain[: LONGEST_NAME - len(str(number)) - 1]} {number}"
        taken.add(name.lower())
        names.append(name)
    return names
