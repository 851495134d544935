"""Personas by rules over the attributes of customers: those of a map, or given by themselves.

A rule over a missing attribute is neither true nor false. The first persona that is true is the customer's;
where none is, the customer is `unknown` if any could not be told, else `other`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cjmining.documents import Document, Mistake, check, parse_document, raise_mistakes, read_document
from cjmining.errors import LogError, MapError, nearest
from cjmining.intended.model import RESERVED_PERSONAS, Persona

if TYPE_CHECKING:
    import numpy.typing as npt

    from cjmining.intended.model import IntendedMap

Column: TypeAlias = Any
"""A chunked Arrow array, one value a customer; pyarrow carries no types."""


@dataclass(frozen=True)
class Personas:
    """Personas given by rules, without a map: what `log.with_personas` takes.

    Attributes
    ----------
    personas : tuple of Persona
        In order; the first that fits is a customer's.
    path : str
        Where they were read, or what stands for it in messages.
    """

    personas: tuple[Persona, ...]
    path: str = "personas"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the personas, in order."""
        return tuple(persona.persona for persona in self.personas)

    def personas_of(self, customers: pa.Table) -> pa.Array:
        """Return each customer's persona, as a dictionary array aligned with `customers`.

        The first persona that fits; where none does, `unknown` if that depends on an attribute which this
        customer lacks, else `other`.

        Raises
        ------
        LogError
            If `customers` has attributes, but not one that a persona asks for.
        """
        return personas_of(self.personas, customers)

    def __repr__(self) -> str:
        return f"Personas: {', '.join(self.names)}"


def read_personas(source: str | Path | Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Personas:
    """Read personas that are given by rules over the attributes of customers, without a map.

    Parameters
    ----------
    source : path, text, mapping, or sequence of mappings
        A YAML file, or YAML text of several lines, with the key `personas` or nothing but its list; or the
        same as plain values. The keys and conditions are those of a map's section `personas`
        (`docs/map-format.md`), but for `stages`, which only a map has.

    Returns
    -------
    Personas
        For `log.with_personas`.

    Raises
    ------
    MapError
        With every mistake at once, by line, also as `.mistakes`.

    Examples
    --------
    >>> given = read_personas([
    ...     {"persona": "Young", "where": {"birth_year": {"at_least": 1997}}},
    ...     {"persona": "Islanders", "where": {"region": {"equals": "Islands"}}},
    ... ])
    >>> given
    Personas: Young, Islanders
    >>> import cjmining as cj
    >>> log = cj.simulate.shop(200, seed=1).log.with_personas(given)
    >>> sorted(set(log.customers["persona"]))
    ['Islanders', 'Young', 'other', 'unknown']
    """
    from cjmining.intended.checks import Outline, checks_of_personas
    from cjmining.intended.form import PersonasForm

    document = _document(source)
    form, mistakes = check(document, PersonasForm)
    outline = Outline(document.data)
    mistakes += [*checks_of_personas(outline), *_with_stages(outline.raw_personas)]
    if form is None or mistakes:
        raise_mistakes(document, mistakes, error=MapError)
        raise AssertionError  # pragma: no cover -- raise_mistakes always raises
    return Personas(
        tuple(
            Persona(
                each.persona,
                {name: condition.model_dump(exclude_none=True) for name, condition in each.where.items()},
                each.needs,
                each.value,
            )
            for each in form.personas
        ),
        document.path,
    )


def _document(source: str | Path | Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Document:
    if isinstance(source, str) and not source.strip():
        raise MapError("personas are a file, YAML text or a list of mappings, not an empty text")
    if isinstance(source, str) and "\n" in source:
        return _under_its_key(parse_document(source, name="personas", error=MapError))
    if isinstance(source, str | Path):
        return _under_its_key(read_document(source, error=MapError))
    if isinstance(source, Mapping):
        return Document(dict(source), "personas", "", {})
    if not isinstance(source, Sequence):
        raise MapError(
            f"personas are a file, YAML text or a list of mappings, not {type(source).__name__}: "
            'write [{"persona": "Young", "where": {"birth_year": {"at_least": 1997}}}]'
        )
    plain = [dict(each) if isinstance(each, Mapping) else each for each in source]
    return Document({"personas": plain}, "personas", "", {})


def _under_its_key(document: Document) -> Document:
    """Read a file that is nothing but the list as if its key stood above it."""
    if not isinstance(document.data, list):
        return document
    lines = {("personas", *steps): line for steps, line in document.lines.items()}
    mistakes = tuple(Mistake(("personas", *each.steps), each.what, each.line) for each in document.mistakes)
    return Document({"personas": document.data}, document.path, document.text, lines, mistakes)


def _with_stages(personas: Sequence[tuple[Any, Mapping[str, Any]]]) -> Iterator[Mistake]:
    for at, raw in personas:
        if "stages" in raw:
            what = "stages differ from those of a map: write this persona into the map that has them"
            yield Mistake((*at, "stages"), what)


def personas_of(personas: Sequence[Persona], customers: pa.Table) -> pa.Array:
    """Return each customer's persona as a dictionary array: the personas as written, other, unknown."""
    names = [*(persona.persona for persona in personas), *RESERVED_PERSONAS]
    other, unknown = len(personas), len(personas) + 1
    codes = np.full(customers.num_rows, other, dtype=np.int32)
    for number, persona in reversed(list(enumerate(personas))):
        fits = _fits(persona, customers)
        codes[pc.is_null(fits).to_numpy() & (codes == other)] = unknown
        codes[pc.fill_null(fits, False).to_numpy()] = number
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names, pa.string()))


