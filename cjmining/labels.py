"""Labels: ordered rules that say what a company's native events mean.

Rules are decided for the distinct combinations of what they ask about, never row by row: each column is first
reduced to the few classes of values that the rules tell apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from cjmining import schema
from cjmining.documents import Document, Mistake, read_document, validate
from cjmining.errors import LogError, nearest

Ids = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Column: TypeAlias = Any
"""A chunked Arrow array, one value an event; pyarrow carries no types."""

SAID: Final = ("touchpoint", "channel", "actor", "failed")
"""Columns that rules set."""

PROPERTIES_AT_ONCE = 1_000_000
"""Events whose properties are taken apart at once: bounds the memory that their text needs."""


@dataclass(frozen=True)
class Rule:
    """One rule: what an event must be like (left empty: anything), and what it then becomes.

    `source` are names; `native` and the values in `where` are patterns (`*` any text, `?` one character,
    `[abc]` one of these), of which one must fit. None leaves what the source said.
    """

    source: tuple[str, ...] = ()
    native: tuple[str, ...] = ()
    where: Mapping[str, tuple[str, ...]] | None = None
    touchpoint: str | None = None
    channel: str | None = None
    actor: str | None = None
    failed: bool | None = None
    place: str = "labels"


@dataclass(frozen=True)
class Labels:
    """Ordered label rules, of which the first that fits an event decides.

    Attributes
    ----------
    rules : tuple of Rule
        In the order in which they are tried.
    path : str
        The file they come from.
    """

    rules: tuple[Rule, ...]
    path: str = "labels"

    @property
    def sets(self) -> tuple[str, ...]:
        """The columns of events that some rule sets."""
        return tuple(name for name in SAID if any(getattr(rule, name) is not None for rule in self.rules))

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns of events that are needed to apply the rules, where the events have them."""
        asked = (key for rule in self.rules for key in rule.where or {})
        return tuple(dict.fromkeys((*SAID, "source", "native", "properties", *asked)))

    def apply(self, events: pa.Table, *, sources: Iterable[str] = ()) -> pa.Table:
        """Return `events` with the columns touchpoint, channel, actor and failed as the rules say.

        Parameters
        ----------
        events : pyarrow.Table
            The log's events; at least source, native, touchpoint, channel, actor and failed.
        sources : iterable of str
            Further names of sources that a rule may name although no event here is theirs.

        Raises
        ------
        LogError
            If a rule names a source that is not there, or asks about a number; all such mistakes at once.
        """
        return self.apply_and_count(events, sources=sources)[0]

    def apply_and_count(
        self, events: pa.Table, *, sources: Iterable[str] = ()
    ) -> tuple[pa.Table, tuple[int, ...]]:
        """Return the labelled events, and for each rule the number of events that it decided."""
        if not self.rules:
            return events, ()
        _check(self.rules, events, sources)
        fitting = _first_fitting(self.rules, events)
        counts = np.bincount(fitting, minlength=len(self.rules) + 1)[: len(self.rules)]
        for name in self.sets:
            events = _with_column(events, name, [getattr(rule, name) for rule in self.rules], fitting)
        return events, tuple(int(count) for count in counts)


def read_labels(source: str | Path | Mapping[str, Any] | Sequence[Mapping[str, Any]] | Labels) -> Labels:
    """Read label rules from a YAML file, or from the same as plain values.

    Parameters
    ----------
    source : path, mapping, or sequence of mappings
        A file or mapping with the key `labels`, or its list of rules. The format is described in
        `docs/map-format.md`.

    Raises
    ------
    LogError
        With all mistakes at once, each with its line.

    Examples
    --------
    >>> rule = {"native": "page_view", "where": {"page_path": "/pay*"}, "touchpoint": "paying"}
    >>> read_labels([rule]).rules[0].where
    {'page_path': ('/pay*',)}
    """
    if isinstance(source, Labels):
        return source
    document = _document(source)
    form = validate(document, _LabelsForm, error=LogError)
    return Labels(
        tuple(
            Rule(
                *(
                    rule.source,
                    rule.native,
                    rule.where,
                    rule.touchpoint,
                    rule.channel,
                    rule.actor,
                    rule.failed,
                ),
                place=document.describe(Mistake(("labels", number), "")).removesuffix(": "),
            )
            for number, rule in enumerate(form.labels)
        ),
        document.path,
    )


