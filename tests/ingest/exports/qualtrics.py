# ruff: noqa: E501 -- native rows are as long as they are
"""Qualtrics' exports of a survey's responses, with three or two header rows, and a distribution's history."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

import cjmining as cj
from tests.ingest.exports import writing

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source

_COLUMNS = {
    "StartDate": "startDate", "EndDate": "endDate", "Status": "status", "Progress": "progress",
    "Duration (in seconds)": "duration", "Finished": "finished", "RecordedDate": "recordedDate",
    "ResponseId": "_recordId", "RecipientLastName": "recipientLastName", "RecipientEmail": "recipientEmail",
    "ExternalReference": "externalDataReference", "DistributionChannel": "distributionChannel", "Q1": "QID1",
    "Q2": "QID2_TEXT",
}  # fmt: skip
_LEGACY = {"V1": "ResponseID", "V4": "ExternalDataReference", "V5": "EmailAddress", "V7": "Status",
           "V8": "StartDate", "V9": "EndDate", "V10": "Finished", "Q1": "How likely?"}  # fmt: skip


def write(folder: Path, rng: random.Random, records: int) -> None:
    if rng.random() < 0.7:
        _responses(folder, rng, records)
    else:
        _legacy(folder, rng, records)
    if rng.random() < 0.4:
        rows = [
            [f"CID_{writing.token(rng, 12)}", f"EMD_{writing.token(rng, 6)}", "SurveyStarted", "",
             writing.moment(rng).strftime("%Y-%m-%dT%H:%M:%SZ"), "", ""]
            for _ in range(max(2, records // 3))
        ]  # fmt: skip
        head = (
            "contactId",
            "distributionId",
            "status",
            "responseId",
            "sentAt",
            "openedAt",
            "responseStartedAt",
        )
        writing.put(folder / "history.csv", writing.separated(head, rows), rng)


def read(folder: Path) -> Source:
    return cj.sources.Qualtrics(folder, questions={"Q1": "nps"})


def _responses(folder: Path, rng: random.Random, records: int) -> None:
    delimiter, ending = rng.choice(((",", ".csv"), ("\t", ".tsv")))
    labels = [f"{name} as\npeople read it" if name == "Q2" else name for name in _COLUMNS]
    ids = [json.dumps({"ImportId": import_id}) for import_id in _COLUMNS.values()]
    rows = [labels, ids, *(_response(rng) for _ in range(records))]
    text = writing.separated(list(_COLUMNS), rows, delimiter=delimiter)
    writing.put(folder / f"responses{ending}", text, rng)


def _response(rng: random.Random) -> list[object]:
    start = writing.moment(rng).strftime("%Y-%m-%d %H:%M:%S")
    finished = rng.random() < 0.8
    return [
        start, start, rng.choice((0, 0, 0, 1, 16)), 100 if finished else 40, rng.randrange(900), int(finished), start,
        f"R_{writing.token(rng, 14)}", writing.token(rng, 6), rng.choice((writing.email(rng), "")),
        rng.choice((f"C{writing.token(rng, 6)}", "")), "email", rng.choice(("", rng.randrange(11))),
        writing.phrase(rng),
    ]  # fmt: skip


def _legacy(folder: Path, rng: random.Random, records: int) -> None:
    rows: list[list[object]] = [[*_LEGACY.values(), ""]]
    for _ in range(records):
        start = writing.moment(rng).strftime("%Y-%m-%d %H:%M:%S")
        rows.append(
            [f"R_{writing.token(rng, 14)}", "", writing.email(rng), 0, start, start, 1, rng.randrange(11), ""]
        )
    writing.put(folder / "responses.csv", writing.separated([*_LEGACY, ""], rows), rng)
