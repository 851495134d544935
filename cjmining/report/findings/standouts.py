"""Which groups differ from the others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cjmining.conformance.standouts import FEWEST_DROPPED, LARGEST_Q
from cjmining.report import words
from cjmining.report.cells import (
    Row,
    rows_of,
)
from cjmining.report.findings.finding import Finding, cite, headline, make_finding, numbers_of

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.conformance import Conformance


def standout_findings(check: Conformance, min_group: int) -> Iterator[Finding]:
    """Say which groups differ from the rest at a stage, largest ratio first; only where that holds."""
    table = check.standouts
    if check.by is None or len(table) == 0:
        return
    standing = [
        row
        for row in rows_of(table[table["stands_out"].astype(bool)])
        if row["mature"] >= min_group and row["rest_mature"] >= min_group
    ]
    for row in sorted(standing, key=lambda row: (-row["risk_ratio"], str(row["by"]), str(row["stage"]))):
        subject = words.journeys_of(row["by"], check.by)
        text = (
            f"{subject[0].upper()}{subject[1:]} dropped out at {row['stage']}{_as_often(row)}: "
            f"{words.percent(row['share'])} of {words.count(row['mature'])} within "
            f"{words.days(check.intended.horizon)}, against {words.percent(row['rest_share'])} of "
            f"{words.count(row['rest_mature'])} (an association)."
        )
        numbers = numbers_of(
            row,
            "mature",
            "dropped_within_horizon",
            "share",
            "rest_mature",
            "rest_share",
            "risk_ratio",
            "lower",
            "upper",
            "p",
            "q",
        )
        group = words.name_of(row["by"], check.by)
        yield make_finding(
            "stand-out",
            text,
            numbers,
            headline=headline(f"{{}}: {_in_short(row)} at {{}}", group, row["stage"]),
            cited=[cite("standouts", "Each against the others", stage=row["stage"], by=row["by"])],
            refuted_by=(
                f"If {words.journeys_of(row['by'], check.by)} dropped out at {row['stage']} no more and no "
                "less often than others that entered in the same month, on the same channel and device (now "
                f"{words.percent(row['share'])} against {words.percent(row['rest_share'])}), or if the "
                "difference were gone in the journeys of the coming months."
            ),
            group=row["by"],
            stage=row["stage"],
        )
    if not table["stands_out"].any():
        yield from _no_standout(table, check.by)


def _in_short(row: Row) -> str:
    """Say a ratio for a headline: of shares, so how often, never how many."""
    if not math.isfinite(row["risk_ratio"]):
        return "only they drop out"
    return f"drop out {words.times(row['risk_ratio'])} as often"


def _as_often(row: Row) -> str:
    """Say the ratio; where none of the others dropped out there is none to say."""
    if not math.isfinite(row["risk_ratio"]):
        return ", unlike the others"
    return f" {words.as_often(row['risk_ratio'], row['lower'], row['upper'])}"


def _no_standout(table: pd.DataFrame, by: str) -> Iterator[Finding]:
    compared = int(table["q"].notna().sum())
    what = by.replace("_", " ")
    if compared:
        text = (
            f"No {what} clearly differs from the others at any stage: of "
            f"{words.plural(compared, 'comparison')} none passes the test (q < {LARGEST_Q:g}, with at least "
            f"{FEWEST_DROPPED} drop-outs). That does not show that they are alike: so many journeys may be "
            "too few to show a difference."
        )
        yield make_finding(
            "no stand-out",
            text,
            {"comparisons": compared},
            headline=headline("No {} stands out at any stage", what),
            cited=[cite("standouts", "Each against the others")],
            refuted_by=(
                f"If, with more journeys or over a longer time, one {what} passed the same test at one of "
                f"the {words.plural(compared, 'place')} compared."
            ),
        )
