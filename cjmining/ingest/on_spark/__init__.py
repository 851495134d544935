"""Ingestion by the executors of a Spark session: the same steps and the same SQL, over parts of the records.

Executors read files into staged tables, Spark finds copies of a record and lays customers beside records,
executors make the events of a range of customers and write the log's blocks. Who is who is found here, over
sets of identifiers, and by executors where there are too many (`who`). What little can't be taken apart is
read here (`parts.whole`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cjmining.engine import Spark
    from cjmining.ingest.database import Database
    from cjmining.ingest.on_spark.run import SparkIngestion
    from cjmining.ingest.run import Options
    from cjmining.ingest.sources.base import Source
    from cjmining.progress import Progress


def on_spark(
    engine: Spark,
    database: Database,
    sources: Sequence[Source],
    progress: Progress,
    options: Options,
    room: Path,
    memory_limit: str | None,
) -> SparkIngestion:
    """Return a run on Spark, which has a room on the log's disk for what is between its steps."""
    from cjmining.ingest.on_spark.parts import Setting
    from cjmining.ingest.on_spark.run import SparkIngestion

    folder = room / "spark"
    folder.mkdir()
    setting = Setting(folder, memory_limit, options.identities, options.rules.secret)
    return SparkIngestion(database, sources, progress, engine, setting)
