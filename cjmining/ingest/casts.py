"""SQL fragments that turn text into times, numbers and truth values, NULL where it can't be done."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cjmining.errors import SourceError, nearest
from cjmining.ingest.database import identifier, literal

ZONED, NAIVE, SKIPPED, REPEATED = 0, 1, 2, 3
"""What a time's clock says: it carried its zone; it did not; nor does it exist; or it exists twice."""

_FIRST_YEAR, _LAST_YEAR = 1970, 2060
_LAST_EPOCH = 10**16  # microseconds, in the year 2286
_HOUR = re.compile("%-?[HIcXT]")
_OF_A_YEAR = ("%j", "%-j", "%U", "%W", "%V")
_ROLLING = ("%z", "%Z", *_OF_A_YEAR)
"""Fields with which DuckDB takes days that there aren't for others."""
EPOCHS = {"epoch s": 1_000_000, "epoch ms": 1_000, "epoch us": 1}
"""Names of times counted from 1970 in UTC, and how many microseconds their unit has."""
ISO = "iso"
"""Stands for ISO 8601 among other formats."""

_SHIFT = 1_000_000  # seconds added to an offset, so that code // 4 is never negative


def text(expression: str) -> str:
    """Trim a text; an empty one is missing."""
    return f"nullif(trim({expression}), '')"


def trimmed(name: str) -> str:
    """Trim the text in a column; an empty one is missing. Few texts have a blank at an edge."""
    return f"CASE WHEN {name} < '!' OR suffix({name}, ' ') THEN {text(name)} ELSE {name} END"


def without(expression: str, separator: str) -> str:
    """Take a separator out of a text. Few texts hold one."""
    replaced = f"replace({expression}, {separator}, '')"
    return f"CASE WHEN contains({expression}, {separator}) THEN {replaced} ELSE {expression} END"


def number(expression: str, decimal: str = ".") -> str:
    """Read a finite number; with `decimal` a comma, points separate thousands and stand nowhere else."""
    if decimal == ",":
        whole = r"'^[+-]?([0-9]{1,3}([.][0-9]{3})+|[0-9]*)(,[0-9]*)?$'"
        expression = (
            f"CASE WHEN regexp_matches({expression}, {whole}) "
            f"THEN replace(replace({expression}, '.', ''), ',', '.') END"
        )
    cast = f"TRY_CAST({expression} AS DOUBLE)"
    return f"CASE WHEN isfinite({cast}) THEN {cast} END"


def flag(expression: str) -> str:
    """Read a truth value: true, yes, y, t, 1 or false, no, n, f, 0."""
    return (
        f"CASE WHEN lower({expression}) IN ('true', 'yes', 'y', 't', '1') THEN TRUE "
        f"WHEN lower({expression}) IN ('false', 'no', 'n', 'f', '0') THEN FALSE END"
    )