def _document(source: str | Path | Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Document:
    if isinstance(source, str | Path):
        return read_document(source, error=LogError)
    data = dict(source) if isinstance(source, Mapping) else {"labels": [dict(rule) for rule in source]}
    return Document(data, "labels", "", {})


# The form of the file ------------------------------------------------------------------------------------


def _texts(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _patterns(value: object) -> object:
    """Numbers and truth values are meant as they stand in JSON."""
    values = value if isinstance(value, list | tuple) else (value,)
    return tuple(
        str(one).lower() if isinstance(one, bool) else str(one) if isinstance(one, int | float) else one
        for one in values
    )


Word = Annotated[str, Field(min_length=1)]
Words = Annotated[tuple[Word, ...], BeforeValidator(_texts)]
Patterns = Annotated[tuple[str, ...], BeforeValidator(_patterns), Field(min_length=1)]


class _RuleForm(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Words = ()
    native: Words = ()
    where: dict[str, Patterns] = Field(default_factory=dict)
    touchpoint: Word | None = None
    channel: Word | None = None
    actor: Literal["customer", "company", "system"] | None = None
    failed: bool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> _RuleForm:
        if (self.touchpoint, self.channel, self.actor, self.failed) == (None, None, None, None):
            raise ValueError("the rule changes nothing; give it a touchpoint, channel, actor or failed")
        return self


class _LabelsForm(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: tuple[_RuleForm, ...]


# Which rule decides an event -----------------------------------------------------------------------------


def _check(rules: Sequence[Rule], events: pa.Table, sources: Iterable[str]) -> None:
    known = sorted({*_vocabulary(events.column("source")).to_pylist(), *sources})
    mistakes = [mistake for rule in rules for mistake in _mistakes(rule, events, known)]
    if len(mistakes) == 1:
        raise LogError(mistakes[0], mistakes=mistakes)
    if mistakes:
        raise LogError(
            "\n  ".join([f"{len(mistakes)} label rules don't suit this log:", *mistakes]), mistakes=mistakes
        )


def _mistakes(rule: Rule, events: pa.Table, known: Sequence[str]) -> Iterator[str]:
    for name in rule.source:
        if name not in known:
            hint = nearest(name, known) or f"; it has {', '.join(known)}"
            yield f"{rule.place}.source: the log has no source '{name}'{hint}"
    for key in rule.where or {}:
        if key in events.column_names and key not in _text_columns(events):
            yield f"{rule.place}.where.{key}: '{key}' is a column without text; rules compare text"


def _text_columns(events: pa.Table) -> list[str]:
    return [field.name for field in events.schema if pa.types.is_dictionary(field.type) or _is_text(field)]


def _is_text(field: pa.Field) -> bool:
    is_string = pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
    return bool(is_string) and field.name != "properties"


def _first_fitting(rules: Sequence[Rule], events: pa.Table) -> Ids:
    """Return for each event the number of the rule that decides it; their number where none does."""
    names = _text_columns(events)
    kinds = _Kinds(events.num_rows, len(rules))
    kinds.add(_classify_column(events.column("source"), [_exact(rule.source) for rule in rules]))
    kinds.add(_classify_column(events.column("native"), [_regex(rule.native) for rule in rules]))
    asked = list(dict.fromkeys(key for rule in rules for key in rule.where or {}))
    for key in asked:
        if key in names:
            kinds.add(_classify_column(events.column(key), [_where(rule, key) for rule in rules]))
    for key in asked:
        if key not in names:
            asking = np.array([key in (rule.where or {}) for rule in rules])
            still_open: Flags = (kinds.fits & asking).max(axis=1, initial=False)
            kinds.add(_classify_property(events, key, rules, still_open[kinds.of_event]))
    fits = np.column_stack([kinds.fits, np.ones(len(kinds.fits), dtype=np.bool_)])
    deciding: Ids = fits.argmax(axis=1).astype(np.int32)
    return deciding[kinds.of_event]


class _Classes:
    """Events sorted into classes, and which rules each class fits as far as one column goes."""

    def __init__(self, of_event: Ids, fits: Flags) -> None:
        self.of_event = of_event
        self.fits = fits


class _Kinds(_Classes):
    """The combinations of classes that occur, over the columns added so far."""

    def __init__(self, n_events: int, n_rules: int) -> None:
        super().__init__(np.zeros(n_events, dtype=np.int32), np.ones((1, n_rules), dtype=np.bool_))

    def add(self, column: _Classes) -> None:
        width = len(column.fits)
        combined = self.of_event.astype(np.int64) * width + column.of_event
        occurs = np.zeros(len(self.fits) * width, dtype=np.bool_)
        occurs[combined] = True
        numbers = np.cumsum(occurs, dtype=np.int32) - 1
        kept = np.flatnonzero(occurs)
        self.fits = self.fits[kept // width] & column.fits[kept % width]
        self.of_event = numbers[combined].astype(np.int32)


def _classify_column(column: Column, patterns: Sequence[str | None]) -> _Classes:
    codes, vocabulary = _codes(column)
    fits = _fits(vocabulary, patterns)
    classes, of_value = np.unique(fits, axis=0, return_inverse=True)
    return _Classes(of_value.reshape(-1).astype(np.int32)[codes], classes)


def _classify_property(events: pa.Table, key: str, rules: Sequence[Rule], wanted: Flags) -> _Classes:
    """Classify events by one of their native properties; only `wanted` events are taken apart."""
    patterns = [_where(rule, key) for rule in rules]
    without = np.array([pattern is None for pattern in patterns])
    numbers = {without.tobytes(): 0}
    classes = [without]
    of_event = np.zeros(events.num_rows, dtype=np.int32)
    rows = np.flatnonzero(wanted) if "properties" in events.column_names else np.empty(0, dtype=np.int64)
    for start in range(0, len(rows), PROPERTIES_AT_ONCE):
        part = rows[start : start + PROPERTIES_AT_ONCE]
        found = _classify_column(_extract(events.column("properties").take(pa.array(part)), key), patterns)
        for fits in found.fits:
            if numbers.setdefault(fits.tobytes(), len(classes)) == len(classes):
                classes.append(fits)
        translate = np.array([numbers[fits.tobytes()] for fits in found.fits], dtype=np.int32)
        of_event[part] = translate[found.of_event]
    return _Classes(of_event, np.array(classes))


def _extract(properties: Column, key: str) -> Column:
    """Return one property as text for each event; the key is taken as it stands, dots included."""
    import duckdb

    pointer = "/" + key.replace("~", "~0").replace("/", "~1")
    settings: dict[str, Any] = dict.fromkeys(
        ("autoinstall_known_extensions", "autoload_known_extensions"), "false"
    )
    with duckdb.connect(config=settings) as connection:
        connection.register("part", pa.table({"properties": properties}))
        query = "SELECT json_extract_string(properties, ?) AS value FROM part"
        try:
            return connection.sql(query, params=[pointer]).to_arrow_table().column("value")
        except duckdb.InvalidInputException as problem:
            raise LogError(f"the properties of some events are not JSON: {problem}") from None


def _fits(vocabulary: pa.Array, patterns: Sequence[str | None]) -> Flags:
    """Return which values fit which pattern; a last row stands for events without a value."""
    result = np.ones((len(vocabulary) + 1, len(patterns)), dtype=np.bool_)
    known: dict[str, Flags] = {}
    for number, pattern in enumerate(patterns):
        if pattern is None:
            continue
        if pattern not in known:
            known[pattern] = pc.match_substring_regex(vocabulary, pattern).to_numpy(zero_copy_only=False)
        result[:-1, number] = known[pattern]
        result[-1, number] = False
    return result


def _codes(column: Column) -> tuple[Ids, pa.Array]:
    """Return dictionary codes, -1 for missing (which indexes the last row), and the vocabulary."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    array = pa.chunked_array(column, column.type).unify_dictionaries().combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = (
            array.chunk(0)
            if array.num_chunks
            else pa.DictionaryArray.from_arrays(pa.array([], pa.int32()), [])
        )
    codes = pc.fill_null(array.indices.cast(pa.int32()), -1).to_numpy()
    return codes, array.dictionary.cast(pa.string())


def _vocabulary(column: Column) -> pa.Array:
    return _codes(column)[1]


def _where(rule: Rule, key: str) -> str | None:
    return _regex((rule.where or {}).get(key, ()))


def _exact(names: Sequence[str]) -> str | None:
    return rf"\A(?:{'|'.join(map(re.escape, names))})\z" if names else None


def _regex(patterns: Sequence[str]) -> str | None:
    """Return the regular expression (RE2) of "one of these patterns", or None where anything fits."""
    return rf"(?s)\A(?:{'|'.join(map(_translate, patterns))})\z" if patterns else None


_PARTS = re.compile(r"\*+|\?|\[[!^]?\]?[^\]]*\]|[^*?\[]+|\[")


def _translate(pattern: str) -> str:
    def part(text: str) -> str:
        if text.startswith("*"):
            return ".*"
        if text == "?":
            return "."
        if text.startswith("[") and len(text) > 2:
            inside = text[1:-1].replace("\\", "\\\\").replace("[", "\\[")
            inverse = inside.startswith("!")
            inside = inside.removeprefix("!")
            inside = f"\\{inside}" if inside.startswith(("]", "^")) else inside
            return f"[{'^' if inverse else ''}{inside}]"
        return re.escape(text)

    return "".join(part(match[0]) for match in _PARTS.finditer(pattern))


# What it becomes -----------------------------------------------------------------------------------------


def _with_column(events: pa.Table, name: str, said: Sequence[Any], fitting: Ids) -> pa.Table:
    """Return the events with one column as the rules say; what they leave open stays."""
    is_there = name in events.column_names
    field = schema.EVENTS.field(name)
    column = events.column(name) if is_there else pa.chunked_array([pa.nulls(events.num_rows, field.type)])
    new = (_flags if name == "failed" else _overwritten)(column, said, fitting)
    if is_there:
        return events.set_column(events.schema.get_field_index(name), name, new)
    return events.append_column(name, new)


def _overwritten(column: Column, texts: Sequence[str | None], fitting: Ids) -> pa.Array:
    """Return a text column with the decided events' texts replaced; its vocabulary is sorted anew."""
    codes, vocabulary = _codes(column)
    words = [*vocabulary.to_pylist(), *(text for text in texts if text is not None)]
    numbers = {word: number for number, word in enumerate(sorted(set(words)))}
    old = np.array([*(numbers[word] for word in vocabulary.to_pylist()), -1], dtype=np.int32)
    new = np.array([*(-2 if text is None else numbers[text] for text in texts), -2], dtype=np.int32)
    chosen = new[fitting]
    result = np.where(chosen == -2, old[codes], chosen)
    used = np.zeros(len(numbers) + 1, dtype=np.bool_)
    used[result] = True
    compact = np.append(np.cumsum(used[:-1], dtype=np.int32) - 1, -1).astype(np.int32)
    kept = [word for word, is_used in zip(sorted(numbers), used[:-1], strict=True) if is_used]
    codes = compact[result]
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(kept, pa.string())).cast(
        schema.TEXT
    )


def _flags(column: Column, flags: Sequence[bool | None], fitting: Ids) -> pa.ChunkedArray:
    given = pa.array([*flags, None], pa.bool_()).take(pa.array(fitting))
    return pc.coalesce(given, column)
