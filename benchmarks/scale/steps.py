"""The steps of the way from exports to the page, each for a process of its own, and two of them in DuckDB.

A step gets the folder of the exports and that of the log, does what has to be there before it, and returns
what is measured: a function that returns an answer, or one that makes it once the clock has stopped.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.discovery.questions import FUNNEL

INGESTION_MEMORY = "500MB"
"""What ingestion may use for reading and sorting."""
MEMORY = "200MB"
"""What events may take in an analysis."""
DUCKDB_MEMORY = "1GB"
HERE = Path(__file__).parent
DATA_END = "2027-01-01"
FUNNEL_DAYS = 30

Step = Callable[[Path, Path], Callable[[], Any]]


def ingestion(exports: Path, log: Path) -> Callable[[], Any]:
    """Web exports and mailings to a log on disk."""
    import cjmining as cj

    sources = [cj.sources.GA4(exports / "web"), cj.sources.MarketingCloud(exports / "email")]

    def run() -> Callable[[], Any]:
        made = cj.ingest(sources, data_end=DATA_END, path=log, memory_limit=INGESTION_MEMORY)
        return lambda: {"events": made.n_events, "customers": made.n_customers}

    return run


def labelled(_: Path, log: Path) -> Callable[[], Any]:
    """Name touchpoints by rules, and write the log again."""
    import cjmining as cj

    opened = cj.read_log(log, memory_limit=MEMORY)

    def run() -> Callable[[], Any]:
        opened.label(HERE / "labels.yaml").write(_beside(log))
        return lambda: {"mb": sum(file.stat().st_size for file in _beside(log).rglob("*.parquet")) / 2**20}

    return run


def split(_: Path, log: Path) -> Callable[[], Any]:
    """Cut customers' events into journeys by the map."""
    opened, intended = _opened(log), _map()
    return lambda: {"journeys": opened.split(intended).n_journeys}


def transitions(_: Path, log: Path) -> Callable[[], Any]:
    """Which touchpoint follows which, and after how long."""
    import cjmining as cj

    opened = _opened(log)

    def run() -> Callable[[], Any]:
        found = cj.discover(opened)
        return lambda: _as_answer(found.transitions, "from_touchpoint", "to_touchpoint", "count")

    return run


def transitions_in_duckdb(_: Path, log: Path) -> Callable[[], Any]:
    """The same counts and mean times."""
    query = f"""
        select touchpoint::varchar as one, following::varchar as other, count(*) as n, avg(elapsed) from (
            select touchpoint, customer,
                lead(touchpoint) over () as following, lead(customer) over () as same,
                epoch_us(lead(timestamp) over ()) - epoch_us(timestamp) as elapsed
            from read_parquet('{_beside(log)}/events-*.parquet')
        ) where customer = same group by all
    """
    return lambda: {f"{one} > {other}": n for one, other, n, _ in _duckdb().execute(query).fetchall()}


def funnel(_: Path, log: Path) -> Callable[[], Any]:
    """How many customers came how far through three touchpoints within thirty days."""
    import cjmining as cj

    opened = _opened(log)

    def run() -> Callable[[], Any]:
        found = cj.funnel(opened, list(FUNNEL), within=f"{FUNNEL_DAYS}d")
        return lambda: dict(zip(FUNNEL, found.steps["reached"].tolist(), strict=True))

    return run


def funnel_in_duckdb(_: Path, log: Path) -> Callable[[], Any]:
    """The same by joins."""
    from benchmarks.discovery.funnel import in_sql

    events = f"""(
        select customer as journey, row_number() over () as place, touchpoint::varchar as touchpoint,
            epoch_us(timestamp) as timestamp
        from read_parquet('{_beside(log)}/events-*.parquet')
    )"""
    query = in_sql(events, [f"'{name}'" for name in FUNNEL], FUNNEL_DAYS)
    return lambda: dict(zip(FUNNEL, _duckdb().execute(query).fetchone(), strict=True))


def check(_: Path, log: Path) -> Callable[[], Any]:
    """Hold journeys against the map."""
    import cjmining as cj

    opened, intended = _split(log)

    def run() -> Callable[[], Any]:
        found = cj.check(opened, intended)
        return lambda: _numbers(found.outcomes)

    return run


def drop_out(_: Path, log: Path) -> Callable[[], Any]:
    """Check, and cumulative incidence of leaving, by stage, with limits."""
    import cjmining as cj

    opened, intended = _split(log)

    def run() -> Callable[[], Any]:
        found = cj.incidence(cj.check(opened, intended))
        return lambda: {"rows": len(found.curves)}

    return run


def page(_: Path, log: Path) -> Callable[[], Any]:
    """Discover, check, and the page with all that it looks into."""
    import cjmining as cj

    opened, intended = _split(log)

    def run() -> Callable[[], Any]:
        with tempfile.TemporaryDirectory() as folder:
            found = cj.discover(opened, ignore=intended.ignore)
            path = cj.report(opened, found, cj.check(opened, intended), path=Path(folder) / "report.html")
            size = Path(path).stat().st_size
        return lambda: {"bytes": size}

    return run


STEPS: dict[str, Step] = {
    "ingestion": ingestion,
    "labels, written": labelled,
    "split": split,
    "transitions": transitions,
    "transitions, DuckDB": transitions_in_duckdb,
    "funnel": funnel,
    "funnel, DuckDB": funnel_in_duckdb,
    "check": check,
    "check and drop-out": drop_out,
    "page": page,
}


def step(name: str, exports: Path, log: Path) -> Callable[[], Any]:
    """Return what is measured of a step."""
    return partial(STEPS[name], exports, log)()


def _opened(log: Path) -> Any:
    import cjmining as cj

    return cj.read_log(_beside(log), memory_limit=MEMORY)


def _beside(log: Path) -> Path:
    """Where the labelled log lies."""
    return log.with_name(f"{log.name}.labelled")


def _map() -> Any:
    import cjmining as cj

    return cj.read_map(HERE / "map.yaml")


def _split(log: Path) -> tuple[Any, Any]:
    intended = _map()
    return _opened(log).split(intended), intended


def _duckdb() -> Any:
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET memory_limit = '{DUCKDB_MEMORY}'")
    return connection


def _as_answer(table: Any, one: str, other: str, count: str) -> dict[str, int]:
    pairs = zip(table[one].astype(str), table[other].astype(str), table[count].tolist(), strict=True)
    return {f"{a} > {b}": n for a, b, n in pairs}


def _numbers(table: Any) -> dict[str, int]:
    return {str(name): int(value) for name, value in table.iloc[0].items() if name != "by"}