@dataclass(frozen=True)
class Clock:
    """How a source writes its times.

    Parameters
    ----------
    zone : str
        Zone of times that carry none: an IANA name or a fixed offset such as "-06:00".
    given : bool
        Whether somebody chose the zone; false for a source's documented default.
    formats : sequence of str
        strptime formats, tried in order after ISO 8601; with `only_formats` ISO isn't tried.
    epoch : str, optional
        One of `EPOCHS`, where times are numbers counted from 1970 in UTC.
    """

    zone: str = "UTC"
    given: bool = False
    formats: tuple[str, ...] = ()
    only_formats: bool = False
    epoch: str | None = None

    @property
    def macro(self) -> str | None:
        """Name of the SQL macro of the zone, None where there is nothing to shift."""
        return (
            None
            if self.zone.upper() == "UTC"
            else "zone_" + re.sub(r"\W", lambda m: f"_{ord(m[0])}_", self.zone)
        )

    def steps(self, text: str, name: str) -> list[list[str]]:
        """Read a time, step by step: each list holds the columns that one SELECT adds to those before.

        In the end there are `<name>` (a TIMESTAMP in UTC), `<name>:clock` and `<name>:date`.
        """
        time, clock, day = identifier(name), identifier(name + ":clock"), identifier(name + ":date")
        if self.epoch:
            since = identifier(name + ":since")
            sane = f"CASE WHEN {since} BETWEEN -{_LAST_EPOCH} AND {_LAST_EPOCH} THEN {since} END"
            moment = identifier(name + ":utc")
            return [
                [
                    f"{_since_1970(text, EPOCHS[self.epoch])} AS {since}",
                    f"{ZONED} AS {clock}",
                    f"FALSE AS {day}",
                ],
                [f"make_timestamp({sane}) AS {moment}"],
                [f"{_in_range(moment)} AS {time}"],
            ]
        zoned, local = identifier(name + ":zoned"), identifier(name + ":local")
        code = identifier(name + ":code")
        first = [
            f"coalesce({self._is_zoned(text)}, FALSE) AS {zoned}",
            f"{self._local(text)} AS {local}",
            f"{self._is_date(text)} AS {day}",
        ]
        offset, kind = f"({code} // 4 - {_SHIFT})", f"coalesce({code} % 4, {ZONED})"
        of_local = f"{self.macro}({local})" if self.macro else str(NAIVE)
        second = [f"CASE WHEN NOT {zoned} AND {local} IS NOT NULL THEN {of_local} END AS {code}"]
        if not self.macro:
            offset = "0"
        moment = f"CASE WHEN {zoned} THEN {self._zoned(text)} ELSE {local} - to_seconds({offset}) END"
        third = [f"{moment} AS {identifier(name + ':utc')}", f"{kind} AS {clock}"]
        return [first, second, third, [f"{_in_range(identifier(name + ':utc'))} AS {time}"]]

    def _is_date(self, expression: str) -> str:
        """Say whether the text is a date without a time."""
        timed = [bool(_HOUR.search(form)) for form in self.formats]
        if self.only_formats and all(timed):
            return "FALSE"
        if all(":" in form for form, has_hour in zip(self.formats, timed, strict=True) if has_hour):
            return f"NOT contains({expression}, ':')"
        tried = " ".join(
            f"WHEN try_strptime({expression}, {literal(form)}) IS NOT NULL THEN {not has_hour}"
            for form, has_hour in zip(self.formats, timed, strict=True)
        )
        return f"CASE {tried} ELSE NOT contains({expression}, ':') END"

    def _is_zoned(self, expression: str) -> str:
        by_format = f"{_formatted(expression, self._zoned_formats)} IS NOT NULL"
        if self.only_formats:
            return by_format if self._local_formats and self._zoned_formats else str(not self._local_formats)
        iso = (
            f"regexp_matches({expression}, "
            r"'[0-9]:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?\s*([Zz]|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?)$')"
        )
        return f"({iso} OR {by_format})" if self._zoned_formats else iso

    def _zoned(self, expression: str) -> str:
        by_format = _formatted(expression, self._zoned_formats) + "::TIMESTAMPTZ"
        iso = f"TRY_CAST(regexp_replace({expression}, '\\s+([+-])', '\\1') AS TIMESTAMPTZ)"
        if self.only_formats:
            return f"{by_format} AT TIME ZONE 'UTC'"
        return f"{f'COALESCE({iso}, {by_format})' if self._zoned_formats else iso} AT TIME ZONE 'UTC'"

    def _local(self, expression: str) -> str:
        by_format = _formatted(expression, self._local_formats)
        if self.only_formats:
            return by_format
        if not self._local_formats:
            return f"TRY_CAST({expression} AS TIMESTAMP)"
        # a cast that fails costs much more than a comparison: years lie between 1900 and 2199
        may_be_iso = f"CASE WHEN {expression} BETWEEN '19' AND '22' THEN {expression} END"
        return f"COALESCE(TRY_CAST({may_be_iso} AS TIMESTAMP), {by_format})"

    @property
    def _zoned_formats(self) -> list[str]:
        return [form for form in self.formats if "%z" in form or "%Z" in form]

    @property
    def _local_formats(self) -> list[str]:
        return [form for form in self.formats if form not in self._zoned_formats]


def _formatted(expression: str, formats: Sequence[str]) -> str:
    if not formats:
        return "NULL::TIMESTAMP"
    if not any(field in form for form in formats for field in _ROLLING):
        return f"try_strptime({expression}, [{', '.join(map(literal, formats))}])"
    # a list of forms with an offset takes 31 February for 3 March, each form by itself doesn't
    return f"coalesce({', '.join(_by_itself(expression, form) for form in formats)}, NULL)"


def _by_itself(expression: str, form: str) -> str:
    """Read a time in one form; days that a month, and weeks and days that a year doesn't have, are none."""
    moment = f"try_strptime({expression}, {literal(form)})"
    if form.rstrip().endswith("%Z"):
        without = form.rstrip()[:-2].rstrip()
        plain = f"try_strptime(regexp_replace(trim({expression}), '\\s*\\S+$', ''), {literal(without)})"
        return f"CASE WHEN {plain} IS NOT NULL THEN {moment} END"
    year = next((field for field in ("%Y", "%y") if field in form), None)
    if year and any(field in form for field in _OF_A_YEAR):
        return f"CASE WHEN contains({expression}, strftime({moment}, '{year}')) THEN {moment} END"
    return moment


def check_formats(given: object, where: str) -> tuple[str, ...]:
    """Return the formats that `date_format` names, in order, or say what is wrong with one."""
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list | tuple) or not all(isinstance(form, str) for form in listed):
        raise SourceError(
            f"{where}date_format is a form such as '%d.%m.%Y %H:%M', a list of such forms, or one of "
            f"{', '.join(map(repr, EPOCHS))}, not {given!r}"
        )
    if len(listed) > 1 and (counted := [form for form in listed if form in EPOCHS]):
        raise SourceError(f"{where}date_format {counted[0]!r} stands alone: a number has no other form")
    for form in listed:
        if form not in EPOCHS and form != ISO:
            _check_format(form, where)
    return tuple(listed)


