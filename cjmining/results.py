"""What every result has in common: tables for people, tables for programs, a view in a notebook."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from cjmining import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    import pandas as pd

    from cjmining.conformance import Conformance
    from cjmining.log import JourneyLog
    from cjmining.shown import Fold

_HEAD = 8
"""Rows of a table that a notebook shows."""

_SENTENCES = 4
"""Sentences of a result that a notebook tells before its tables."""


class Source(NamedTuple):
    """By what a log is known again: its journeys, when its data end, and where each journey ends in it."""

    n_journeys: int
    data_end_ns: int
    bounds_crc: int

    @classmethod
    def of(cls, log: JourneyLog) -> Source:
        """Take it from a log, which keeps it: every verb asks for it."""
        found: Source = log._once(
            "known by",
            lambda: cls(log.n_journeys, int(log.data_end.value), zlib.crc32(log.bounds.tobytes())),
        )
        return found


class Result:
    """Base of the results: a frozen dataclass names its tables in `_tables`.

    A result is a value: it holds pandas DataFrames and never changes. `_on_demand` names further tables,
    which are made when they are asked for; they are not shown in notebooks by themselves. `_late` names those
    of `_tables` that are no fields but cached properties, made by `_make`. `_opened` names the table that a
    notebook unfolds, where that is not the first.
    """

    _tables: tuple[str, ...] = ()
    _on_demand: tuple[str, ...] = ()
    _late: tuple[str, ...] = ()
    _opened: str = ""
    _sources: tuple[Source, ...] = ()

    def _made_from(self, check: Conformance) -> Self:
        """Note of which log the check was, so that results of several logs are not taken for those of one."""
        return self if check._reading is None else self._made_of(check._reading.log)

    def _made_of(self, *logs: JourneyLog) -> Self:
        """Note of which log it was made; of several where it may stand beside each of them."""
        object.__setattr__(self, "_sources", tuple(map(Source.of, logs)))
        return self

    @property
    def _source(self) -> Source | None:
        return self._sources[0] if self._sources else None

    def _with_tables(self, tables: Mapping[str, pd.DataFrame]) -> Self:
        """Return the result with other tables in place of its own."""
        fields = {name: table for name, table in tables.items() if name not in self._late}
        made = replace(self, **fields)  # type: ignore[type-var]  # every result is a dataclass
        vars(made).update({name: tables[name] for name in self._late if name in tables})
        return made

    def to_arrow(self) -> dict[str, pa.Table]:
        """Return every table of the result as an Arrow table, by its name."""
        return {
            name: pa.Table.from_pandas(self._table(name), preserve_index=False) for name in self._all_tables()
        }

    def _all_tables(self) -> tuple[str, ...]:
        """Return the names of all tables, those that are made on demand among them."""
        return (*self._tables, *self._on_demand)

    def _table(self, name: str) -> pd.DataFrame:
        table: pd.DataFrame = getattr(self, name)
        return table

    def _make(self, name: str, rows: int | None = None) -> pd.DataFrame:
        """Make a table that is late, or its first rows alone; subclasses that have some do."""
        raise NotImplementedError(name)

    def _n_rows(self, name: str) -> int:
        """Return how many rows a table has that is late; subclasses that have some know."""
        raise NotImplementedError(name)

    def _head(self, name: str) -> pd.DataFrame:
        """Return the first rows of a table; subclasses may make these alone."""
        return self._make(name, _HEAD) if self._is_unmade(name) else self._table(name).head(_HEAD)

    def _length(self, name: str) -> int:
        """Return how many rows a table has; subclasses may know without making it."""
        return self._n_rows(name) if self._is_unmade(name) else len(self._table(name))

    def _is_unmade(self, name: str) -> bool:
        """Say whether a table is late, and nobody has asked for it yet."""
        return name in self._late and name not in vars(self)

    def _summary(self) -> str:
        """One line that says what the result is; subclasses say more."""
        sizes = ", ".join(f"{name} ({len(self._table(name)):,} rows)" for name in self._tables)
        return f"{type(self).__name__}: {sizes}"

    def __repr__(self) -> str:
        return self._summary()

    def __dir__(self) -> list[str]:
        """List what is public: tables, further attributes, methods."""
        return [name for name in super().__dir__() if not name.startswith("_")]

    def _repr_html_(self) -> str:
        return shown.card(
            type(self).__name__,
            self._summary().splitlines()[0],
            told=self._told(),
            notes=self._remarks(),
            folds=self._folds(),
            last=self._last(),
        )

    def _told(self) -> Sequence[str]:
        """Return what a notebook tells in sentences: the first of those that a table has."""
        for name in self._tables:
            table = self._head(name)
            if "sentence" in table:
                more = self._length(name) - _SENTENCES
                return [
                    *table["sentence"].head(_SENTENCES),
                    *([f"and {more:,} more in .{name}"] * (more > 0)),
                ]
        return []

    def _remarks(self) -> Sequence[str]:
        """Return the notes of the result, where it has any."""
        return tuple(getattr(self, "notes", ()))

    def _folds(self) -> list[Fold]:
        """Return the tables for a notebook, the one that says most unfolded."""
        filled = [name for name in (self._opened, *self._tables) if name and self._length(name)]
        opened = next(iter(filled), "")
        return [
            shown.fold(name, self._head(name), rows=self._length(name), of=type(self), is_open=name == opened)
            for name in self._tables
        ]

    def _last(self) -> str:
        """Name the tables that are made when they are asked for."""
        names = ", ".join(f".{name}" for name in self._on_demand)
        return f"Made when asked for: {names}" if names else ""
