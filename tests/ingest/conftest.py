"""What all tests of ingestion share."""

from __future__ import annotations

import duckdb
import pytest


@pytest.fixture(autouse=True, scope="package")
def one_thread_for_a_handful_of_records():
    """Let DuckDB use one thread: there is nothing here to share out, and starting others takes longer."""
    connect = duckdb.connect

    def alone(*args, **options):
        connection = connect(*args, **options)
        connection.execute("SET threads = 1")
        return connection

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(duckdb, "connect", alone)
        yield
