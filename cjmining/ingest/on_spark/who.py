"""Who is who among more identifiers than one machine holds: the same customers, found bin by bin.

Links only ever join identifiers that sets of identifiers connect, without those that are refused before
anything is joined. So Spark counts with how many others each identifier is seen, the limits of what is
improbable are found from these counts, and Spark finds the connected components of what is left. A bin holds
whole components; a task links it with the code that links everything on one machine. What that code asks of
all identifiers, round by round, is added up from all bins between the rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cjmining import schema
from cjmining.engine.spark import quietly
from cjmining.ingest import identity, seen_together
from cjmining.ingest.database import literal, texts
from cjmining.ingest.kinds import kind_of
from cjmining.ingest.linking import CUTS, improbable, limits_of, may_be_improbable
from cjmining.ingest.on_spark.components import components
from cjmining.ingest.on_spark.frames import SCHEMAS, Room
from cjmining.ingest.on_spark.tasks import parquet
from cjmining.ingest.on_spark.who_tasks import link_bin, name_sets

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from cjmining.ingest.database import Database
    from cjmining.ingest.on_spark.parts import Setting
    from cjmining.ingest.stage import StagedFile

BIN_SETS: Final = 1_000_000
"""Different sets of identifiers that one task links, about."""

_TOLD: Final = "ids string, customer long, why string, refused array<string>"
_NAMED: Final = "whose string, kind string, value string, clear string"
_KIND: Final = "substring_index({}, char(1), 1)"
"""SQL, for Spark, of the kind of an identifier that `who_tasks.NAME` named."""


class Who(Room):
    """Finds the customers of an ingestion, whose sets of identifiers lie in the room's folder `sets`.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
        Who does it.
    setting : Setting
        Where files lie.
    rules : identity.Rules
        How customers are found; without clusters.
    run : callable
        Lets executors do a task for each of some pieces of work.
    """

    def __init__(
        self,
        session: SparkSession,
        setting: Setting,
        rules: identity.Rules,
        run: Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]],
    ) -> None:
        super().__init__(session, setting)
        self._rules = rules
        self._run = run
        self._kinds: list[str] = []

    def find(self, files: Sequence[StagedFile], n_sets: int, range_records: int) -> tuple[int, list[int]]:
        """Find the customers, and write whose each set is (ids, customer, why, refused, range).

        Parameters
        ----------
        files : sequence of StagedFile
            Those whose records show several identifiers, in the order of the log's links.
        n_sets : int
            How many different sets there are.
        range_records : int
            About how many records of customers one range of them has.

        Returns
        -------
        tuple
            How many customers there are, and the numbers of their ranges.
        """
        self._name(n_sets)
        self._count_others()
        self._find_improbable()
        numbers = self._lay_in_bins(n_sets)
        known: list[dict[str, float]] = []
        for _ in range(CUTS + 1):
            link = partial(
                link_bin, self._setting, self._rules, known, self._kinds, [file.number for file in files]
            )
            known = [*known, limits_of(self._run(link, numbers))]
        return self._number_customers(), self._tell_whose(range_records)

    def bring(self, database: Database, near: str) -> None:
        """Make in a database what `identity.resolve` makes, for sets in `near` (ids) and their customers."""
        path = self._setting.room / "who" / "near.parquet"
        database.run(f"COPY (SELECT DISTINCT ids FROM ({near})) TO {literal(str(path))} (FORMAT parquet)")
        told = self.read("whose.parquet", SCHEMAS["whose"]).join(
            self.read("who/near.parquet", "ids string"), "ids"
        )
        self.write(told, "who/near_told")
        customers = self.read("who/near_told", SCHEMAS["whose"]).select("customer").distinct()
        named = self._numbered("who/named", _NAMED).join(customers, "customer")
        self.write(named.select("customer", "kind", "value", "clear"), "who/near_named")
        whose = parquet(self._setting, "who/near_told")
        identity.lay_whose(database, whose, parquet(self._setting, "who/near_named"))
        database.run(
            "CREATE TABLE customer_ranges AS SELECT DISTINCT customer, range "
            f"FROM {whose} WHERE customer IS NOT NULL"
        )

    def local_phones(self, tables: Sequence[str]) -> int:
        """Count the phone numbers in records of some feeds that name no country."""
        phones = self.read("who/phones", "ids string, value string")
        sets = self.read(f"sets/{{{','.join(tables)}}}", SCHEMAS["sets"])
        number: int = phones.join(sets, "ids", "left_semi").select("value").distinct().count()
        return number

    def identities(self) -> Iterator[pa.Table]:
        """Give the identities that the log keeps, in its order."""
        yield schema.IDENTITIES.empty_table()
        if self._setting.identities == "drop":
            return
        named = self._numbered("who/named", _NAMED).select(*schema.IDENTITIES.names)
        self.write(named.orderBy("customer", "kind", "value"), "who/identities")
        kinds = pa.array(self._kinds, pa.string())
        for batch in self.batches("who/identities"):
            own = pa.Table.from_batches([batch])
            kind = texts(self._kinds, pc.index_in(batch.column("kind"), value_set=kinds))
            yield own.set_column(1, "kind", kind).cast(schema.IDENTITIES)

    def links(self, files: Sequence[StagedFile]) -> Iterator[pa.Table]:
        """Give the links that the log keeps, in its order."""
        if self._setting.identities == "drop":
            yield schema.LINKS.empty_table()
            return
        by = ("kind", "value", "other_kind", "other_value", "file", "refused")
        added = self.read("who/links").groupBy(*by).agg({"records": "sum"})
        self.write(added.withColumnRenamed("sum(records)", "records").orderBy(*by[:5]), "who/all_links")
        places = self.batches("who/all_links", ["kind", "other_kind", "file", "refused"])
        yield from seen_together.named_links(places, self.batches("who/all_links"), self._kinds, files)

    # the steps

    def _name(self, n_sets: int) -> None:
        """Let tasks bring the identifiers of sets into one form."""
        pieces = -(-n_sets // BIN_SETS)
        self.write(self.sets().select("ids").distinct().repartition(pieces, "ids"), "who/distinct")
        told = self._run(partial(name_sets, self._setting, self._rules), self.files("who/distinct"))
        self._kinds = sorted({kind for kinds in told for kind in kinds})

    def _count_others(self) -> None:
        """Count with how many others of each kind each identifier is seen."""
        self.write(self.read("who/pairs", "one string, other string").distinct(), "who/together")
        pairs = self._together()
        both = pairs.unionByName(pairs.selectExpr("other AS one", "one AS other"))
        counted = both.selectExpr("one", f"{_KIND.format('other')} AS other_kind").groupBy(
            "one", "other_kind"
        )
        rows = counted.count().selectExpr("one", f"{_KIND.format('one')} AS kind", "other_kind", "count AS n")
        self.write(rows, "who/seen_with")

    def _find_improbable(self) -> None:
        """Write the names of what is seen with improbably many others."""
        seen_with = self.read("who/seen_with", "one string, kind string, other_kind string, n long")
        counts: dict[tuple[str, str], dict[int, int]] = {}
        for row in seen_with.groupBy("kind", "other_kind", "n").count().collect():
            counts.setdefault((row["kind"], row["other_kind"]), {})[row["n"]] = row["count"]
        too_many = " OR ".join(["FALSE", *_more_than_usual(counts)])
        found = seen_with.where(too_many).selectExpr("one AS name").distinct()
        self.write(found.join(self.read("who/merged", "name string"), "name", "left_anti"), "who/improbable")

    def _lay_in_bins(self, n_sets: int) -> list[int]:
        """Write sets by bins of whole components; return the numbers of the bins."""
        improbable_ = self._improbable()
        pairs = self._together()
        for end in ("one", "other"):
            pairs = pairs.join(improbable_.withColumnRenamed("name", end), end, "left_anti")
        edges = pairs.selectExpr("xxhash64(one) AS one", "xxhash64(other) AS other")
        found = components(edges, self._kept)
        members = self.read("who/members", "ids string, name string").join(improbable_, "name", "left_anti")
        nodes = members.selectExpr("ids", "xxhash64(name) AS node").groupBy("ids").agg({"node": "min"})
        nodes = nodes.withColumnRenamed("min(node)", "node").join(found, "node", "left")
        of_sets = nodes.selectExpr("ids", "coalesce(component, node) AS component")
        n_bins = -(-n_sets // BIN_SETS)
        binned = self.sets().join(of_sets, "ids", "left").selectExpr(
            "ids", "file", "records",
            f"CAST(pmod(hash(coalesce(component, xxhash64(ids))), {n_bins}) AS INT) AS bin",
        )  # fmt: skip
        self.write(binned, "who/sets", "bin")
        return self.numbers("who/sets", "bin")

    def _number_customers(self) -> int:
        """Number customers in the order of their first identifiers."""
        self.write(self.read("who/customers", "word string").orderBy("word"), "who/ordered")
        return self.number_words("who/ordered", "who/numbers", self._run)

    def _tell_whose(self, range_records: int) -> list[int]:
        whose = self._numbered(
            "who/whose", "ids string, whose string, why string, refused array<string>", "left"
        )
        self.write(whose.select("ids", "customer", "why", "refused"), "who/told")
        told = self.read("who/told", _TOLD)
        records = self.sets().join(told.where("customer IS NOT NULL").select("ids", "customer"), "ids")
        sizes = records.groupBy("customer").agg({"records": "sum"}).withColumnRenamed("sum(records)", "n")
        self.write(sizes.orderBy("customer"), "who/sizes")
        firsts = self._first_of_ranges(range_records)

        def with_range(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                customer = batch.column("customer")
                places = np.searchsorted(firsts, customer.fill_null(-1).to_numpy(), "right") - 1
                yield batch.append_column("range", pa.array(places, pa.int32(), mask=places < 0))

        with quietly():
            self.write(told.mapInArrow(with_range, f"{_TOLD}, range int"), "whose.parquet")
        return list(range(len(firsts)))

    def _together(self) -> DataFrame:
        return self.read("who/together", "one string, other string")

    def _improbable(self) -> DataFrame:
        return self.read("who/improbable", "name string")

    def _kept(self, rows: DataFrame, name: str) -> DataFrame:
        self.write(rows, f"who/{name}")
        return self.read(f"who/{name}", "one long, other long")

    def _numbered(self, folder: str, columns: str, how: str = "inner") -> DataFrame:
        """Read rows with the number of the customer `whose` they are."""
        numbers = self.read("who/numbers", SCHEMAS["coded"]).selectExpr("word AS whose", "code AS customer")
        return self.read(folder, columns).join(numbers, "whose", how)

    def _first_of_ranges(self, range_records: int) -> Any:  # noqa: ANN401 -- an array
        """Return the first customer of each range."""
        firsts: list[int] = []
        before, last = 0, -1
        for batch in self.batches("who/sizes"):
            n = batch.column("n").to_numpy()
            place = (before + np.cumsum(n) - n) // range_records
            begins = np.flatnonzero(np.diff(place, prepend=last))
            firsts += batch.column("customer").to_numpy()[begins].tolist()
            before, last = before + int(n.sum()), int(place[-1]) if len(place) else last
        return np.array(firsts, np.int64)


def _more_than_usual(counts: Mapping[tuple[str, str], Mapping[int, int]]) -> Iterator[str]:
    """Give SQL of what is improbable of each pair of kinds, from how many are seen with how many others."""
    for (own, other), by_n in counts.items():
        if may_be_improbable(kind_of(own), kind_of(other)):
            given = np.zeros(max(by_n) + 1, np.int64)
            given[list(by_n)] = list(by_n.values())
            limit = improbable(given, devices=kind_of(other).of == "device")
            yield f"(kind = {literal(own)} AND other_kind = {literal(other)} AND n > {limit!r}D)"
