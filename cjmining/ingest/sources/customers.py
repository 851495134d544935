"""A table of customers: their identifiers and attributes, such as the year of birth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from cjmining.errors import SourceError
from cjmining.ingest.readers import Dialect
from cjmining.ingest.sources.about import About, Layout
from cjmining.ingest.sources.base import Column, Feed, Source, repeated
from cjmining.ingest.sources.columns import Choice, index_names, inputs_of
from cjmining.ingest.sources.table import named_columns


class Customers(Source):
    """A table with one customer in each row.

    Parameters
    ----------
    data : path, list of paths, or frame
        As for `Table`.
    identifiers : {column: kind}
        By which rows are joined to customers, and these to each other: email, phone, crm_id, user_id, ...
    attributes : sequence of str or {name: column}, optional
        Columns to keep; default: all that are no identifiers. Numbers become numbers.
    version : str, optional
        Column whose greatest value is the newest row of a customer, whose values come before those of older
        rows.
    name : str
        What the ledger calls it.
    region : str, optional
        Country of phone numbers without country code, such as "DE".
    delimiter, quote, encoding : str, optional
        Of a text file; found on a sample of it by default.

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.Customers("customers.csv", identifiers={"number": "user_id", "email": "email"})
    Customers(name='customers')
    """

    kind: ClassVar[str] = "Customers"
    about: ClassVar[About] = About(
        system="Any table of customers",
        layouts=(Layout("table", "CSV, TSV, Parquet, JSON lines (also .gz, .zip), or any Arrow frame"),),
        identifiers=("those of the columns named by identifiers=",),
        needs="columns of identifiers, named by you",
        natural_key=(
            "none: of several rows for one customer the newest by version= comes first, and of each "
            "attribute the first value counts; of opt-outs and consents one that speaks against writing"
        ),
        times="none are needed",
        checked="pandas, polars, Arrow and files of the same rows give the same customers",
    )
    default_zone: ClassVar[str] = "UTC"

    def __init__(
        self,
        data: Any,  # noqa: ANN401 -- paths and any frame
        *,
        identifiers: Mapping[str, str],
        attributes: Sequence[str] | Mapping[str, str] | None = None,
        version: str | None = None,
        name: str = "customers",
        region: str | None = None,
        delimiter: str | None = None,
        quote: str | None = None,
        encoding: str | None = None,
    ) -> None:
        super().__init__(name=name, region=region)
        if not isinstance(identifiers, Mapping) or not identifiers:
            raise SourceError(f"source {name!r}: identifiers is {{column: kind}}, not {identifiers!r}")
        self._data = data
        self._identifiers = dict(identifiers)
        self._attributes = None if attributes is None else named_columns(attributes, name, "attributes")
        self._version = version
        self._dialect = Dialect(encoding, delimiter, quote)

    def feeds(self) -> Sequence[Feed]:
        """Return the one feed of the table."""
        inputs, names = inputs_of(self._data, self.name, self._dialect)
        choice = Choice(self.name, names, inputs[0].name, index=index_names(self._data))
        identifiers = [
            (self.phone() if kind == "phone" else kind, choice.column(column, "identifiers"))
            for column, kind in self._identifiers.items()
        ]
        version = choice.column(self._version, "version") if self._version else "NULL"
        wanted = self._attributes
        if wanted is None:
            several = repeated(names)
            wanted = {n: n for n in names if n and n not in choice.used and n not in several}
        kept = {f"a:{name}": choice.column(column, "attributes") for name, column in wanted.items()}
        columns = [Column(name, needed=True) for name in choice.used]
        attributes = {name: f"a:{name}" for name in wanted}
        return [
            Feed(
                "customers", inputs, columns, kept, identifiers, version=version, attributes=attributes,
                dialect=self._dialect,
            )
        ]  # fmt: skip
