"""Blocks worked on by an Apache Spark cluster: the same functions, in its Python workers.

Each block is a row of a DataFrame with as many partitions as blocks; `mapInArrow` runs the function in the
executors, and what it returns comes back pickled, in the order of the blocks. The function goes with the
log, but for its tables beside the events: no executor is sent an identifier. Events are read by the
executors, from the log's folder.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from cjmining.engine.local import merge_in_tree
from cjmining.shipping import shipping

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

Block = TypeVar("Block")
Summary = TypeVar("Summary")


class Spark:
    """Work on the blocks of a log by the executors of a Spark session.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
        Whose executors can read the log's folder under the same path, and can import cjmining.

    Examples
    --------
    >>> from pyspark.sql import SparkSession  # doctest: +SKIP
    >>> spark = cj.engines.Spark(SparkSession.builder.getOrCreate())  # doctest: +SKIP
    >>> log = cj.read_log("/shared/shop.log", memory_limit="1GB").on(spark)  # doctest: +SKIP
    >>> cj.check(log, intended)  # doctest: +SKIP
    """

    def __init__(self, session: SparkSession) -> None:
        self._session = session

    @property
    def session(self) -> SparkSession:
        """The session."""
        return self._session

    def map(self, function: Callable[[Block], Summary], blocks: Sequence[Block]) -> list[Summary]:
        """Apply a function to every block and return the results in the blocks' order."""
        from pyspark import cloudpickle

        with shipping():
            work = cloudpickle.dumps((function, list(blocks)))

        def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return _run(work, batches)

        frame = self._session.range(0, len(blocks), 1, max(len(blocks), 1))
        with warnings.catch_warnings():  # it concerns Spark's own conversions to pandas, which aren't used
            warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
            rows = frame.mapInArrow(run, "block long, summary binary").collect()
        found = {row.block: row.summary for row in rows}
        return [pickle.loads(found[number]) for number in range(len(blocks))]  # noqa: S301 -- our executors'

    def reduce(
        self,
        function: Callable[[Block], Summary],
        merge: Callable[[list[Summary]], Summary],
        blocks: Sequence[Block],
    ) -> Summary:
        """Apply a function to every block and return the merged results."""
        return merge_in_tree(merge, self.map(function, blocks), len(blocks))


def _run(work: bytes, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Work on the blocks whose numbers come, in an executor."""
    import pyarrow as pa

    function, blocks = _unpacked(work)
    for batch in batches:
        for number in batch.column(0).to_pylist():
            summary = pickle.dumps(function(blocks[number]), protocol=pickle.HIGHEST_PROTOCOL)
            yield pa.record_batch(
                {"block": pa.array([number], pa.int64()), "summary": pa.array([summary], pa.binary())}
            )


@lru_cache(maxsize=1)
def _unpacked(work: bytes) -> tuple[Callable[[Any], Any], list[Any]]:
    """Unpack once what a Python worker is sent with each of its blocks."""
    unpacked: tuple[Callable[[Any], Any], list[Any]] = pickle.loads(work)  # noqa: S301 -- our driver's
    return unpacked
