"""Arrow streams made in Python whose errors reach the caller as they were raised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from cjmining.errors import SourceError


class Stream:
    """Batches made one after the other, read once, by anything that speaks Arrow.

    Parameters
    ----------
    schema : pyarrow.Schema
        Of each batch.
    batches : iterator of RecordBatch
        May raise a SourceError. What reads the stream would hide it behind an error of its own, so it is kept
        in `problem` too.
    """

    def __init__(self, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
        self.schema = schema
        self.problem: SourceError | None = None
        self._batches = batches

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:  # noqa: ANN401 -- a capsule
        """Hand the stream over."""
        reader = pa.RecordBatchReader.from_batches(self.schema, self._watched())
        return reader.__arrow_c_stream__(requested_schema)

    def _watched(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._batches
        except SourceError as problem:
            self.problem = problem
            raise
