"""SQL of the rows of a staged table: raw texts are trimmed and cast, and what is spoilt gets its reason.

Each step is a SELECT around the one before, so that what several columns need is computed and planned once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cjmining.ingest import casts
from cjmining.ingest.database import SEPARATOR, identifier, literal
from cjmining.ingest.sources.base import Column, Feed, Listed

CONTENT_CHARACTERS = 500
"""Of a spoilt record, how many characters are kept."""
_LINE_ENDS = "chr(13) || chr(10)"
_UNSEEN = literal(" \t\r\n\v\f\x1c\x1d\x1e\x1f\x85\u00a0\u1680\u200b\u2028\u2029\u202f\u205f\u3000\ufeff")
_FIELD_SEPARATOR = "chr(31)"


@dataclass(frozen=True)
class Origin:
    """Where records come from: files that one statement reads.

    Parameters
    ----------
    file : int
        Number of the first file; the others follow.
    names : sequence of str
        Of each file.
    before : sequence of int
        How many records of the source were read before each file's.
    feed_place : int
        Place of the feed among those of its source.
    """

    file: int
    names: Sequence[str]
    before: Sequence[int]
    feed_place: int

    def of_each(self, values: Sequence[str]) -> str:
        """SQL of the one among values, one a file, that belongs to a record's file."""
        return values[0] if len(values) == 1 else f'[{", ".join(values)}]["r:at" + 1]'


@dataclass(frozen=True)
class Raw:
    """What a query gives of the records, as SQL over its columns.

    Parameters
    ----------
    query : str
    texts : mapping
        Column of the feed -> SQL of its raw text, None where the export has none.
    structure : str
        SQL of what is wrong with a record as a whole.
    content : str
        SQL of the record, as the quarantine shows it: the text `text`, or a structure.
    is_trimmed : bool
        Whether texts are trimmed, and NULL where they are empty.
    record : str
        SQL of its number in its file, from 1.
    at : str
        SQL of the place of its file among those that the query reads.
    """

    query: str
    texts: Mapping[str, str | None]
    structure: str = "NULL"
    content: str = "text"
    is_trimmed: bool = False
    record: str = "record"
    at: str = "0"


def staged_rows(source: str, feed: Feed, origin: Origin, raw: Raw) -> str:
    """Return the SELECT that makes the rows of a feed's staged table."""
    # inner names begin with r: so that no column of an export can be mistaken for them
    listed = ", ".join(f"{_given(c, raw)} AS {text_of(c)}" for c in feed.columns)
    relation = (
        f'SELECT {raw.record} AS "r:record", ({raw.at})::BIGINT AS "r:at", {raw.structure} AS "r:structure", '
        f'{raw.content} AS "r:content", {listed} FROM ({raw.query})'
    )
    given = [c for c in feed.columns if c.kind != "nested" and raw.texts[c.name] is not None]
    if given and not raw.is_trimmed:
        trimmed = ", ".join(f"{casts.trimmed(text_of(c))} AS {text_of(c)}" for c in given)
        relation = f"SELECT * REPLACE ({trimmed}) FROM ({relation})"
    for step in _casts(feed, raw):
        relation = f"SELECT *, {', '.join(step)} FROM ({relation})"
    columns = _staged_columns(source, feed, origin, raw.content)
    return (
        f"SELECT {', '.join(columns)} "
        # what has parts in common is computed outside of CASE: there each part is computed once
        f'FROM (SELECT *, {_reason(feed)} AS "r:reason", {_identifiers(feed)} AS "r:ids" FROM ({relation}))'
    )


def text_of(column: Column) -> str:
    """Name the column with the text of a feed's column."""
    return identifier(column.name + ":text")


def left_out_column(i: int) -> str:
    """Name the staged column with the texts of a feed's i-th kind of values left out."""
    return identifier(f"l:{i}")


def _given(column: Column, raw: Raw) -> str:
    nothing = "NULL" if column.kind == "nested" else "NULL::VARCHAR"
    return raw.texts[column.name] or nothing


def _casts(feed: Feed, raw: Raw) -> list[list[str]]:
    """Return the casts, in the order in which they build on each other."""
    steps: list[list[str]] = [[]]
    for column in feed.columns:
        source, name = text_of(column), identifier(column.name)
        if column.kind == "time" and raw.texts[column.name] is None:
            absent = ("", "NULL::TIMESTAMP"), (":clock", str(casts.ZONED)), (":date", "FALSE")
            steps[0] += [f"{sql} AS {identifier(column.name + suffix)}" for suffix, sql in absent]
        elif column.kind == "time":
            for i, step in enumerate((column.clock or feed.clock).steps(source, column.name)):
                if i == len(steps):
                    steps.append([])
                steps[i] += step
        elif column.kind == "number":
            steps[0].append(f"{casts.number(source, feed.decimal)} AS {name}")
        elif column.kind == "flag":
            steps[0].append(f"{casts.flag(source)} AS {name}")
        else:
            steps[0].append(f"{source} AS {name}")
    return steps