def _check_format(form: str, where: str) -> None:
    import duckdb

    if "%" not in form:
        raise SourceError(
            f"{where}date_format {form!r} has no field such as %d{nearest(form, (*EPOCHS, ISO))}; write "
            f"'%d.%m.%Y %H:%M' for 31.12.2026 23:59, {ISO!r} for ISO 8601, or for numbers counted from 1970 "
            f"one of {', '.join(map(repr, EPOCHS))}"
        )
    try:
        with duckdb.connect() as connection:
            connection.execute(f"SELECT try_strptime('', {literal(form)})").fetchall()
    except duckdb.Error as problem:
        raise SourceError(
            f"{where}date_format {form!r} can't be used: {str(problem).split(': ', 1)[-1]}. Fields are those "
            "of strptime, such as '%d.%m.%Y %H:%M'; for seconds since 1970 write 'epoch s'"
        ) from problem


def _since_1970(text: str, unit: int) -> str:
    """SQL of the microseconds since 1970, exact, and not only for whole numbers."""
    exact = f"TRY_CAST(round(TRY_CAST({text} AS DECIMAL(28, 6)) * {unit}) AS BIGINT)"
    # whole microseconds are read six times as fast as such; that would read hexadecimal numbers too
    whole = f"CASE WHEN {text} BETWEEN '1' AND ':' THEN TRY_CAST({text} AS BIGINT) END"
    return f"coalesce({whole}, {exact})" if unit == 1 else exact


def _in_range(expression: str) -> str:
    """A year outside 1900 to 2199 is a mistake, not a time."""
    first, last = "TIMESTAMP '1900-01-01'", "TIMESTAMP '2199-12-31 23:59:59.999999'"
    return f"CASE WHEN {expression} BETWEEN {first} AND {last} THEN {expression} END"


def check_zone(zone: str, where: str) -> str:
    """Return the zone, or say that there is none of that name."""
    if not isinstance(zone, str):
        raise SourceError(f"{where}timezone is a zone such as 'Europe/Berlin' or '-06:00', not {zone!r}")
    _zone(zone, where)
    return zone


def zone_macro(clock: Clock) -> str:
    """Write the SQL macro that gives a local time's offset and kind as (seconds + shift) * 4 + kind.

    A time that a clock change skips is moved on by the change; one that occurs twice is the first of the two.
    """
    segments = _segments(clock.zone)
    return f"CREATE OR REPLACE MACRO {clock.macro}(t) AS {_tree(segments)}"


def _tree(segments: Sequence[tuple[datetime, int, int]]) -> str:
    if len(segments) == 1:
        _, offset, kind = segments[0]
        return str((offset + _SHIFT) * 4 + kind)
    middle = len(segments) // 2
    start = segments[middle][0]
    before, after = _tree(segments[:middle]), _tree(segments[middle:])
    return f"CASE WHEN t < TIMESTAMP '{start}' THEN {before} ELSE {after} END"


@lru_cache(maxsize=32)
def _segments(zone: str) -> tuple[tuple[datetime, int, int], ...]:
    """Return (local time from which on, offset in seconds, kind) over the years that matter."""
    rules = _zone(zone, "")
    offset = _offset(rules, datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC))
    segments = [(datetime(1, 1, 1), offset, NAIVE)]  # noqa: DTZ001 -- local times have no zone
    for change, before, after in _changes(rules):
        first, second = change + timedelta(seconds=before), change + timedelta(seconds=after)
        kind = SKIPPED if after > before else REPEATED
        segments.append((min(first, second), before, kind))
        segments.append((max(first, second), after, NAIVE))
    return tuple(segments)


def _changes(rules: tzinfo) -> list[tuple[datetime, int, int]]:
    """Find the moments (UTC, without a zone) at which the offset changes, to the second."""
    found = []
    day = datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC)
    before = _offset(rules, day)
    while day.year < _LAST_YEAR:
        after = _offset(rules, day + timedelta(days=1))
        if after != before:
            low, high = 0, 86_400
            while high - low > 1:
                middle = (low + high) // 2
                if _offset(rules, day + timedelta(seconds=middle)) == before:
                    low = middle
                else:
                    high = middle
            found.append(((day + timedelta(seconds=high)).replace(tzinfo=None), before, after))
            before = after
        day += timedelta(days=1)
    return found


def _offset(rules: tzinfo, moment: datetime) -> int:
    offset = moment.astimezone(rules).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def _zone(zone: str, where: str) -> tzinfo:
    fixed = re.fullmatch(r"(?:UTC)?([+-])(\d\d):?(\d\d)", zone)
    if fixed:
        sign = -1 if fixed[1] == "-" else 1
        return timezone(sign * timedelta(hours=int(fixed[2]), minutes=int(fixed[3])))
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise SourceError(
            f"{where}there is no time zone {zone!r}{nearest(zone, available_timezones())}; "
            "give an IANA name such as 'Europe/Berlin' or an offset such as '-06:00'"
        ) from problem
