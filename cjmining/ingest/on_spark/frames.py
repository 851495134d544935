"""What Spark itself does: find what occurs twice, join, and bring together what belongs together.

All of it with the public DataFrame interface, over Parquet files in the room that all executors see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cjmining.engine.spark import quietly
from cjmining.ingest.fates import DELIVERED_AGAIN, PARTITION_AGAIN
from cjmining.ingest.on_spark.parts import Apart, Setting, column, expect_alike
from cjmining.ingest.on_spark.tasks import (
    beaten_copies,
    files_in,
    found_feed,
    lookups_folder,
    write_codes,
    write_piece,
)

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession


SCHEMAS: Final = {
    "keys": "feed string, part int, file int, high long, low long, n long",
    "superseded": "sequence long, part int",
    "sets": "ids string, file int, records long",
    "whose": "ids string, customer long, why string, refused array<string>, range int",
    "words": "range int, place int, word string",
    "coded": "word string, code long",
}
"""What tasks write, so that Spark needn't look: that is a job each time."""


class Room:
    """Frames that lie as Parquet files in the room that all executors see.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
        Who reads and writes them.
    setting : Setting
        Where they lie.
    """

    def __init__(self, session: SparkSession, setting: Setting) -> None:
        self._session = session
        self._setting = setting

    def read(self, folder: str, schema: str | None = None) -> DataFrame:
        """Read what lies in a folder; without a schema Spark looks for it, which is a job."""
        reader = self._session.read
        reader = reader.schema(schema) if schema else reader
        return reader.parquet(str(self._setting.room / folder))

    def write(self, rows: DataFrame, folder: str, by: str | None = None) -> None:
        """Write a frame into a folder, with a folder in it for each value of the column `by`."""
        rows = rows.repartition(by) if by else rows
        writer = rows.write.mode("overwrite").option("compression", "zstd")
        (writer.partitionBy(by) if by else writer).parquet(str(self._setting.room / folder))

    def files(self, folder: str) -> list[Path]:
        """Return the files of a frame, in its order if it has one."""
        return files_in(self._setting, folder)

    def numbers(self, folder: str, by: str) -> list[int]:
        """Return the values of the column by which a folder was written."""
        there = (self._setting.room / folder).glob(f"{by}=*")
        return sorted(int(path.name.partition("=")[2]) for path in there)

    def batches(self, folder: str, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Read a frame here, in its order."""
        import pyarrow.parquet as pq

        for path in self.files(folder):
            with pq.ParquetFile(path) as file:
                yield from file.iter_batches(columns=columns)

    def number_words(self, folder: str, to: str, run: Callable[[Any, Sequence[Any]], object]) -> int:
        """Number the words of a sorted frame (word), and write them (word, code); return how many."""
        import pyarrow.parquet as pq

        files = self.files(folder)
        rows: list[int] = [pq.read_metadata(file).num_rows for file in files]
        firsts = [0, *accumulate(rows)]
        target = self._setting.room / to
        work = [(file, first, target / file.name) for file, first in zip(files, firsts[:-1], strict=True)]
        run(write_codes, work)
        return firsts[-1]

    def number_of_sets(self) -> int:
        """Count the different sets of identifiers."""
        number: int = self.sets().select("ids").distinct().count()
        return number

    def sets(self) -> DataFrame:
        """Read the sets of identifiers of all records, with how many of which file have them."""
        return self.read("sets/*", SCHEMAS["sets"])


class Frames(Room):
    """The joins of one ingestion."""

    def __init__(self, session: SparkSession, setting: Setting) -> None:
        super().__init__(session, setting)
        self._known: dict[str, DataFrame] = {}

    def write_pieces(self, frame: DataFrame, folder: str) -> list[tuple[Path, int]]:
        """Write a frame's partitions; return where those with rows lie, in order, and how many rows."""
        path = self._setting.room / folder

        def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return write_piece(path, batches)

        with quietly():
            rows = frame.mapInArrow(write, "piece int, rows long").collect()
        told = sorted((row["piece"], row["rows"]) for row in rows)
        return [(path / f"part-{piece:05d}.parquet", n) for piece, n in told if n]

    def parts_with_copies(self, lost: Sequence[int]) -> list[int]:
        """Find the keys that several records have, but for those of some files; return the parts with any."""
        from pyspark.sql import functions as f

        keys = self.read("keys/*", SCHEMAS["keys"])
        if lost:
            keys = keys.where(~f.col("file").isin(list(lost)))
        several = keys.groupBy("feed", "high", "low").agg(f.sum("n").alias("n")).where("n > 1")
        found = keys.join(several.select("feed", "high", "low"), ["feed", "high", "low"])
        self.write(found.select("part", "high", "low").distinct(), "several", "part")
        return self.numbers("several", "part")

    def find_beaten(self, types: Mapping[str, str]) -> None:
        """Write the numbers of the copies that another one beats; `types` are of the feeds' versions."""

        def beaten(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return beaten_copies(types, batches)

        copies = self.read("copies/*").repartition("feed", "high", "low")
        with quietly():
            self.write(copies.mapInArrow(beaten, "sequence long, part int"), "superseded", "part")

    def lay_customers(self, feeds: Sequence[Apart]) -> None:
        """Write the used records of each feed, with their customers, by ranges of these."""
        whose = self.read("whose.parquet", SCHEMAS["whose"]).where("customer IS NOT NULL")
        for feed in _with_records(feeds):
            used = self._candidates(feed).join(
                whose.select(_as_name("ids", "w_ids"), "customer", "range"),
                on=_column(column(feed.columns, "ids")) == _column("w_ids"),
            )
            self.write(used.drop("w_ids"), f"used/{feed.table}", "range")

    def counted_records(
        self, feeds: Sequence[Apart]
    ) -> tuple[list[tuple[int, str, str, int, int]], list[tuple[int, str, int]]]:
        """Count records by file, fate, reason and clock; and candidates by file and what was no link."""
        from pyspark.sql import functions as f

        whose = self.read("whose.parquet", SCHEMAS["whose"]).select(
            _as_name("ids", "w_ids"), "customer", _as_name("why", "no_customer"), "refused"
        )
        narrow = None
        for feed in _with_records(feeds):
            rows = self._staged(feed).select(
                *(
                    _as_name(column(feed.columns, name), name)
                    for name in ("file", "sequence", "ids", "reason", "aside", "clock")
                ),
                f.col("file").isin(list(feed.lost)).alias("lost")
                if feed.lost
                else f.lit(False).alias("lost"),
            )
            narrow = rows if narrow is None else narrow.unionByName(rows)
        if narrow is None:
            return [], []
        rows = self._with_beaten(narrow).join(whose, on=f.col("ids") == f.col("w_ids"), how="left")
        fates = rows.selectExpr(
            "file",
            "CASE WHEN reason IS NOT NULL THEN 'quarantined' WHEN lost OR beaten THEN 'superseded' "
            "WHEN aside IS NOT NULL OR customer IS NULL THEN 'set aside' ELSE 'used' END AS fate",
            f"CASE WHEN reason IS NOT NULL THEN reason WHEN lost THEN '{PARTITION_AGAIN}' "
            f"WHEN beaten THEN '{DELIVERED_AGAIN}' WHEN aside IS NOT NULL THEN aside "
            "WHEN customer IS NULL THEN coalesce(no_customer, 'no identifier') ELSE '' END AS why",
            "clock",
            "CASE WHEN coalesce(reason, aside) IS NULL AND NOT (lost OR beaten) THEN refused END AS refused",
        )
        counted = fates.groupBy("file", "fate", "why", "clock", "refused").count().collect()
        records = [(r["file"], r["fate"], r["why"], r["clock"], r["count"]) for r in counted]
        links = [(r["file"], reason, r["count"]) for r in counted for reason in r["refused"] or ()]
        return records, links

    def look_up(self, feeds: Sequence[Apart], near: Sequence[Apart]) -> None:
        """Write for each range of customers the records that those of its feeds look up.

        `near` are the feeds that are not apart; their candidates lie in the folder `beside`.
        """
        for feed in _with_records(feeds):
            for place, lookup in enumerate(feed.staged.feed.lookups):
                other = found_feed([*feeds, *near], feed.staged.source_rank, lookup.feed)
                if other is None or not self.numbers(f"used/{feed.table}", "range"):
                    continue
                expect_alike(feed, other, lookup.on)
                rows = (
                    self._read_once(f"beside/{other.table}.parquet")
                    if other in near
                    else self._candidates(other)
                )
                keys = {
                    f"k{i}": (column(feed.columns, here), column(other.columns, there))
                    for i, (here, there) in enumerate(lookup.on.items())
                }
                asked = self._read_once(f"used/{feed.table}").selectExpr(
                    "range", *(f"{here} AS {key}" for key, (here, _) in keys.items())
                )
                asked = asked.distinct()
                self.write(self._asked(rows, asked, keys), lookups_folder(feed, place), "range")

    def asked_for(self, other: Apart, keys: Path, names: Sequence[str], to: str) -> None:
        """Write the candidates of a feed whose columns `names` are equal to those in a file; of none, all."""
        rows = self._candidates(other)
        if not names:
            self.write(rows, to)
            return
        pairs = {f"k{i}": ("", column(other.columns, name)) for i, name in enumerate(names)}
        self.write(self._asked(rows, self._session.read.parquet(str(keys)), pairs), to)

    def words(self) -> dict[int, int]:
        """Return how many different words each column of texts has, by its place."""
        words = self._words().select("place", "word").distinct()
        return {row["place"]: row["count"] for row in words.groupBy("place").count().collect()}

    def short_words(self, places: Sequence[int]) -> dict[int, list[str]]:
        """Return the words of some columns, sorted as bytes are."""
        from pyspark.sql import functions as f

        words = self._words().where(f.col("place").isin(list(places))).select("place", "word").distinct()
        found: dict[int, list[str]] = {place: [] for place in places}
        for row in words.collect():
            found[row["place"]].append(row["word"])
        return {place: sorted(each) for place, each in found.items()}

    def sort_words(self, place: int) -> str:
        """Write the words of a column, sorted; return the folder."""
        words = self._words().where(f"place = {place}").select("word").distinct().orderBy("word")
        self.write(words, folder := f"long/{place}")
        return folder

    def lay_codes(self, place: int) -> None:
        """Write for each range of customers the codes of the words that occur there."""
        words = self._words().where(f"place = {place}").select("range", "word")
        coded = self.read(f"coded/{place}", SCHEMAS["coded"])
        self.write(words.join(coded, "word"), f"codes/{place}", "range")

    def _asked(self, rows: DataFrame, asked: DataFrame, keys: Mapping[str, tuple[str, str]]) -> DataFrame:
        on = [rows[there].cast("string") == asked[key].cast("string") for key, (_, there) in keys.items()]
        return rows.join(asked, on=on).drop(*keys)

    def _staged(self, feed: Apart) -> DataFrame:
        return self._read_once(f"staged/{feed.table}")

    def _candidates(self, feed: Apart) -> DataFrame:
        """Return the records of a feed that are neither spoilt, nor set aside, nor superseded."""
        from pyspark.sql import functions as f

        reason, aside, file, sequence = (
            column(feed.columns, name) for name in ("reason", "aside", "file", "sequence")
        )
        rows = self._staged(feed).where(f"{reason} IS NULL AND {aside} IS NULL")
        if feed.lost:
            rows = rows.where(~f.col(file).isin(list(feed.lost)))
        beaten = self._beaten()
        if beaten is None or not {part.number for part in feed.parts}.intersection(
            self.numbers("superseded", "part")
        ):
            return rows
        return rows.join(beaten, on=f.col(sequence) == f.col("b_sequence"), how="left_anti")

    def _with_beaten(self, rows: DataFrame) -> DataFrame:
        from pyspark.sql import functions as f

        beaten = self._beaten()
        if beaten is None:
            return rows.withColumn("beaten", f.lit(False))
        joined = rows.join(beaten, on=f.col("sequence") == f.col("b_sequence"), how="left")
        return joined.withColumn("beaten", f.col("b_sequence").isNotNull())

    def _beaten(self) -> DataFrame | None:
        if not self.numbers("superseded", "part"):
            return None
        rows = self.read("superseded", SCHEMAS["superseded"])
        return rows.select(_as_name("sequence", "b_sequence"))

    def _words(self) -> DataFrame:
        return self.read("words", SCHEMAS["words"])

    def _read_once(self, folder: str) -> DataFrame:
        """Read what isn't written any more, and whose columns nobody knows; Spark looks for them once."""
        if folder not in self._known:
            self._known[folder] = self.read(folder)
        return self._known[folder]


def _with_records(feeds: Sequence[Apart]) -> list[Apart]:
    return [feed for feed in feeds if feed.staged.records]


def _column(name: str) -> Any:  # noqa: ANN401 -- a column of Spark
    from pyspark.sql import functions as f

    return f.col(name)


def _as_name(name: str, other: str) -> Any:  # noqa: ANN401 -- a column of Spark
    return _column(name).alias(other)
