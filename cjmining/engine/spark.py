"""Blocks worked on by an Apache Spark cluster: the same functions, in its Python workers.

Each block is a row of a DataFrame with as many partitions as blocks; `mapInArrow` runs the function in the
executors. What it returns comes back pickled in the order of the blocks, or is merged there, by groups of
sixteen neighbours as on one machine, until sixteen are left. The function goes with the log, but for its
tables beside the events: no executor is sent an identifier. Events are read by the executors, from the log's
folder; large arrays of journeys and customers from files.
"""

from __future__ import annotations

import pickle
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, TypeVar
from uuid import uuid4

from cjmining import asked
from cjmining.engine.local import FAN_IN, sizes_of
from cjmining.engine.shared import SharedFolder, packed, packed_each, unpacked_at, zipped_package
from cjmining.errors import LogError
from cjmining.progress import of_blocks

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
    from pyspark import StatusTracker
    from pyspark.sql import DataFrame, SparkSession

Block = TypeVar("Block")
Summary = TypeVar("Summary")

LARGE_RESULT: Final = 8 << 20
"""From how many bytes on a summary is handed over as a file: rows of Spark hold two gigabytes at most."""

_SCHEMA: Final = "block long, summary binary, file string"


class Spark:
    """Work on the blocks of a log by the executors of a Spark session.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
        Whose executors can read the log's folder under the same path, and can import cjmining, if it isn't
        sent to them (`ship`).
    shared : str or Path, optional
        A folder that this machine and all executors see under the same path: what is large of what they need
        is written there, once, and removed when the engine is closed or forgotten. By default, where they
        are on this machine, that of temporary files.
    ship : bool
        Whether to send this library itself to the executors, whose Python then needs the packages that it
        uses, but not cjmining. It is one file, which each fetches once.
    block_events : int
        About how many events a block has, on which one task works in 500 bytes an event. Fewer spread a short
        log over more cores, but each task takes some time to start.

    Raises
    ------
    LogError
        If a block would have no events.

    Examples
    --------
    >>> from pyspark.sql import SparkSession  # doctest: +SKIP
    >>> spark = cj.engines.Spark(SparkSession.builder.getOrCreate())  # doctest: +SKIP
    >>> log = cj.read_log("/shared/shop.log", memory_limit="1GB").on(spark)  # doctest: +SKIP
    >>> cj.check(log, intended)  # doctest: +SKIP
    """

    def __init__(
        self,
        session: SparkSession,
        *,
        shared: str | Path | None = None,
        ship: bool = False,
        block_events: int = 250_000,
    ) -> None:
        self._session = session
        self._block_events = asked.whole("block_events", block_events)
        self._is_shared = shared is not None
        self._folder = SharedFolder(None if shared is None else Path(shared), self._expect_shared)
        if ship:
            session.addArtifacts(str(zipped_package()), pyfile=True)

    @property
    def session(self) -> SparkSession:
        """The session."""
        return self._session

    @property
    def block_events(self) -> int:
        """About how many events a block has."""
        return self._block_events

    def close(self) -> None:
        """Remove what was written for executors; it is written again when it is needed."""
        self._folder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    def new_folder(self) -> Path:
        """Make a folder that this machine and all executors see, removed with the engine at the latest.

        Raises
        ------
        LogError
            If executors are on other machines, and no `shared` folder was named.
        """
        return self._folder.new()

    def map(self, function: Callable[[Block], Summary], blocks: Sequence[Block]) -> list[Summary]:
        """Apply a function to every block and return the results in the blocks' order."""
        with quietly(), self._results() as folder:
            return self._collected(self._summaries(_Work(function, folder, LARGE_RESULT), blocks), blocks)

    def reduce(
        self,
        function: Callable[[Block], Summary],
        merge: Callable[[list[Summary]], Summary],
        blocks: Sequence[Block],
        *,
        at_once: int = FAN_IN,
    ) -> Summary:
        """Apply a function to every block and return the results merged: by executors until few are left."""
        with quietly(), self._results() as folder:
            merging = packed(_Work(merge, folder, LARGE_RESULT), self._folder)
            summaries = self._summaries(_Work(function, folder, LARGE_RESULT), blocks)
            number = len(blocks)
            while number > at_once:
                summaries = _merged_neighbours(merging, summaries, at_once)
                number = -(-number // at_once)
            return merge(self._collected(summaries, blocks))

    def _summaries(self, work: _Work, blocks: Sequence[Any]) -> DataFrame:
        """Return what executors make of blocks, a row each."""
        sent = packed((work, *packed_each(blocks, self._folder)), self._folder)

        def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return _run(sent, batches)

        return self._session.range(0, len(blocks), 1, max(len(blocks), 1)).mapInArrow(run, _SCHEMA)

    def _collected(self, summaries: DataFrame, blocks: Sequence[Any]) -> list[Any]:
        """Let executors work, and tell whoever asked how many blocks are done."""
        told = of_blocks(sizes_of(blocks))
        if told is None:
            return _in_order(summaries.toArrow())
        if _is_remote(self._session):  # nobody says how far it is
            table = summaries.toArrow()
        else:
            table = _watched(self._session, summaries.toArrow, len(blocks), told)
        told(len(blocks))
        return _in_order(table)

    @contextmanager
    def _results(self) -> Iterator[Path | None]:
        """Give a folder for large summaries while they are needed; None where executors see none."""
        if not self._sees_files():
            yield None
            return
        folder = self.new_folder()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _sees_files(self) -> bool:
        """Say whether executors see what is written for them."""
        return self._is_shared or _is_on_this_machine(self._session)

    def _expect_shared(self) -> None:
        if not self._sees_files():
            raise LogError(
                "what is large is handed to executors as files: name a folder that this machine and all of "
                "them see under the same path, cj.engines.Spark(session, shared=...)"
            )


@contextmanager
def quietly() -> Iterator[None]:
    """Silence what Spark says of its conversions to pandas, which aren't used."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        yield


def _is_on_this_machine(session: SparkSession) -> bool:
    """Say whether a session's executors are processes of this machine; of a remote one nobody knows."""
    return not _is_remote(session) and (session.conf.get("spark.master", None) or "").startswith("local")


def _is_remote(session: SparkSession) -> bool:
    """Say whether a session speaks to Spark by Spark Connect."""
    return type(session).__module__.startswith("pyspark.sql.connect")


def _watched(
    session: SparkSession, action: Callable[[], Summary], number: int, told: Callable[[int], None]
) -> Summary:
    """Run an action in a thread, and tell from this one how many of its tasks for blocks are done."""
    from pyspark import inheritable_thread_target

    context, group = session.sparkContext, f"cjmining-{uuid4().hex}"
    tracker = context.statusTracker()

    def run() -> Summary:
        context.setJobGroup(group, "cjmining", interruptOnCancel=True)
        return action()

    with ThreadPoolExecutor(max_workers=1) as pool:
        running = pool.submit(inheritable_thread_target(session)(run))
        try:
            while not wait([running], timeout=_LOOKED_AFTER).done:
                told(_tasks_done(tracker, group, number))
        except BaseException:
            context.cancelJobGroup(group)
            raise
    found: Summary = running.result()
    return found


_LOOKED_AFTER: Final = 0.5
"""Seconds between two looks at how far executors are."""


def _tasks_done(tracker: StatusTracker, group: str, number: int) -> int:
    """Return how many tasks are done of the stage that has one a block."""
    jobs = filter(None, map(tracker.getJobInfo, tracker.getJobIdsForGroup(group)))
    stages = filter(None, (tracker.getStageInfo(stage) for job in jobs for stage in job.stageIds))
    return max((stage.numCompletedTasks for stage in stages if stage.numTasks == number), default=0)


class _Work(NamedTuple):
    """A function for executors, and where its results are written if they are large."""

    function: Callable[[Any], Any]
    folder: Path | None
    large: int

    def rows(self, number: int, given: object) -> pa.RecordBatch:
        """Return what the function makes, as a row."""
        import pyarrow as pa

        summary, file = pickle.dumps(self.function(given), protocol=pickle.HIGHEST_PROTOCOL), None
        if self.folder is not None and len(summary) >= self.large:
            written = self.folder / uuid4().hex  # a task that is tried again writes another
            written.write_bytes(summary)
            summary, file = b"", str(written)
        columns = {"block": pa.array([number], pa.int64()), "summary": pa.array([summary], pa.binary())}
        return pa.record_batch({**columns, "file": pa.array([file], pa.string())})


def _run(sent: bytes, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Work on the blocks whose numbers come, in an executor."""
    work, packed_blocks, bounds = _unpacked(sent)
    for batch in batches:
        for number in batch.column(0).to_pylist():
            yield work.rows(number, unpacked_at(packed_blocks, bounds, number))


def _merged_neighbours(merging: bytes, summaries: DataFrame, at_once: int) -> DataFrame:
    """Merge so many neighbours each, in executors."""
    from pyspark.sql import functions

    def run(table: pa.Table) -> pa.Table:
        return _merge(merging, table, at_once)

    into = functions.expr(f"block div {at_once}")
    return summaries.groupBy(into).applyInArrow(run, _SCHEMA)


def _merge(merging: bytes, table: pa.Table, at_once: int) -> pa.Table:
    import pyarrow as pa

    work = pickle.loads(merging)  # noqa: S301 -- our driver's
    number = table.column("block")[0].as_py() // at_once
    return pa.Table.from_batches([work.rows(number, _in_order(table))])


def _in_order(table: pa.Table) -> list[Any]:
    """Return the summaries of rows, in the order of their blocks."""
    rows = table.sort_by("block").select(["summary", "file"]).to_pylist()
    return [
        pickle.loads(row["summary"] if row["file"] is None else Path(row["file"]).read_bytes())  # noqa: S301
        for row in rows
    ]


@lru_cache(maxsize=1)
def _unpacked(sent: bytes) -> tuple[_Work, NDArray[np.uint8], NDArray[np.int64]]:
    """Unpack once what a Python worker is sent with each of its blocks."""
    unpacked: tuple[_Work, NDArray[np.uint8], NDArray[np.int64]] = pickle.loads(sent)  # noqa: S301 -- ours
    return unpacked
