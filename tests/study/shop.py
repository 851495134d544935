"""A tiny study on disk: twenty-four customers of one web shop, whose journeys are known by heart."""

from __future__ import annotations

import shutil
from pathlib import Path

MAP = """
map: A small shop
goal: [order_placed]
patience: 7d
horizon: 14d
stages:
  - stage: Look
    touchpoints: [{touchpoint: product_viewed, repeat: true}]
  - stage: Buy
    touchpoints: [{touchpoint: basket_filled}, {touchpoint: order_placed}]
personas:
  - {persona: Young, where: {birth_year: {at_least: 1997}}}
"""
LABELS = """
labels:
  - {native: view, touchpoint: product_viewed}
  - {native: fill, touchpoint: basket_filled}
  - {native: pay, touchpoint: order_placed}
"""
STUDY = """
study: A small study
data_end: 2026-06-01T00:00:00Z
sources:
  - source: Table
    path: visits.csv
    name: web
    customer: {user: user_id}
    timestamp: time
    touchpoint: what
    timezone: UTC
    channel: {fixed: web}
customers: {path: customers.csv, identifiers: {user: user_id}}
labels: labels.yaml
map: map.yaml
by: persona
report: {min_group: 2}
"""


def write_study(folder: Path, *, buyers: int = 8) -> Path:
    """Write the exports: `buyers` of 24 customers order, 6 more fill a basket, the others only look."""
    visits = ["user,time,what"]
    for customer in range(24):
        day = 1 + customer % 20
        visits.append(f"u{customer},2026-03-{day:02d}T10:00:00Z,view")
        if customer < buyers + 6:
            visits.append(f"u{customer},2026-03-{day:02d}T10:30:00Z,fill")
        if customer < buyers:
            visits.append(f"u{customer},2026-03-{day:02d}T11:00:00Z,pay")
    customers = ["user,birth_year", *(f"u{customer},{1990 + customer % 12}" for customer in range(24))]
    for name, text in (
        ("visits.csv", "\n".join(visits) + "\n"),
        ("customers.csv", "\n".join(customers) + "\n"),
        ("map.yaml", MAP),
        ("labels.yaml", LABELS),
        ("study.yaml", STUDY),
    ):
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "study.yaml"


def copy_study(study: Path, folder: Path) -> Path:
    """Copy a study with all that lies beside it, so what its last run wrote too: a first run for nothing."""
    shutil.copytree(study.parent, folder, dirs_exist_ok=True)
    return folder / study.name
