"""Places that stand out, and what goes with leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.dropout.drivers import OWN, Drivers
from cjmining.dropout.exposures import (
    ATTRIBUTE,
    BROKEN,
    CHANNEL,
    DEVIATION,
    ERROR,
    HAND_OFF,
    LONG_WAIT,
    PRECEDING,
    REPEAT,
)
from cjmining.report import words
from cjmining.report.cells import (
    Row,
    rows_of,
)
from cjmining.report.findings.finding import Finding, cite, headline, make_finding, numbers_of
from cjmining.report.leaving import TOO_FEW, Leaving

if TYPE_CHECKING:
    from cjmining.dropout.scan import DropOutScan

_WITH = {
    LONG_WAIT: "a long wait at {}",
    BROKEN: "a broken promise of {}",
    ERROR: "a failed {}",
    DEVIATION: "a deviation at {}",
    REPEAT: "a repeated contact, {}",
    HAND_OFF: "a hand-off, {}",
    CHANNEL: "the channel {}",
    PRECEDING: "{} before it",
}
MOST_TOLD = 2
"""How many associations of a stage are told in sentences."""


def leaving_findings(leaving: Leaving, min_group: int) -> list[Finding]:
    """Return what is said in sentences: places that stand out, and the clear associations at each stage."""
    found = []
    if leaving.places is not None:
        rows = [row for row in rows_of(leaving.places.findings) if _is_told(row, min_group)]
        found += [_place(row) for row in rows]
        if not rows:
            found.append(_nothing(leaving.places))
    for each in leaving.why:
        found += [
            _driver(each, row, leaving.slugs[each.stage])
            for row in clear_drivers(each, min_group)[:MOST_TOLD]
        ]
    return found


def _is_told(row: Row, min_group: int) -> bool:
    return bool(row["stands_out"]) and row["entered"] >= min_group


def _place(row: Row) -> Finding:
    numbers = numbers_of(
        row, "entered", "ended", "expected", "excess", "lower", "upper", "share", "expected_share", "p"
    )
    return make_finding(
        "place that stands out",
        row["sentence"],
        numbers | {"start": str(row["start"]), "end": str(row["end"])},
        headline=headline(f"{{}}: {row['excess']:.0f} more than usual {_ended(row)}", row["stage"]),
        cited=[cite("places", "Where and when", stage=row["stage"], touchpoint=row["touchpoint"])],
        refuted_by=(
            "If the records of these weeks turned out to be incomplete, or if shares as far from the usual "
            f"{words.percent(row['expected_share'])} as these {words.percent(row['share'])} came up in other "
            "weeks too in which nothing was the matter."
        ),
        stage=row["stage"],
        touchpoint=row["touchpoint"] or None,
        also=(str(row["kind"]), str(row["attributes"]), str(row["segment"])),
    )


def _ended(row: Row) -> str:
    return "left" if row["kind"] == "dropped" else "turned away"


def _nothing(places: DropOutScan) -> Finding:
    text, looked_at = TOO_FEW, "these weeks"
    if places.looked_at:
        text = (
            "No week or segment had clearly more drop-out than its own usual level "
            f"({words.plural(places.looked_at, 'place')} looked at, up to {words.day(places.sees_until)}). "
            "Where drop-out is high every week, it stands under Who differs."
        )
        looked_at = f"the {words.plural(places.looked_at, 'place')} looked at"
    return make_finding(
        "no place stands out",
        text,
        {"places": places.looked_at},
        headline="No week and no segment stands out",
        cited=[cite("places", "Where and when")],
        refuted_by=(
            f"If, with more journeys, one of {looked_at} had clearly more drop-out than its own usual level, "
            "such as a week in which something is known to have gone wrong."
        ),
    )


def _driver(each: Drivers, row: Row, slug: str) -> Finding:
    candidate = row["detail"] if row["kind"] == ATTRIBUTE and row["detail"] else row["candidate"]
    return make_finding(
        "goes with leaving",
        row["sentence"].replace(row["candidate"], words.quoted(row["candidate"])),
        numbers_of(row, "exposed", "risk_exposed", "risk_unexposed", "difference", "lower", "upper", "q"),
        headline=headline(f"More leave {{}} with {_WITH.get(row['kind'], '{}')}", each.stage, candidate),
        cited=[cite(f"drivers-{slug}", "What goes with leaving", stage=each.stage)],
        refuted_by=_refuting_driver(each, row),
        stage=each.stage,
        also=(str(row["kind"]), str(row["candidate"]), str(row["detail"])),
    )


def _refuting_driver(each: Drivers, row: Row) -> str:
    """Say what would show that it does not matter: an experiment where one can be made, else a comparison."""
    shares = f"{words.percent(row['risk_exposed'])} against {words.percent(row['risk_unexposed'])}"
    if row["kind"] == ATTRIBUTE:
        return (
            f"If the difference at {each.stage} (now {shares}) vanished among customers who are alike in "
            "everything else that is known of them."
        )
    return (
        f"If an experiment that spares half of the customers {_spared(row)} left drop-out at {each.stage} as "
        f"it is (now {shares})."
    )


def _spared(row: Row) -> str:
    return _WITH.get(row["kind"], "{}").format(words.quoted(row["candidate"]))


def clear_drivers(each: Drivers, min_group: int) -> list[Row]:
    """Return the associations with more drop-out that are clear, and that nothing stronger explains."""
    return [row for row in rows_of(each.drivers) if row["verdict"] == OWN and row["exposed"] >= min_group]