def _reason(feed: Feed) -> str:
    """SQL of why a record can't be used, NULL for one that can."""
    reasons = [reason for column in feed.columns for reason in _reasons(feed, column)]
    reasons += [f"WHEN {condition} THEN {literal(reason)}" for condition, reason in feed.checks]
    return f'CASE WHEN "r:structure" IS NOT NULL THEN "r:structure" {" ".join(reasons)} END'


def _reasons(feed: Feed, column: Column) -> list[str]:
    source, name = text_of(column), identifier(column.name)
    wrong = {"time": "no time that can be read", "number": "no number", "flag": "neither true nor false"}
    found = []
    if column.filled:
        # nothing but characters that can't be seen is nothing; few texts begin with one
        unseen = f"CASE WHEN {source} < '!' OR {source} > '~' THEN trim({source}, {_UNSEEN}) = '' END"
        found.append(f"WHEN {source} IS NULL OR {unseen} THEN {literal(f'{column.name} is empty')}")
    is_left_out = column.name in {left.column for left in feed.left_out}
    if column.kind not in ("text", "nested") and not is_left_out:
        found.append(
            f"WHEN {source} IS NOT NULL AND {name} IS NULL "
            f"THEN {literal(f'{column.name} is {wrong[column.kind]}')}"
        )
    return found


def _staged_columns(source: str, feed: Feed, origin: Origin, content: str) -> list[str]:
    fine = 'CASE WHEN "r:reason" IS NULL THEN'
    asides = " ".join(f"WHEN {condition} THEN {literal(reason)}" for condition, reason in feed.asides)
    clocks = [f"coalesce({identifier(c.name + ':clock')}, 0)" for c in feed.columns if c.kind == "time"]
    # a structure is written as JSON here, where only spoilt records are: for all it would cost a third
    text = '"r:content"' if content == "text" else 'CAST(to_json("r:content") AS VARCHAR)'
    shown = f"left(rtrim({text}, {_LINE_ENDS}), {CONTENT_CHARACTERS})"
    clock = f"greatest({', '.join(clocks)})" if clocks else "0"
    return [
        f'({origin.file} + "r:at")::INTEGER AS file',
        '"r:record"::BIGINT AS record',
        f'{origin.of_each([str(n) for n in origin.before])} + "r:record"::BIGINT AS sequence',
        f"{origin.feed_place}::BIGINT AS feed_place",
        '"r:reason" AS reason',
        f'CASE WHEN "r:reason" IS NOT NULL THEN {shown} END AS content',
        f"{fine} {_key(source, feed, origin)} END AS key",
        f"{fine} {feed.version} END AS version",
        f'{fine} "r:ids" END AS ids',
        f"{fine} {f'CASE {asides} END' if asides else 'NULL::VARCHAR'} END AS aside",
        f"{clock}::TINYINT AS clock",
        *(f"{expression} AS {identifier(name)}" for name, expression in feed.keep.items()),
        *(
            f"{fine} CASE WHEN {left.condition} THEN {left.text} END END AS {left_out_column(i)}"
            for i, left in enumerate(feed.left_out)
        ),
    ]


def _key(source: str, feed: Feed, origin: Origin) -> str:
    """SQL of the record's key: what the feed names, else all it says, in files of one name."""
    parts = feed.key or [
        origin.of_each([literal(name) for name in origin.names]),
        *map(text_of, feed.columns),
    ]
    # without the separator, which no value may bring along
    texts = ", ".join(
        f"coalesce({casts.without(f'CAST({part} AS VARCHAR)', _FIELD_SEPARATOR)}, '')" for part in parts
    )
    return f"md5_number(concat_ws({_FIELD_SEPARATOR}, {literal(source)}, {literal(feed.name)}, {texts}))"


def _identifiers(feed: Feed) -> str:
    parts = ", ".join(_named_identifiers(kind, sql) for kind, sql in feed.identifiers)
    return f"nullif(concat_ws({SEPARATOR}, {parts}), '')" if parts else "NULL::VARCHAR"


def _named_identifiers(kind: str, expression: str) -> str:
    """SQL of a record's identifiers of a kind; a value with the separator in it would pass for two."""
    own = literal(kind + ":")
    if not isinstance(expression, Listed):
        return f"{own} || {casts.without(expression, SEPARATOR)}"
    each = f"lambda given: {own} || nullif(replace(given, {SEPARATOR}, ''), '')"
    return f"nullif(array_to_string(list_transform({expression}, {each}), {SEPARATOR}), '')"
