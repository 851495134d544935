"""The same work for each engine: two systems' exports to one sorted log on disk.

Each reads, casts, removes what was delivered twice, gives events their touchpoint, channel, actor, session
and properties, sorts by who and when, and writes Parquet. Only cjmining finds out who is who and keeps a
ledger. An engine returns how to look at what it wrote: what of each native event is there, and in what order.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Answer = dict[str, list[int]]
Run = Callable[[], Callable[[], Answer]]

MEMORY = "600MB"
"""What the bounded engines may use for reading and sorting."""
TOUCHPOINTS = {
    "page_view": "page_viewed", "view_item": "product_viewed", "add_to_cart": "basket_filled",
    "begin_checkout": "checkout_opened", "add_payment_info": "payment_entered", "purchase": "order_placed",
}  # fmt: skip
TRACKED = {
    "Sent": ("email_sent", "company", ()),
    "Opens": ("email_opened", "customer", ("EmailClient",)),
    "Clicks": ("email_clicked", "customer", ("SendURLID", "URL", "Alias")),
}
HEAD = (
    "ClientID", "SendID", "SubscriberKey", "EmailAddress", "SubscriberID", "ListID", "EventDate", "EventType",
    "BatchID", "TriggeredSendExternalKey",
)  # fmt: skip
TAIL = {
    "Sent": ("CampaignID",),
    "Opens": ("IsUnique", "EmailClient"),
    "Clicks": ("SendURLID", "URL", "Alias"),
}
KEY = ("ClientID", "SendID", "SubscriberKey", "BatchID", "ListID", "EventDate", "EventType")
AMERICAN = "%m/%d/%Y %I:%M:%S %p"
WEB_KEY = (
    "user_pseudo_id", "user_id", "event_timestamp", "event_name", "event_bundle_sequence_id",
    "batch_event_index", "event_params",
)  # fmt: skip


def cjmining(folder: Path, out: Path) -> Run:
    """`cj.ingest` with `path`, with all the memory there is."""
    return _ingested(folder, out, None)


def cjmining_bounded(folder: Path, out: Path) -> Run:
    """The same with `memory_limit`."""
    return _ingested(folder, out, MEMORY)


def _ingested(folder: Path, out: Path, memory: str | None) -> Run:
    import cjmining as cj

    sources = [cj.sources.GA4(folder / "web"), cj.sources.MarketingCloud(folder / "email")]

    def run() -> Callable[[], Answer]:
        cj.ingest(sources, data_end="2027-01-01", path=out, memory_limit=memory)
        return lambda: _look(f"{out}/events-*.parquet", who="customer")

    return run


def duckdb_script(folder: Path, out: Path) -> Run:
    """One statement of DuckDB, with all the memory there is: the floor."""
    return _in_duckdb(folder, out, None)


def duckdb_bounded(folder: Path, out: Path) -> Run:
    """The same statement with the memory that ours has."""
    return _in_duckdb(folder, out, MEMORY)


def _in_duckdb(folder: Path, out: Path, memory: str | None) -> Run:
    import duckdb

    parts = [_web_in_sql(folder), *(_tracked_in_sql(folder, stem) for stem in TRACKED)]
    statement = (
        f"COPY (SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY who, timestamp) "
        f"TO '{out}' (FORMAT parquet, COMPRESSION zstd)"
    )

    def run() -> Callable[[], Answer]:
        connection = duckdb.connect()
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(f"SET temp_directory = '{out}.spill'")
        if memory:
            connection.execute(f"SET memory_limit = '{memory}'")
        connection.execute(statement)
        return lambda: _look(str(out), who="who")

    return run


def _web_in_sql(folder: Path) -> str:
    named = " ".join(f"WHEN '{name}' THEN '{ours}'" for name, ours in TOUCHPOINTS.items())
    path = f"regexp_replace({_parameter('page_location')}, '^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*', '')"
    return (
        "SELECT coalesce(user_pseudo_id, user_id) AS who, make_timestamp(event_timestamp) AS timestamp, "
        f"CASE event_name {named} ELSE event_name END AS touchpoint, event_name AS native, "
        "CASE WHEN upper(platform) IN ('IOS', 'ANDROID') THEN 'app' ELSE 'web' END AS channel, "
        "'customer' AS actor, 'web' AS source, device.category AS device, "
        f"coalesce(collected_traffic_source.manual_campaign_name, {_parameter('campaign')}) AS campaign, "
        f"left(md5(concat_ws(':', user_pseudo_id, {_parameter('ga_session_id')})), 16) AS session, "
        f"ecommerce.purchase_revenue AS value, {_parameter('currency')} AS currency, "
        f"CAST(to_json({{page_path: {path}, transaction_id: ecommerce.transaction_id}}) AS VARCHAR) "
        f"AS properties FROM read_parquet('{folder}/web/*.parquet') {_newest(WEB_KEY)}"
    )


def _parameter(name: str) -> str:
    value = f"list_filter(event_params, lambda p: p.key = '{name}')[1].value"
    slots = ("string_value", "int_value::VARCHAR", "float_value::VARCHAR", "double_value::VARCHAR")
    return f"coalesce({', '.join(f'{value}.{slot}' for slot in slots)})"


def _tracked_in_sql(folder: Path, stem: str) -> str:
    touchpoint, actor, further = TRACKED[stem]
    columns = ", ".join(f"{name}: 'VARCHAR'" for name in (*HEAD, *TAIL[stem]))
    said = ", ".join(f"{name}: {name}" for name in ("SendID", "ClientID", *further))
    key = (*KEY, "SendURLID") if stem == "Clicks" else KEY
    return (
        f"SELECT EmailAddress, strptime(EventDate, '{AMERICAN}') + INTERVAL 6 HOUR, '{touchpoint}', "
        f"EventType, 'email', '{actor}', 'email', NULL, TriggeredSendExternalKey, NULL, NULL, NULL, "
        f"CAST(to_json({{{said}}}) AS VARCHAR) FROM read_csv('{folder}/email/{stem}.csv', header = true, "
        f"auto_detect = false, delim = ',', quote = '\"', columns = {{{columns}}}) {_newest(key)}"
    )


def _newest(key: tuple[str, ...]) -> str:
    return f"QUALIFY row_number() OVER (PARTITION BY hash({', '.join(key)})) = 1"


def polars(folder: Path, out: Path) -> Run:
    """Lazy frames, run by the streaming engine, written as they are sorted."""
    import polars as pl

    def parameter(name: str, slot: str) -> pl.Expr:
        found = pl.element().filter(pl.element().struct.field("key") == name)
        value = found.struct.field("value").struct.field(slot)
        return pl.col("event_params").list.eval(value).list.first()

    def web() -> pl.LazyFrame:
        said = {"page_path": pl.col("page").str.replace("^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*", "")}
        order = pl.col("ecommerce").struct.field("transaction_id")
        return (
            pl.scan_parquet(f"{folder}/web/*.parquet")
            .with_columns(
                page=parameter("page_location", "string_value"),
                number=parameter("ga_session_id", "int_value"),
                currency=parameter("currency", "string_value"),
            )
            .unique([*WEB_KEY[:-1], "page", "number", "currency"], keep="any")
            .select(
                who=pl.coalesce("user_pseudo_id", "user_id"),
                timestamp=pl.col("event_timestamp").cast(pl.Datetime("us")),
                touchpoint=pl.col("event_name").replace(TOUCHPOINTS),
                native="event_name",
                channel=pl.when(pl.col("platform").str.to_uppercase().is_in(["IOS", "ANDROID"]))
                .then(pl.lit("app"))
                .otherwise(pl.lit("web")),
                actor=pl.lit("customer"),
                source=pl.lit("web"),
                device=pl.col("device").struct.field("category"),
                campaign=pl.col("collected_traffic_source").struct.field("manual_campaign_name"),
                session=pl.concat_str("user_pseudo_id", pl.col("number").cast(pl.String), separator=":")
                .hash()
                .cast(pl.String),
                value=pl.col("ecommerce").struct.field("purchase_revenue"),
                currency="currency",
                properties=pl.struct(**said, transaction_id=order).struct.json_encode(),
            )
        )

    def tracked(stem: str) -> pl.LazyFrame:
        touchpoint, actor, further = TRACKED[stem]
        types = dict.fromkeys((*HEAD, *TAIL[stem]), pl.String)
        no = pl.lit(None, pl.String)
        return (
            pl.scan_csv(folder / "email" / f"{stem}.csv", schema=types)
            .unique([*KEY, "SendURLID"] if stem == "Clicks" else list(KEY), keep="any")
            .select(
                who="EmailAddress",
                timestamp=pl.col("EventDate").str.to_datetime("%-m/%-d/%Y %-I:%M:%S %p", time_unit="us")
                + pl.duration(hours=6),
                touchpoint=pl.lit(touchpoint),
                native="EventType",
                channel=pl.lit("email"),
                actor=pl.lit(actor),
                source=pl.lit("email"),
                device=no,
                campaign="TriggeredSendExternalKey",
                session=no,
                value=pl.lit(None, pl.Float64),
                currency=no,
                properties=pl.struct("SendID", "ClientID", *further).struct.json_encode(),
            )
        )

    def run() -> Callable[[], Answer]:
        frame = pl.concat([web(), *map(tracked, TRACKED)]).sort("who", "timestamp")
        frame.sink_parquet(out, compression="zstd")
        return lambda: _look(str(out), who="who")

    return run


def pandas_pm4py(folder: Path, out: Path) -> Run:
    """pandas, the parameters flattened by pyarrow, then `pm4py.format_dataframe`, then Parquet."""
    import pandas as pd
    import pm4py
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    def web() -> pd.DataFrame:
        table = pq.read_table(folder / "web")
        found = table.drop_columns(["event_params"]).to_pandas()
        params = table.column("event_params").combine_chunks()
        rows, flat = pc.list_parent_indices(params), pc.list_flatten(params)
        for name, slot in (("page_location", 0), ("ga_session_id", 1), ("currency", 0)):
            there = pc.equal(pc.struct_field(flat, 0), name)
            value = pc.struct_field(pc.filter(flat, there), [1, slot]).to_pandas()
            found[name] = pd.Series(value.to_numpy(), index=pc.filter(rows, there).to_numpy())
        key = [*WEB_KEY[:-1], "page_location", "ga_session_id", "currency"]
        found = found.drop_duplicates(key)
        said = pd.DataFrame(
            {
                "page_path": found["page_location"].str.replace(
                    "^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*", "", regex=True
                ),
                "transaction_id": found["ecommerce"].str.get("transaction_id"),
            }
        )
        session = found["user_pseudo_id"] + ":" + found["ga_session_id"].astype("Int64").astype("string")
        return pd.DataFrame(
            {
                "who": found["user_pseudo_id"].fillna(found["user_id"]),
                "timestamp": pd.to_datetime(found["event_timestamp"], unit="us"),
                "touchpoint": found["event_name"].replace(TOUCHPOINTS),
                "native": found["event_name"],
                "channel": found["platform"]
                .str.upper()
                .isin(["IOS", "ANDROID"])
                .map({True: "app", False: "web"}),
                "actor": "customer",
                "source": "web",
                "device": found["device"].str.get("category"),
                "campaign": found["collected_traffic_source"].str.get("manual_campaign_name"),
                "session": pd.util.hash_pandas_object(session, index=False).astype("string"),
                "value": found["ecommerce"].str.get("purchase_revenue"),
                "currency": found["currency"],
                "properties": _as_json(said),
            }
        )

    def tracked(stem: str) -> pd.DataFrame:
        touchpoint, actor, further = TRACKED[stem]
        found = pd.read_csv(folder / "email" / f"{stem}.csv", dtype="string")
        found = found.drop_duplicates([*KEY, "SendURLID"] if stem == "Clicks" else list(KEY))
        return pd.DataFrame(
            {
                "who": found["EmailAddress"],
                "timestamp": pd.to_datetime(found["EventDate"], format=AMERICAN) + pd.Timedelta(hours=6),
                "touchpoint": touchpoint,
                "native": found["EventType"],
                "channel": "email",
                "actor": actor,
                "source": "email",
                "campaign": found["TriggeredSendExternalKey"],
                "properties": _as_json(found[["SendID", "ClientID", *further]]),
            }
        )

    def run() -> Callable[[], Answer]:
        frame = pd.concat([web(), *map(tracked, TRACKED)], ignore_index=True)
        frame = pm4py.format_dataframe(
            frame, case_id="who", activity_key="touchpoint", timestamp_key="timestamp"
        ).sort_values(["case:concept:name", "time:timestamp"], kind="stable")
        frame.drop(columns=["who", "timestamp", "touchpoint"]).to_parquet(out, compression="zstd")
        return lambda: _look(str(out), who='"case:concept:name"', timestamp='"time:timestamp"')

    return run


def _as_json(said) -> object:
    """Objects of texts, column by column, which is faster than row by row."""
    text = "{"
    for i, name in enumerate(said.columns):
        column = said[name].astype("string")
        text = text + (", " if i else "") + f'"{name}": ' + ('"' + column + '"').fillna("null")
    return text + "}"


ENGINES = {
    "cjmining": cjmining,
    f"cjmining, within {MEMORY}": cjmining_bounded,
    "duckdb, one statement (the floor)": duckdb_script,
    f"duckdb, the same within {MEMORY}": duckdb_bounded,
    "polars": polars,
    "pandas and pm4py": pandas_pm4py,
}


def _look(files: str, *, who: str, timestamp: str = "timestamp") -> Answer:
    """Return the number and the sum of times of each native event, and how often order is broken."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    rows = connection.execute(
        f"SELECT native, count(*), sum(epoch_us({timestamp}) // 1000000) FROM read_parquet('{files}') "
        "GROUP BY native ORDER BY native"
    ).fetchall()
    broken = connection.execute(
        f"SELECT count(*) FROM (SELECT {who} AS who, {timestamp} AS moment, "
        f"lag({who}) OVER () AS who_before, lag({timestamp}) OVER () AS before FROM read_parquet('{files}')) "
        "WHERE who < who_before OR (who = who_before AND moment < before)"
    ).fetchone()
    return {**{name: [int(n), int(total)] for name, n, total in rows}, "out of order": [int(broken[0])]}