def variant_of(intended: IntendedMap, customers: pa.Table) -> npt.NDArray[np.int32]:
    """Return for each customer the position in `variants` of the map that holds for their persona."""
    if len(intended.variants) == 1:
        return np.zeros(customers.num_rows, dtype=np.int32)
    names = [*(persona.persona for persona in intended.personas), *RESERVED_PERSONAS]
    varies = np.array([intended.for_persona(name) is not intended for name in names])
    of_code: npt.NDArray[np.int32] = (np.cumsum(varies) * varies).astype(np.int32)
    codes: npt.NDArray[np.int32] = personas_of(intended.personas, customers).indices.to_numpy()
    return of_code[codes]


def _fits(persona: Persona, customers: pa.Table) -> Column:
    """Return true, false or null (can't be told) for each customer; a false condition decides alone."""
    fits: Column = pa.chunked_array([pa.array(np.ones(customers.num_rows, dtype=np.bool_))])
    for attribute, conditions in persona.where.items():
        column = _attribute(persona, attribute, customers)
        for operator, wanted in conditions.items():
            fits = pc.and_kleene(fits, _holds(persona, attribute, column, operator, wanted))
    return fits


def _attribute(persona: Persona, attribute: str, customers: pa.Table) -> Column:
    known = [name for name in customers.column_names if name not in {"customer", "persona"}]
    if attribute in known:
        column = customers.column(attribute)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        return _without_blanks(column)
    if known:
        hint = nearest(attribute, known) or f"; they have {', '.join(known)}"
        asks = f"persona '{persona.persona}' asks for the attribute '{attribute}'"
        raise LogError(f"{asks}, which the customers don't have{hint}")
    return pa.chunked_array([pa.nulls(customers.num_rows, pa.string())])


def _without_blanks(column: Column) -> Column:
    """An empty text says as little as a missing one."""
    if not _is_text(column.type):
        return column
    trimmed = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, column.type), trimmed)


def _holds(persona: Persona, attribute: str, column: Column, operator: str, wanted: Any) -> Column:  # noqa: ANN401
    if operator == "missing":
        is_missing = pc.is_null(column)
        return is_missing if wanted else pc.invert(is_missing)
    try:
        if operator == "one_of":
            return _any_of([_compare("equals", column, value) for value in wanted])
        return _compare(operator, column, wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        what = f"persona '{persona.persona}': the attribute '{attribute}' ({_kind(column.type)})"
        raise LogError(f"{what} can't be compared with {wanted!r} ({operator})") from None


_COMPARISONS: Mapping[str, Any] = {
    "at_least": pc.greater_equal,
    "at_most": pc.less_equal,
    "above": pc.greater,
    "below": pc.less,
    "equals": pc.equal,
}


def _any_of(masks: Sequence[Column]) -> Column:
    result = masks[0]
    for mask in masks[1:]:
        result = pc.or_kleene(result, mask)
    return result


def _compare(operator: str, column: Column, wanted: Any) -> Column:  # noqa: ANN401 -- any plain value
    left, right = _comparable(operator, column, wanted)
    return _COMPARISONS[operator](left, right)


def _comparable(operator: str, column: Column, wanted: Any) -> tuple[Column, pa.Scalar]:  # noqa: ANN401
    """Bring an attribute and a rule's value to one type: numbers, times, truth values, else text."""
    is_bound = operator != "equals"
    if isinstance(wanted, bool):
        return (_as_truth(column) if _is_text(column.type) else column), pa.scalar(wanted)
    if isinstance(wanted, int | float):
        numbers = _as_numbers(column) if _is_text(column.type) else column.cast(pa.float64())
        return numbers, pa.scalar(float(wanted))
    if pa.types.is_temporal(column.type) or (is_bound and _is_text(column.type)):
        return _as_times(column), pa.scalar(_time_of(wanted), pa.timestamp("us"))
    if is_bound:
        raise pa.ArrowTypeError("a number can't be compared with a date")
    return column.cast(pa.string()), pa.scalar(str(wanted))


def _as_numbers(column: Column) -> Column:
    return _cast_where_possible(column, r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$", pa.float64())


def _as_times(column: Column) -> Column:
    if pa.types.is_temporal(column.type):
        return (
            column.cast(pa.timestamp("us"))
            if not _has_zone(column.type)
            else pc.local_timestamp(column.cast(pa.timestamp("us", column.type.tz)))
        )
    pattern = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?$"
    return _cast_where_possible(column, pattern, pa.timestamp("us"))


def _as_truth(column: Column) -> Column:
    lower = pc.utf8_lower(column)
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    position = pc.index_in(lower, value_set=pa.array(list(words)))
    return pc.take(pa.array(list(words.values())), position)


def _cast_where_possible(column: Column, pattern: str, type_: pa.DataType) -> Column:
    """What doesn't read as the type is as good as missing."""
    fits = pc.match_substring_regex(column, pattern)
    return pc.if_else(fits, column, pa.scalar(None, column.type)).cast(type_)


def _time_of(text: str) -> Any:  # noqa: ANN401 -- a datetime without a zone
    from datetime import datetime

    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise pa.ArrowTypeError(f"{text} is not a date") from None


def _has_zone(type_: pa.DataType) -> bool:
    return pa.types.is_timestamp(type_) and type_.tz is not None


def _is_text(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_)
    )


def _kind(type_: pa.DataType) -> str:
    if _is_text(type_):
        return "text"
    if pa.types.is_temporal(type_):
        return "a time"
    return "true or false" if pa.types.is_boolean(type_) else "a number"
