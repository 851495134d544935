"""Devices that change hands: what nobody is told of belongs to whoever logs in next with the device.

A browser on a tablet that several customers use makes them none the more one customer, and what was done
with it before anybody logged in would be nobody's. With ``shared_devices="by time"`` such a record is of the
customer who is told of by the next record with the device, else by the last one before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from cjmining.errors import SourceError, nearest
from cjmining.ingest.database import identifier, literal
from cjmining.ingest.kinds import kinds_of
from cjmining.ingest.linking import SEVERAL
from cjmining.ingest.normal import listed

if TYPE_CHECKING:
    from cjmining.ingest.database import Database
    from cjmining.ingest.sources.base import Feed
    from cjmining.ingest.stage import Staged

WAYS: Final = ("set aside", "by time")
DIVIDED: Final = "a device of several customers, divided by who logged in"


def way_of(given: object) -> str:
    """Return what becomes of records of shared devices, or say what may be asked for."""
    if given not in WAYS:
        raise SourceError(
            f"shared_devices is 'set aside' or 'by time', not {given!r}{nearest(str(given), WAYS)}"
        )
    return str(given)


def make_timed(database: Database) -> None:
    """Make the table `timed` (feed, sequence, customer), empty: records whose customer their time tells."""
    database.run("CREATE TABLE timed (feed VARCHAR, sequence BIGINT, customer BIGINT)")


def divide(database: Database, staged: Sequence[Staged]) -> None:
    """Fill `timed`, after `identity.resolve`."""
    database.run(
        "CREATE TABLE shared_devices AS SELECT node FROM found JOIN nodes USING (node) "
        f"WHERE found.refusal = {literal(SEVERAL)} AND kind IN ({listed(kinds_of('device'))})"
    )
    _logins(database, staged)
    database.run("CREATE TABLE unclear (feed VARCHAR, sequence BIGINT, node BIGINT, moment TIMESTAMP)")
    for feed in staged:
        moment = moment_of(feed.feed)
        if moment is not None:
            database.run(
                f"INSERT INTO unclear SELECT {literal(feed.table)}, c.sequence, m.node, {moment} "
                f"FROM {feed.table}_candidates c JOIN id_sets i ON i.code = set_code(c.ids) "
                "AND i.customer IS NULL JOIN sets s ON s.ids = c.ids JOIN members m USING (id_set) "
                "JOIN shared_devices USING (node)"
            )
    database.run(
        f"INSERT INTO timed SELECT feed, sequence, coalesce(min(n.told).customer, min(p.told).customer) "
        f"FROM unclear u {_asof('n', '<=')} {_asof('p', '>=')} GROUP BY feed, sequence "
        "HAVING coalesce(min(n.told).customer, min(p.told).customer) IS NOT NULL"
    )
    for table in ("shared_devices", "logins", "unclear"):
        database.run(f"DROP TABLE {table}")


def divided(database: Database, feed: Staged) -> bool:
    """Say whether any record of a feed has its customer by its time."""
    return bool(database.value(f"SELECT count(*) FROM timed WHERE feed = {literal(feed.table)}"))


def whose(feed: Staged) -> str:
    """SQL: the customer of each candidate of a feed, by its identifiers or by its time."""
    return (
        "(SELECT c.sequence, coalesce(i.customer, d.customer) AS customer "
        f"FROM {feed.table}_candidates c LEFT JOIN id_sets i ON i.code = set_code(c.ids) "
        f"LEFT JOIN timed d ON d.feed = {literal(feed.table)} AND d.sequence = c.sequence)"
    )


def moment_of(feed: Feed) -> str | None:
    """Return SQL of the time of a feed's records: what it says it is, else the time of their first event."""
    if feed.moment in feed.keep:
        return identifier(feed.moment)
    for event in feed.events:
        if not event.each and "timestamp" in event.columns:
            return event.columns["timestamp"]
    return None


def _logins(database: Database, staged: Sequence[Staged]) -> None:
    """Make `logins` (node, moment, customer): when a shared device was seen with whom."""
    database.run("CREATE TABLE logins (node BIGINT, moment TIMESTAMP, customer BIGINT)")
    for feed in staged:
        moment = moment_of(feed.feed)
        if moment is not None:
            database.run(
                f"INSERT INTO logins SELECT node, {moment} AS moment, min(i.customer) "
                f"FROM {feed.table}_candidates c JOIN id_sets i ON i.code = set_code(c.ids) "
                "AND i.customer IS NOT NULL JOIN sets s ON s.ids = c.ids JOIN members m USING (id_set) "
                "JOIN shared_devices USING (node) GROUP BY ALL HAVING moment IS NOT NULL"
            )


def _asof(name: str, than: str) -> str:
    """SQL: join the login nearest in time on one side; `told` sorts by distance, then by customer."""
    sign = "" if than == "<=" else "-"
    told = f"{{distance: {sign}epoch_us(moment), customer: customer}} AS told"
    one_each = "SELECT node, moment, min(customer) AS customer FROM logins GROUP BY node, moment"
    return (
        f"ASOF LEFT JOIN (SELECT node, moment, {told} FROM ({one_each})) {name} "
        f"ON {name}.node = u.node AND u.moment {than} {name}.moment"
    )
