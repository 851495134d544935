"""Exports become a log: `ingest` reads sources, accounts for every record and finds who is who."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjmining.errors import SourceError, nearest
from cjmining.progress import Progress, telling

if TYPE_CHECKING:
    from cjmining.engine import Spark
    from cjmining.ingest.sources.base import Source
    from cjmining.log import JourneyLog

IDENTITIES = ("keep", "pseudonymise", "drop")


def ingest(
    sources: Source | Sequence[Source],
    *,
    customers: Source | Sequence[Source] | None = None,
    data_end: datetime | date | str | None = None,
    identities: str = "keep",
    key: str | bytes | None = None,
    clusters: Any | None = None,  # noqa: ANN401 -- a path or any frame
    plus_tags: str | Sequence[str] = "keep",
    gmail_dots: str = "keep",
    shared_devices: str = "set aside",
    path: str | Path | None = None,
    add: bool = False,
    memory_limit: str | None = None,
    engine: Spark | None = None,
    progress: Progress | bool | None = None,
) -> JourneyLog:
    """Read the exports of several systems into one log.

    Every record read has one fate in the log's ledger: used, superseded (delivered again), set aside or
    quarantined; every event made is kept or withdrawn. Identifiers seen together in one record belong to one
    customer, except for placeholders (`unknown`, `noreply@...`), those that improbably many others share, and
    what would join customers who are known to differ; `log.explain` tells which.

    Parameters
    ----------
    sources : source or sequence of sources
        Such as `cj.sources.Salesforce("exports/crm")`; their order breaks ties of time.
    customers : Customers, optional
        Tables of customers' attributes.
    data_end : datetime or ISO text, optional
        Until when the data is complete; without a zone, UTC. By default the earliest end of a source. Later
        events are withdrawn.
    identities : {"keep", "pseudonymise", "drop"}
        What becomes of personal identifiers: kept in `log.identities`, replaced there by a keyed hash, or
        left out. In the latter two cases the quarantine shows no content.
    key : str or bytes, optional
        Secret of the hashes: HMAC-SHA256, 128 bits of it.
    clusters : frame or path, optional
        Who is who by a table from elsewhere (CSV, Parquet or frame) with the columns `value`, `cluster` and
        possibly `kind`. Identifiers in it belong together as it says and are never doubted; others join them
        as they are seen with them, unless they would join two clusters.
    plus_tags : {"keep", "drop"} or list of domains
        Whether ``ann+news@shop.de`` is ``ann@shop.de``: nowhere, everywhere, or at these domains.
    gmail_dots : {"keep", "drop"}
        Whether the dots before the @ count at Gmail, and googlemail.com is another domain than gmail.com.
    shared_devices : {"set aside", "by time"}
        What becomes of records that show nothing but a browser or device of several customers: set aside, or
        given to the customer who is told of next with it (else last). Use "by time" for recycled cookies.
    path : str or Path, optional
        A folder to write the log into while it is made, for logs larger than the memory: events are never
        in memory as a whole, and the log returned reads them from there when they are needed. A log that is
        there is replaced in one step once the new one is complete. Until then it stays as it is, whatever
        happens; what an ingestion leaves that was ended halfway, the next one removes.
    add : bool
        Whether the log at `path` is to take in further deliveries. It then keeps the records that count, and
        a later call with ``add=True`` adds what is new and corrected: the same log comes of any order of
        deliveries as of all at once, but for the ledger's account of who brought what. Sources of which
        nothing new came may be left out; those given need the same options each time. Pseudonymised logs
        need the same key; logs without identities can't be added to. Labels, journeys, personas and tags are
        made anew from the log that comes back.
    memory_limit : str, optional
        Most memory to use for reading and sorting, such as "600MB"; more is spilled to disk, beside `path`.
        With `path` the whole process stays within about twice that, plus the libraries' 300 MB; finding who
        is who may take 40 bytes for each identifier instead.
    engine : Spark, optional
        Whose executors read the files, make the events and write the log: ``cj.engines.Spark(session)``, with
        `path` in a folder that this machine and all executors see, as they see the sources' files. The log is
        the one that this machine would write, byte for byte. `memory_limit` then holds for each task.
    progress : callable or bool, optional
        Called with what is being done and the share of the whole that is done, 0 to 1; True shows a bar.

    Returns
    -------
    JourneyLog
        One journey for each customer (or case of a source); `split` cuts them by an intended map.

    Raises
    ------
    SourceError
        A file is missing, empty, in another encoding, or lacks a column.
    LogError
        There is something else than a log at `path`, or another process writes there; or the accounts don't
        close: a fault of the library.

    Examples
    --------
    >>> import cjmining as cj
    >>> import pandas as pd
    >>> visits = pd.DataFrame({
    ...     "who": ["ann", "ann", "bob"],
    ...     "when": ["2026-03-01 10:00", "2026-03-01 10:05", "2026-03-02 09:00"],
    ...     "what": ["product_viewed", "order_placed", "product_viewed"],
    ... })
    >>> shop = cj.sources.Table(visits, name="shop", customer="who", timestamp="when", touchpoint="what")
    >>> log = cj.ingest(shop)
    >>> log.n_events, log.n_customers
    (3, 2)
    """
    from cjmining.ingest import deliveries
    from cjmining.ingest.by_time import way_of
    from cjmining.ingest.clusters import read_clusters
    from cjmining.ingest.database import temporary_database
    from cjmining.ingest.identity import Rules, secret_of
    from cjmining.ingest.normal import spelling
    from cjmining.ingest.on_spark import on_spark
    from cjmining.ingest.run import Ingestion, Options
    from cjmining.log import read_log
    from cjmining.storage import Draft

    listed, attribute_tables = _listed(sources, "sources"), _listed(customers, "customers")
    _check(listed, attribute_tables, identities)
    secret = secret_of(key) if identities == "pseudonymise" else None
    rules = Rules(spelling(plus_tags, gmail_dots), secret, read_clusters(clusters), way_of(shared_devices))
    options = Options(_as_moment(data_end), identities, rules, add)
    if engine is not None:
        _check_engine(engine, path, add=add, shared_devices=rules.shared_devices)
    with telling(progress, "ingest") as tell:
        if path is None:
            if add:
                raise SourceError("add=True needs path=, the folder of the log to which deliveries are added")
            with temporary_database(memory_limit) as database:
                return Ingestion(database, [*listed, *attribute_tables], tell).run(options).log()
        if not add:
            deliveries.refuse_to_replace(Path(path))
        with Draft(Path(path), overwrite=True) as draft:
            how = deliveries.conditions(identities, rules) if add else {}
            earlier = deliveries.earlier_deliveries(Path(path), how) if add else None
            if earlier is not None:
                earlier.expect_same_systems([*listed, *attribute_tables])
                listed = earlier.ordered(listed, attributes=False)
                attribute_tables = earlier.ordered(attribute_tables, attributes=True)
            with temporary_database(memory_limit, draft.room) as database:
                everything = [*listed, *attribute_tables]
                if engine is None:
                    ingestion = Ingestion(database, everything, tell, earlier)
                else:
                    ingestion = on_spark(
                        engine, database, everything, tell, options, draft.room, memory_limit
                    )
                made = ingestion.run(options)
                about = made.write(draft)
                if add:
                    about |= ingestion.keep(draft, made, how)
            draft.commit(about)
        return read_log(path)


def _listed(given: Any, what: str) -> list[Source]:  # noqa: ANN401 -- checked here
    from cjmining.ingest.sources.base import Source

    sources = [] if given is None else [given] if isinstance(given, Source) else given
    if not isinstance(sources, Sequence) or not all(isinstance(source, Source) for source in sources):
        raise SourceError(
            f"{what} must be sources such as cj.sources.Salesforce('exports/crm'), not {type(given).__name__}"
        )
    return list(sources)


def _check(sources: Sequence[Source], customers: Sequence[Source], identities: str) -> None:
    from cjmining.ingest.sources.customers import Customers

    if not sources:
        raise SourceError("there is nothing to ingest: give at least one source")
    for source in sources:
        if isinstance(source, Customers):
            raise SourceError("a Customers table has no events: give it as customers=")
    for source in customers:
        if not isinstance(source, Customers):
            raise SourceError(f"customers= takes cj.sources.Customers, not {type(source).__name__}")
    names = [source.name for source in (*sources, *customers)]
    for name in names:
        if names.count(name) > 1:
            raise SourceError(f"two sources are called {name!r}; give each its own name=")
    if identities not in IDENTITIES:
        raise SourceError(
            f"identities is one of {', '.join(map(repr, IDENTITIES))}, not {identities!r}"
            f"{nearest(str(identities), IDENTITIES)}"
        )


def _check_engine(engine: object, path: str | Path | None, *, add: bool, shared_devices: str) -> None:
    from cjmining.engine import Spark

    if not isinstance(engine, Spark):
        raise SourceError(f"engine= takes cj.engines.Spark(session), not {type(engine).__name__}")
    if path is None:
        raise SourceError(
            "engine= needs path=, a folder that this machine and all executors see: the log is written there"
        )
    if add:
        raise SourceError(
            "add=True isn't possible with engine=: records kept for later deliveries are laid beside new "
            "ones on one machine. Leave engine= out, or ingest everything again"
        )
    if shared_devices == "by time":
        raise SourceError(
            "shared_devices='by time' isn't possible with engine=: it needs all logins with a device in one "
            "place. Leave engine= out, or shared_devices"
        )


def _as_moment(given: datetime | date | str | None) -> int | None:
    """Return a moment as microseconds since 1970; without a zone it is UTC."""
    if given is None:
        return None
    if isinstance(given, str):
        try:
            given = datetime.fromisoformat(given)
        except ValueError as problem:
            raise SourceError(
                f"data_end must be a date such as '2026-08-31T22:00:00Z', not {given!r}"
            ) from problem
    if not isinstance(given, datetime):
        given = datetime(given.year, given.month, given.day, tzinfo=UTC)
    if given.tzinfo is None:
        given = given.replace(tzinfo=UTC)
    whole = given.replace(microsecond=0)
    return int(whole.timestamp()) * 1_000_000 + given.microsecond
