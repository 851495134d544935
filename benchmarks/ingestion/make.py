"""Exports of any size: a simulated shop's, again and again with other people and at other times.

Written in their native forms: GA4's as BigQuery exports it to Parquet (nested, a file for each repetition),
Marketing Cloud's tracking extract as CSV. Some records come twice, as deliveries do; none is damaged.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

MAILINGS = 4
"""How often the mailings are repeated for each repetition of the web's events: about as many of each."""
EVENTS_A_CUSTOMER = 32.0
"""About how many records this makes for each simulated customer."""
BASE_CUSTOMERS = 20_000
TRACKED = ("Sent", "Opens", "Clicks")
MEMORY = "4GB"
"""What sorting the records may take: a hundred million don't fit into the memory of a machine."""
SHIFT_S = 7919
"""How much later each repetition is."""

_VALUE = "STRUCT(string_value VARCHAR, int_value BIGINT, float_value DOUBLE, double_value DOUBLE)"
_GA4 = {
    "event_date": "VARCHAR",
    "event_timestamp": "BIGINT",
    "event_name": "VARCHAR",
    "event_params": f'STRUCT("key" VARCHAR, "value" {_VALUE})[]',
    "event_bundle_sequence_id": "BIGINT",
    "user_id": "VARCHAR",
    "user_pseudo_id": "VARCHAR",
    "device": "STRUCT(category VARCHAR)",
    "collected_traffic_source": "STRUCT(manual_campaign_name VARCHAR)",
    "ecommerce": "STRUCT(purchase_revenue DOUBLE, refund_value DOUBLE, transaction_id VARCHAR)",
    "platform": "VARCHAR",
    "batch_event_index": "BIGINT",
}
_AMERICAN = "%m/%d/%Y %I:%M:%S %p"


def make(folder: Path, events: int) -> dict[str, int]:
    """Write exports of about `events` records into `folder`; return how many records of each kind."""
    import duckdb

    import cjmining as cj

    repeats = max(1, round(events / EVENTS_A_CUSTOMER / BASE_CUSTOMERS))
    base = folder / "base"
    cj.simulate.shop(round(events / EVENTS_A_CUSTOMER / repeats), seed=1).write(base)
    (folder / "web").mkdir(parents=True)
    (folder / "email").mkdir()
    connection = duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(folder / "spill")})
    counts = {"web": _write_web(connection, base, folder / "web", repeats)}
    for stem in TRACKED:
        counts[stem] = _write_tracked(
            connection, base / "email" / f"{stem}.csv", folder, stem, repeats * MAILINGS
        )
    return counts


def _write_web(connection, base: Path, folder: Path, repeats: int) -> int:
    columns = ", ".join(f"{name}: '{type_}'" for name, type_ in _GA4.items())
    connection.execute(
        "CREATE TABLE web AS SELECT *, row_number() OVER () AS place FROM read_json("
        f"'{base}/web/*.jsonl.gz', format = 'newline_delimited', columns = {{{columns}}}, "
        "ignore_errors = true) "
        "WHERE event_timestamp IS NOT NULL AND event_name IS NOT NULL ORDER BY ALL"
    )
    for i in range(repeats):
        later = i * SHIFT_S * 1_000_000
        shifted = (
            f"SELECT * EXCLUDE (place) REPLACE (event_timestamp + {later} AS event_timestamp, "
            f"user_id || '{i:04d}' AS user_id, '{i}' || user_pseudo_id AS user_pseudo_id) FROM web"
        )
        connection.execute(
            f"COPY ({shifted} UNION ALL {shifted} WHERE place % 40 = {i % 40} "
            f"ORDER BY event_timestamp, user_pseudo_id, event_bundle_sequence_id, batch_event_index) "
            f"TO '{folder}/events_{i:04d}.parquet' (COMPRESSION snappy)"
        )
    return int(connection.execute(f"SELECT count(*) FROM read_parquet('{folder}/*.parquet')").fetchone()[0])


def _write_tracked(connection, file: Path, folder: Path, stem: str, repeats: int) -> int:
    """Write one file of the tracking extract: people and times differ in each repetition, sends don't."""
    moment = f"try_strptime(EventDate, '{_AMERICAN}') + to_seconds(i * {SHIFT_S})"
    connection.execute(
        f"COPY (SELECT * EXCLUDE (i) REPLACE ("
        f"strftime({moment}, '%-m/%-d/%Y %-I:%M:%S %p') AS EventDate, "
        "CASE WHEN contains(SubscriberKey, '@') THEN i || '.' || SubscriberKey "
        "ELSE left(SubscriberKey, 5) || printf('%04d', i) || right(SubscriberKey, 9) END AS SubscriberKey, "
        "i || '.' || EmailAddress AS EmailAddress) "
        f"FROM read_csv('{file}', all_varchar = true, ignore_errors = true), range({repeats}) AS r(i) "
        f"WHERE {moment} IS NOT NULL ORDER BY i, {moment}, SubscriberKey, SendID, BatchID) "
        f"TO '{folder}/email/{stem}.csv' (HEADER, DELIMITER ',')"
    )
    return int(
        connection.execute(f"SELECT count(*) FROM read_csv('{folder}/email/{stem}.csv')").fetchone()[0]
    )


if __name__ == "__main__":
    print(json.dumps(make(Path(sys.argv[1]), int(sys.argv[2]))))
