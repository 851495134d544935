"""Nested columns of Parquet files and frames, brought into the form that a feed's JSON has."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from cjmining.ingest.database import identifier, literal

Structure = Any
"""As DuckDB's json_transform takes it: a type's name, {field: structure}, or [structure]."""


def as_structure(structure: str, schema: pa.Schema) -> str:
    """SQL that makes of a row's columns one struct of the form that `structure` (JSON text) says.

    Fields that the columns lack are null; names are compared without regard to case.
    """
    return _struct(
        json.loads(structure), {field.name: (identifier(field.name), field.type) for field in schema}
    )


def shared(structure: str, schema: pa.Schema) -> list[str]:
    """Return the first-level names of a structure that the columns have."""
    there = {name.lower() for name in schema.names}
    return [name for name in json.loads(structure) if name.lower() in there]


def missing(structure: str, schema: pa.Schema) -> list[str]:
    """Return those that the columns lack."""
    known = set(shared(structure, schema))
    return [name for name in json.loads(structure) if name not in known]


def _struct(wanted: dict[str, Structure], fields: dict[str, tuple[str, pa.DataType]]) -> str:
    exact, lower = fields, {name.lower(): field for name, field in fields.items()}
    parts = []
    for name, structure in wanted.items():
        found = exact.get(name) or lower.get(name.lower())
        sql = _null(structure) if found is None else _shaped(*found, structure)
        parts.append(f"{literal(name)}: {sql}")
    return f"{{{', '.join(parts)}}}"


def _shaped(sql: str, type_: pa.DataType, structure: Structure) -> str:
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if structure == "JSON":
        return sql if _is_text(type_) else f"CAST(to_json({sql}) AS VARCHAR)"
    if isinstance(structure, str):
        return _text(sql, type_)
    if _is_text(type_):  # JSON text in a column
        return f"CASE WHEN json_valid({sql}) THEN json_transform({sql}, {literal(json.dumps(structure))}) END"
    if isinstance(structure, list):
        if not _is_list(type_):
            return _null(structure)
        return f"list_transform({sql}, lambda x: {_shaped('x', type_.value_type, structure[0])})"
    if pa.types.is_map(type_):
        values = {name: (f"map_extract_value({sql}, {literal(name)})", type_.item_type) for name in structure}
        return f"CASE WHEN {sql} IS NOT NULL THEN {_struct(structure, values)} END"
    if pa.types.is_struct(type_):
        fields = {
            field.name: (f"struct_extract({sql}, {literal(field.name)})", field.type)
            for field in _fields(type_)
        }
        return f"CASE WHEN {sql} IS NOT NULL THEN {_struct(structure, fields)} END"
    return _null(structure)


def _text(sql: str, type_: pa.DataType) -> str:
    if _is_text(type_):
        return sql
    if pa.types.is_nested(type_):
        return f"CAST(to_json({sql}) AS VARCHAR)"
    if pa.types.is_floating(type_):
        return f"CASE WHEN NOT isnan({sql}) THEN CAST({sql} AS VARCHAR) END"
    return f"CAST({sql} AS VARCHAR)"


def _null(structure: Structure) -> str:
    return f"NULL::{_sql_type(structure)}"


def _sql_type(structure: Structure) -> str:
    if isinstance(structure, list):
        return f"{_sql_type(structure[0])}[]"
    if isinstance(structure, dict):
        fields = ", ".join(f"{identifier(name)} {_sql_type(each)}" for name, each in structure.items())
        return f"STRUCT({fields})"
    return "VARCHAR" if structure == "JSON" else str(structure)


def _is_text(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_)
    )


def _is_list(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_)
    )


def _fields(type_: pa.DataType) -> Iterable[pa.Field]:
    return (type_.field(i) for i in range(type_.num_fields))
