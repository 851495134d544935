"""No identifier in clear stays in a log of pseudonyms that takes further deliveries: not in a single file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

import cjmining as cj

DATA = Path(__file__).parents[2] / "data"
_ID_LENGTH = 15
"""Of Salesforce's ids, which may go on with three letters that say nothing more."""
KNOWN = {
    *("003000000000001", "003000000000002", "006000000000001", "006000000000002", "500000000000001"),
    *("101", "102", "103", "105", "106", "501", "502"),  # HubSpot's contacts and deals
    *("11", "12", "13", "21", "22", "1001", "1002", "1003"),  # Zendesk's users, agents and tickets
    *("b1", "k1", "k2", "k3"),  # Amazon Connect's contacts, Genesys's conversations
}


def sources() -> list[cj.sources.Source]:
    return [
        cj.sources.Salesforce(DATA / "salesforce" / "bulk", unit="opportunity"),
        cj.sources.HubSpot(DATA / "hubspot" / "api"),
        cj.sources.Zendesk(DATA / "zendesk"),
        cj.sources.AmazonConnect(DATA / "amazon_connect"),
        cj.sources.Genesys(DATA / "genesys", name="genesys"),
    ]


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from texts_in(list(value.values()))
    elif isinstance(value, list):
        for each in value:
            yield from texts_in(each)


def texts_of(folder: Path) -> Iterator[tuple[str, str]]:
    """Every text of every file, with where it stands."""
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        where = path.relative_to(folder).as_posix()
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            for name in table.column_names:
                for text in texts_in(table.column(name).to_pylist()):
                    yield f"{where} {name}", text
        else:
            for text in texts_in(json.loads(path.read_text(encoding="utf-8"))):
                yield where, text


def test_no_identifier_is_left_in_clear(tmp_path):
    cj.ingest(
        sources(), data_end="2026-12-31", identities="pseudonymise", key="a secret", path=tmp_path / "log",
        add=True,
    )  # fmt: skip
    said = {(where, text) for where, text in texts_of(tmp_path / "log")}
    assert not {(where, text) for where, text in said if text[:_ID_LENGTH] in KNOWN}
