"""The shop as its systems export it: one module a system, and the account of what was written."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from cjmining.simulate.dirt import Dirt
from cjmining.simulate.exports.connect import write_connect
from cjmining.simulate.exports.ga4 import write_ga4
from cjmining.simulate.exports.marketing_cloud import write_marketing_cloud
from cjmining.simulate.exports.plain import write_customers, write_survey, write_till
from cjmining.simulate.exports.salesforce import write_salesforce
from cjmining.simulate.exports.scene import Scene
from cjmining.simulate.exports.writing import write_lines
from cjmining.simulate.households import in_households
from cjmining.simulate.identifiers import Sightings, identifiers
from cjmining.simulate.truth import comments_truth, journey_truth, settings_truth, sizes

if TYPE_CHECKING:
    from pathlib import Path

    from cjmining.simulate.journeys import World
    from cjmining.simulate.known import Known

TEXTS = ("intended.yaml", "labels.yaml", "study.yaml", "README.md")
FOLDERS = ("crm", "email", "web", "calls")


def write_exports(world: World, seen: Known, folder: Path) -> Path:
    """Write the exports of all six systems, the customer list, map, labels, study and truth."""
    settings = world.settings
    for name in FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
    scene = Scene(
        world=world,
        known=seen,
        identifiers=in_households(identifiers(settings.seed, settings.customers), settings, seen.guest),
        sightings=Sightings(),
        dirt=Dirt(settings.seed, settings.clean),
        folder=folder,
    )
    write_salesforce(scene)
    write_marketing_cloud(scene)
    write_ga4(scene)
    write_connect(scene)
    write_survey(scene)
    write_till(scene)
    write_customers(scene)
    _write_texts(folder)
    _write_truth(scene)
    return folder


def _write_texts(folder: Path) -> None:
    from cjmining.simulate.shop import text

    for name in TEXTS:
        (folder / name).write_text(text(name), encoding="utf-8")


def _write_truth(scene: Scene) -> None:
    """Write sizes and the account of the dirt to be read, journeys and identifiers to be compared with."""
    world = scene.world
    summary = {
        "settings": settings_truth(world),
        "sizes": sizes(world, scene.known),
        "exports": scene.dirt.account(),
        "comments": comments_truth(scene.comments),
        "more": "truth_details.json.gz: identifiers of each customer, and every journey by column",
    }
    write_lines(scene.folder / "truth.json", json.dumps(summary, indent=1).split("\n"))
    details = {
        "identifiers": scene.sightings.by_customer(world.settings.customers),
        "journeys": _journey_columns(world),
    }
    write_lines(scene.folder / "truth_details.json.gz", [json.dumps(details, separators=(",", ":"))])


def _journey_columns(world: World) -> dict[str, list[Any]]:
    """Return the journeys by column: times in seconds since 1970, flags as the rows that they hold for."""
    journeys = journey_truth(world)
    columns: dict[str, list[Any]] = {}
    for name in journeys.columns:
        column = journeys[name]
        if column.dtype == bool:
            columns[name] = [int(row) for row in column.to_numpy().nonzero()[0]]
        elif str(column.dtype).startswith("datetime"):
            columns[name] = [
                None if missing else int(at.timestamp())
                for at, missing in zip(column, column.isna(), strict=True)
            ]
        else:
            columns[name] = column.tolist()
    return columns
