"""Tables of customers: the newest row of a customer speaks first."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import cjmining as cj

ROWS = {
    "number": ["C1", "C1", "C1", "C2"],
    "changed": ["2026-03-09", "2026-03-10", "2026-03-01", "2026-03-01"],
    "region": ["North", None, "South", "East"],
    "plan": ["gold", "free", "silver", "free"],
}


def visits():
    seen = pa.table({"who": ["C1", "C2"], "when": ["2026-03-11 10:00"] * 2})
    return cj.sources.Table(
        seen,
        name="t",
        customer={"who": "user_id"},
        timestamp="when",
        touchpoint="page_viewed",
        timezone="UTC",
    )


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table])
@pytest.mark.parametrize("turned", [False, True])
def test_the_newest_row_speaks_first_whatever_the_order(frame, turned):
    rows = {name: values[::-1] if turned else values for name, values in ROWS.items()}
    people = cj.sources.Customers(frame(rows), identifiers={"number": "user_id"}, version="changed")
    customers = cj.ingest(visits(), customers=people).customers
    assert customers["plan"].tolist() == ["free", "free"]
    assert customers["region"].tolist() == ["North", "East"]  # of the newest that has one
    assert "changed" not in customers.columns


def test_the_version_is_a_column():
    people = cj.sources.Customers(pa.table(ROWS), identifiers={"number": "user_id"}, version="chnged")
    with pytest.raises(cj.SourceError, match="version='chnged' is no column, did you mean 'changed'"):
        cj.ingest(visits(), customers=people)
