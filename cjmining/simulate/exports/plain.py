"""The survey, the till and the customer list: plain CSV, each in its own way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cjmining.simulate import dirt
from cjmining.simulate.exports.writing import berlin, csv_lines, write_lines
from cjmining.simulate.people import REGIONS
from cjmining.simulate.settings import DAY_S
from cjmining.simulate.steps import STEPS

if TYPE_CHECKING:
    from cjmining.simulate.exports.scene import Scene

NOBODYS_EMAIL = "unknown@example.com"
STORES = ("Altona", "Mitte", "Sued")


def write_survey(scene: Scene) -> None:
    """Write answers on a scale of 1 to 5, some with a comment.

    People are told by address, by number or by both.
    """
    events, names = scene.events, scene.identifiers
    rows = scene.of_source("survey")
    who = events.customer[rows]
    kind = rows % 4
    email = np.where(names.second_email[who] != "", names.second_email[who], names.email[who])
    has_second = names.second_email[who] != ""
    email = np.where(kind == 3, "", email)
    user = np.where((kind == 0) & ~has_second, "", names.user_id[who])
    scene.sightings.add("email", who, email.tolist())
    scene.sightings.add("user_id", who, user.tolist())
    score = np.rint(1 + 4 * events.measures["satisfaction"][rows]).astype(int)
    head, *lines = csv_lines(
        {
            "response_id": [f"R_{number}" for number in rows.tolist()],
            "answered_at": berlin(events.time[rows]),
            "email": email.tolist(),
            "customer_id": user.tolist(),
            "about": [STEPS[code].touchpoint for code in events.step[rows].tolist()],
            "score": [str(value) for value in score.tolist()],
            "comment": scene.comments.text,
        }
    )
    nobodys = [_of_nobody(lines[i], i) for i in scene.dirt.some("survey nobody", len(lines), 20)]
    scene.dirt.note("survey", "survey.csv", dirt.PLACEHOLDER, len(nobodys))
    lines = scene.dirt.repeat([*lines, *nobodys], "survey", "survey.csv", 6)
    spoils = {
        dirt.BAD_DATE: (
            3,
            lambda line: _with_cells(line, ",", {0: "R_bad_" + line.split(",")[0], 1: "yesterday"}),
        ),
        dirt.COLUMNS: (2, lambda line: line.rsplit(",", 1)[0]),
    }
    lines = scene.dirt.spoil(lines, "survey", "survey.csv", spoils)
    scene.dirt.written("survey", "survey.csv", len(lines))
    write_lines(scene.folder / "survey.csv", [head, *lines])


def _of_nobody(line: str, number: int) -> str:
    return _with_cells(line, ",", {0: f"R_nobody_{number}", 2: NOBODYS_EMAIL, 3: ""})


def _with_cells(line: str, delimiter: str, cells: dict[int, str]) -> str:
    parts = line.split(delimiter)
    for at, value in cells.items():
        parts[at] = value
    return delimiter.join(parts)


def write_till(scene: Scene) -> None:
    """Write sales in the till's own time: some by date alone, a few in the hour that did not exist."""
    events, names = scene.events, scene.identifiers
    rows = scene.of_source("store")
    who = events.customer[rows]
    scene.sightings.add("loyalty", who, names.loyalty[who].tolist())
    undated = events.measures["precision"][rows] == DAY_S
    skipped = scene.world.journeys.flags["in_skipped_hour"][events.journey[rows]]
    clock = [
        text[:10] if no_time else text.replace("2026-03-29 03:", "2026-03-29 02:") if odd else text
        for text, no_time, odd in zip(
            berlin(events.time[rows]), undated.tolist(), skipped.tolist(), strict=True
        )
    ]
    head, *lines = csv_lines(
        {
            "receipt": [f"T{number}" for number in rows.tolist()],
            "sold_at": clock,
            "branch": [STORES[customer % 3] for customer in who.tolist()],
            "loyalty_card": names.loyalty[who].tolist(),
            "amount": [f"{value:.2f}" for value in events.measures["value"][rows].tolist()],
        },
        delimiter=";",
    )
    no_card = [
        _with_cells(lines[i], ";", {0: f"N{i}", 3: ""})
        for i in scene.dirt.some("till no card", len(lines), 25)
    ]
    scene.dirt.note("store", "till.csv", dirt.NO_KEY, len(no_card))
    lines = scene.dirt.repeat([*lines, *no_card], "store", "till.csv", 5)
    spoils = {
        dirt.BAD_DATE: (
            4,
            lambda line: _with_cells(line, ";", {0: "B" + line.split(";")[0], 1: "2026-02-31 12:00:00"}),
        ),
        dirt.COLUMNS: (3, lambda line: line.rsplit(";", 2)[0]),
    }
    lines = scene.dirt.spoil(lines, "store", "till.csv", spoils)
    scene.dirt.written("store", "till.csv", len(lines))
    write_lines(scene.folder / "till.csv", [head, *lines])


def write_customers(scene: Scene) -> None:
    """Write the customer list: who is in it, and what it knows of them."""
    names, folk = scene.identifiers, scene.world.people
    who = np.flatnonzero(scene.known.listed)
    has_phone = scene.holds("phone listed", 0.8)[who]
    phone = np.where(has_phone, names.phone[who], "")
    loyalty = np.where(folk.loyalty[who], names.loyalty[who], "")
    values = scene.holds("value known", 0.7)[who]
    for kind, texts in (
        ("user_id", names.user_id[who]),
        ("email", names.email[who]),
        ("phone", phone),
        ("loyalty", loyalty),
    ):
        scene.sightings.add(kind, who, texts.tolist())
    years = folk.birth_year[who].astype(str)
    lines = csv_lines(
        {
            "customer_id": names.user_id[who].tolist(),
            "email": names.email[who].tolist(),
            "phone": phone.tolist(),
            "loyalty_id": loyalty.tolist(),
            "birth_year": np.where(scene.known.birth_year[who], years, "").tolist(),
            "region": [REGIONS[code] for code in folk.region[who].tolist()],
            "value": [
                f"{40 + (customer * 37) % 400}" if told else ""
                for customer, told in zip(who.tolist(), values.tolist(), strict=True)
            ],
        }
    )
    scene.dirt.written("customers", "customers.csv", len(lines) - 1)
    write_lines(scene.folder / "customers.csv", lines)
