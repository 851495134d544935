"""Personas by rules over the attributes of customers.

A rule over a missing attribute is neither true nor false. The first persona that is true is the customer's;
where none is, the customer is `unknown` if any could not be told, else `other`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cjmining.errors import LogError, nearest
from cjmining.intended.model import RESERVED_PERSONAS

if TYPE_CHECKING:
    import numpy.typing as npt

    from cjmining.intended.model import IntendedMap, Persona

Column: TypeAlias = Any
"""A chunked Arrow array, one value a customer; pyarrow carries no types."""


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
