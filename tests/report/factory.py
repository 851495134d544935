"""Results with numbers chosen by hand: a shop of four stages, so that a test knows what the page must say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pandas as pd

from cjmining.conformance.knowledge import CONVERTED_ROW, IDENTIFIED
from cjmining.conformance.sensitivity import ranking
from cjmining.intended.model import Exit, IntendedMap, Stage, Touchpoint
from cjmining.log import JourneyLog

if TYPE_CHECKING:
    from cjmining.discovery import Discovery
    from cjmining.report.cells import Row

STAGES = ("Awareness", "Basket", "Checkout", "Delivery")
LAST = {
    "Awareness": "ad_clicked",
    "Basket": "basket_filled",
    "Checkout": "payment_entered",
    "Delivery": "parcel_sent",
}

# group: stage -> the numbers of COLUMNS, below
COUNTS = {
    "Gen Z": {
        "Awareness": (400, 360, 0, 30, 0, 10, 350, 28),
        "Basket": (360, 320, 0, 36, 0, 4, 330, 33),
        "Checkout": (320, 190, 0, 118, 8, 4, 310, 105),
        "Delivery": (190, 0, 180, 2, 0, 8, 170, 0),
    },
    "Families": {
        "Awareness": (600, 540, 0, 48, 0, 12, 550, 40),
        "Basket": (540, 440, 0, 92, 0, 8, 500, 85),
        "Checkout": (440, 380, 0, 50, 4, 6, 420, 46),
        "Delivery": (380, 0, 366, 0, 0, 14, 350, 0),
    },
    "unknown": {
        "Awareness": (60, 40, 0, 18, 0, 2, 50, 15),
        "Basket": (40, 30, 0, 9, 0, 1, 35, 8),
        "Checkout": (30, 25, 0, 4, 0, 1, 28, 4),
        "Delivery": (25, 0, 23, 0, 0, 2, 20, 0),
    },
}
ISLANDERS = {
    "Awareness": (7, 6, 0, 1, 0, 0, 7, 1),
    "Basket": (6, 4, 0, 2, 0, 0, 6, 2),
    "Checkout": (4, 3, 0, 1, 0, 0, 4, 1),
    "Delivery": (3, 0, 3, 0, 0, 0, 3, 0),
}
COLUMNS = (
    "entered",
    "continued",
    "converted",
    "dropped",
    "turned_away",
    "open",
    "mature",
    "dropped_within_horizon",
)
BY_GROUP = (
    "stages",
    "dropouts",
    "deviations",
    "touchpoints",
    "flows",
    "outcomes",
    "standouts",
    "sensitivity",
    "ranking",
    "identified",
    "deviations_by_channel",
    "expectations",
    "expectations_by_week",
    "expectations_by_channel",
    "channels",
    "handoffs",
    "fitness",
)
"""Tables of a check whose rows are those of groups, besides its journeys."""


@dataclass(frozen=True)
class Checked:
    """The tables of a Conformance, as the page reads them."""

    intended: IntendedMap
    by: str | None
    groups: tuple[str, ...]
    journeys: pd.DataFrame
    stages: pd.DataFrame
    dropouts: pd.DataFrame
    deviations: pd.DataFrame
    touchpoints: pd.DataFrame
    flows: pd.DataFrame
    standouts: pd.DataFrame
    outcomes: pd.DataFrame
    sensitivity: pd.DataFrame
    ranking: pd.DataFrame
    identified: pd.DataFrame
    knowledge: pd.DataFrame
    deviations_by_channel: pd.DataFrame
    expectations: pd.DataFrame
    expectations_by_week: pd.DataFrame
    expectations_by_channel: pd.DataFrame
    channels: pd.DataFrame
    handoffs: pd.DataFrame
    fitness: pd.DataFrame
    notes: tuple[str, ...] = ()
    _everybody: Any = None
    _journeys: Any = None

    _reading = None

    @property
    def overall(self) -> Any:
        return self if self._everybody is None else self._everybody

    def _length(self, name: str) -> int:
        return len(getattr(self, name))


@dataclass(frozen=True)
class Covered:
    missing_from_log: pd.DataFrame
    unknown_to_map: pd.DataFrame
    gaps: pd.DataFrame


@dataclass(frozen=True)
class Results:
    """Everything that `report` takes."""

    log: JourneyLog
    found: Discovery
    check: Any
    coverage: Covered


def intended_map() -> IntendedMap:
    stages = [
        Stage(
            name,
            touchpoints=(Touchpoint(touchpoint, channels=("web",)),),
            next=STAGES[number + 1 : number + 2],
        )
        for number, (name, touchpoint) in enumerate(LAST.items())
    ]
    stages[3] = replace(
        stages[3],
        touchpoints=(*stages[3].touchpoints, Touchpoint("order_delivered", actor="company")),
        patience="never",
    )
    return IntendedMap(
        map="Online purchase",
        goal=("order_delivered",),
        stages=tuple(stages),
        exits=(Exit("order_rejected", "company"),),
        patience=timedelta(days=14),
    )


def grouped(*, islanders: bool = False, stand_out: bool = True) -> Results:
    """Results by persona, with a tiny persona on demand, and with or without something that stands out."""
    counts = COUNTS | ({"Islanders": ISLANDERS} if islanders else {})
    total = {
        stage: tuple(sum(of[stage][place] for of in counts.values()) for place in range(8))
        for stage in STAGES
    }
    overall = _checked(None, {"all": total}, stand_out=False)
    check = replace(_checked("persona", counts, stand_out=stand_out), _everybody=overall)
    log = _log(counts)
    return Results(log, _found(log, "persona"), check, covered())


def ungrouped() -> Results:
    everyone = grouped()
    from cjmining.discovery import discover

    return Results(everyone.log, discover(everyone.log), everyone.check.overall, covered())


def covered() -> Covered:
    return Covered(
        pd.DataFrame({"stage": ["Awareness"], "touchpoint": ["poster_seen"], "recorded": [True]}),
        pd.DataFrame(
            {
                "source": ["web", "web"],
                "native": ["page_ping", "rare_name"],
                "touchpoint": ["page_ping", "rare_name"],
                "events": [30, 2],
                "share_of_events": [0.03, 0.002],
                "journeys": [25, 2],
                "share_of_journeys": [0.02, 0.001],
                "labelled": [False, True],
            }
        ),
        pd.DataFrame(
            {
                "source": ["web"],
                "start": pd.to_datetime(["2026-05-01T00:00Z"]),
                "end": pd.to_datetime(["2026-05-03T00:00Z"]),
            }
        ),
    )


def _checked(by: str | None, counts: dict[str, dict[str, tuple[int, ...]]], *, stand_out: bool) -> Checked:
    from cjmining.stats import wilson

    stages, dropouts, deviations, touchpoints, flows, outcomes, sensitivity = [], [], [], [], [], [], []
    for group, of in counts.items():
        dropped = sum(row[3] for row in of.values())
        for stage, row in of.items():
            share, lower, upper = wilson(row[7], row[6])
            stages.append(
                {"by": group, "stage": stage, **dict(zip(COLUMNS, row, strict=True)), "drop_out_share": share}
                | {"lower": lower, "upper": upper, "median_s": 86_400.0}
                | {"satisfaction": 0.7, "satisfaction_lower": 0.6, "satisfaction_upper": 0.8}
                | {"satisfaction_answered": row[0] // 4}
                | {"began": row[0] if stage == STAGES[0] else 0, "after_goal": 0}
            )
            if row[3]:
                dropouts.append(
                    {
                        "by": group,
                        "stage": stage,
                        "touchpoint": LAST[stage],
                        "turn": "customer",
                        "journeys": row[3],
                    }
                    | {"share_of_dropped": row[3] / dropped, "value_at_risk": 40.0 * row[3]}
                    | {
                        "value_at_risk_lower": 30.0 * row[3],
                        "value_at_risk_upper": 50.0 * row[3],
                        "currency": "EUR",
                    }
                )
            touchpoints.append(
                {
                    "by": group,
                    "stage": stage,
                    "touchpoint": LAST[stage],
                    "channel": "web",
                    "events": row[0] + 5,
                }
                | {"journeys": row[0], "satisfaction": 0.7, "satisfaction_answered": row[0] // 4}
                | {"failed": 0}
            )
            for patience, factor in (("half", 1.1), ("as stated", 1.0), ("double", 0.9)):
                sensitivity.append(
                    {"by": group, "stage": stage, "patience": patience, "mature": row[6]}
                    | {"drop_out_share": share * factor, "lower": lower, "upper": upper, "rank": 1}
                )
        journeys = of["Awareness"][0]
        flows += [
            {"by": group, "from_stage": a, "to_stage": b, "journeys": of[b][0], "crossings": of[b][0]}
            | {"crossings_after_goal": 0, "journeys_before_goal": of[b][0], "journeys_after_goal": 0}
            for a, b in pairwise(STAGES)
        ]
        for type_, touchpoint, many in (("missing", "basket_filled", 0.2), ("ad hoc", "page_ping", 0.05)):
            deviations.append(
                {"by": group, "type": type_, "stage": "Basket", "touchpoint": touchpoint}
                | {"journeys": round(many * journeys), "share_of_journeys": round(many * journeys) / journeys}
                | with_and_without(round(many * journeys), journeys)
            )
        outcomes.append(
            {"by": group, "journeys": journeys}
            | {name: sum(row[place] for row in of.values()) for place, name in enumerate(COLUMNS[2:6], 2)}
            | {"customers": journeys}
        )
    return Checked(
        intended=intended_map(),
        by=by,
        groups=tuple(counts),
        journeys=_journeys(counts),
        stages=pd.DataFrame(stages),
        dropouts=pd.DataFrame(dropouts),
        deviations=pd.DataFrame(deviations),
        touchpoints=pd.DataFrame(touchpoints),
        flows=pd.DataFrame(flows),
        standouts=_standouts(counts, stand_out=stand_out),
        outcomes=pd.DataFrame(outcomes)[["by", "journeys", *COLUMNS[2:6], "customers"]],
        sensitivity=pd.DataFrame(sensitivity),
        ranking=ranking(pd.DataFrame(sensitivity)),
        identified=_halved(pd.DataFrame(stages)),
        knowledge=pd.DataFrame(
            [_known("persona", *row) for row in KNOWN] + [_known(IDENTIFIED, *row) for row in KNOWN]
        ),
        **_service(counts, deviations),
    )


KNOWN = (
    # furthest stage, journeys, known, journeys further, known of these, whether that depends
    ("Awareness", 96, 62, 964, 900, True),
    ("Basket", 137, 125, 827, 775, False),
    ("Checkout", 6, 6, 821, 769, False),
    (CONVERTED_ROW, 569, 540, 0, 0, False),
)
"""Who is known, by how far they came: of those who left at Awareness clearly fewer."""


def _known(
    attribute: str, stage: str, n: int, known: int, further: int, known_further: int, depends: bool
) -> Row:
    share, share_further = known / n, known_further / further if further else float("nan")
    return {
        "attribute": attribute,
        "furthest_stage": stage,
        "journeys": n,
        "known": known,
        "share": share,
        "lower": share - 0.05,
        "upper": share + 0.05,
        "journeys_further": further,
        "share_further": share_further,
        "difference": share - share_further,
        "difference_lower": -0.4,
        "difference_upper": -0.2,
        "shift": 0.3,
        "q": 0.001,
        "depends": depends,
    }


def _halved(stages: pd.DataFrame) -> pd.DataFrame:
    """Half of all journeys are of identified customers, at every stage; they drop out as the others do."""
    counts = {name: stages[name] // 2 for name in (*COLUMNS, "satisfaction_answered")}
    return stages.assign(**counts)


def with_and_without(journeys: int, there: int) -> dict[str, Any]:
    """Half of those with a deviation and of the others could be followed; the same share converted."""
    counts = {"mature_with": journeys // 2, "mature_without": (there - journeys) // 2}
    converted = {"converted_with": journeys // 4, "converted_without": (there - journeys) // 4}
    compared = {"difference": 0.0, "lower": -0.1, "upper": 0.1, "q": 0.9}
    return (
        {"events": journeys + 3, "journeys_there": there, "share_of_journeys_there": journeys / there}
        | {**counts, **converted, **compared}
        | {"median_s_with": 172_800.0, "median_s_without": 86_400.0}
    )


PROMISES = {
    # measure: touchpoint, stage, at_least, at_most, target, share kept of each ten, verdict
    "wait_s": ("checkout_called", "Checkout", float("nan"), 120.0, 0.9, 7, "broken"),
    "satisfaction": ("basket_rated", "Basket", 0.6, float("nan"), 0.5, 8, "kept"),
    "within": ("", "Basket", float("nan"), 604_800.0, 0.8, 8, "unclear"),
}


def _service(
    counts: dict[str, dict[str, tuple[int, ...]]], deviations: list[dict[str, Any]]
) -> dict[str, pd.DataFrame]:
    """Promises, channels, hand-offs and fitness: counts are parts of the journeys that reached Checkout."""
    from cjmining.stats import newcombe, wilson

    tables: dict[str, list[dict[str, Any]]] = {
        name: []
        for name in (
            *("expectations", "expectations_by_week", "expectations_by_channel"),
            *("channels", "handoffs", "fitness"),
        )
    }
    for group, of in counts.items():
        reached, journeys = of["Checkout"][0], of["Awareness"][0]
        for measure, (touchpoint, stage, at_least, at_most, target, of_ten, verdict) in PROMISES.items():
            key = {"by": group, "stage": stage, "touchpoint": touchpoint, "measure": measure, "after": ""}
            key |= {"at_least": at_least, "at_most": at_most}

            def shares(measured: int, of_ten: int = of_ten) -> dict[str, Any]:
                share, lower, upper = wilson(measured * of_ten // 10, measured)
                kept = {"measured": measured, "kept": measured * of_ten // 10}
                return kept | {"share_kept": share, "lower": lower, "upper": upper}

            broken = reached - reached * of_ten // 10
            followed = {"mature_kept": (reached - broken) // 2, "mature_broken": broken // 2}
            followed |= {"dropped_when_kept": (reached - broken) // 10, "dropped_when_broken": broken // 4}
            difference = newcombe(
                followed["dropped_when_broken"],
                followed["mature_broken"],
                followed["dropped_when_kept"],
                followed["mature_kept"],
            )
            tables["expectations"].append(
                key
                | {"target": target, **shares(reached), "verdict": verdict, "median": 60.0, "p90": 300.0}
                | {
                    "unmeasured": 2,
                    "not_due": 1,
                    "journeys_kept": reached - broken,
                    "journeys_broken": broken,
                }
                | followed
                | dict(zip(("difference", "difference_lower", "difference_upper"), difference, strict=True))
            )
            tables["expectations_by_week"] += [
                key | {"week": pd.Timestamp("2026-03-02") + pd.Timedelta(weeks=week), **shares(reached // 5)}
                for week in (0, 1, 2, 4, 5)
            ]
            tables["expectations_by_channel"] += [
                key | {"channel": channel, **shares(reached // 2)} for channel in ("phone", "web")
            ]
        for channel, mean in (("phone", 0.8), ("web", 0.5), ("", 0.6)):
            tables["channels"].append(
                {"by": group, "channel": channel, "contacts": reached + 7, "journeys": reached}
                | {"satisfaction": mean, "lower": mean - 0.1, "upper": mean + 0.1, "answered": reached // 4}
                | {"waits": reached // 2, "median_wait_s": 30.0, "p90_wait_s": 240.0}
            )
        for kind, one, other, again, part in (
            ("channel", "web", "phone", True, 5),
            ("channel", "phone", "web", False, 10),
            ("owner", "Marketing", "Shop", False, 2),
        ):
            tables["handoffs"].append(
                {"by": group, "kind": kind, "from": one, "to": other, "stage": "Checkout", "again": again}
                | {"handoffs": reached // part + 1, "journeys": reached // part}
                | {"share_of_journeys": reached // part / journeys, "median_s": 7200.0, "p90_s": 172_800.0}
            )
        tables["fitness"].append(
            {"by": group, "journeys": journeys, "cost": journeys, "worst": 5 * journeys, "fitness": 0.8}
            | {"mean_fitness": 0.75, "perfect": journeys // 2}
        )
    by_channel = [
        {
            name: row[name]
            for name in ("by", "type", "stage", "touchpoint", "journeys", "events", "share_of_journeys")
        }
        | {"channel": "" if row["type"] == "missing" else "web"}
        for row in deviations
    ]
    return {name: pd.DataFrame(rows) for name, rows in tables.items()} | {
        "deviations_by_channel": pd.DataFrame(by_channel)
    }


def _journeys(counts: dict[str, dict[str, tuple[int, ...]]]) -> pd.DataFrame:
    names = list(counts)
    days = pd.to_datetime(["2026-03-01T00:00Z", "2026-08-31T00:00Z"])
    times = {"start": days[0], "decided_at": days[1]}
    return pd.DataFrame({"journey": range(len(names)), "by": names, "outcome": "converted", **times})


def _standouts(counts: dict[str, dict[str, tuple[int, ...]]], *, stand_out: bool) -> pd.DataFrame:
    rows = []
    for group, of in counts.items():
        for stage, row in of.items():
            rest = [other[stage] for name, other in counts.items() if name != group] or [row]
            mature, dropped = sum(r[6] for r in rest), sum(r[7] for r in rest)
            share, rest_share = row[7] / row[6], dropped / mature
            rows.append(
                {
                    "by": group,
                    "stage": stage,
                    "mature": row[6],
                    "dropped_within_horizon": row[7],
                    "share": share,
                }
                | {
                    "rest_mature": mature,
                    "rest_share": rest_share,
                    "risk_ratio": share / rest_share if rest_share else 1.0,
                }
                | {"lower": 1.52, "upper": 2.1, "p": 0.0001, "q": 0.002}
                | {"stands_out": stand_out and (group, stage) == ("Gen Z", "Checkout")}
            )
    return pd.DataFrame(rows)


def _log(counts: dict[str, dict[str, tuple[int, ...]]]) -> JourneyLog:
    """One journey a customer, as far as the counts say; the shares of the outcomes play no part here."""
    events, personas, customer = [], [], 0
    start = pd.Timestamp("2026-03-01", tz="UTC")
    for group, of in counts.items():
        reached = [of[stage][0] for stage in STAGES]
        for number in range(reached[0]):
            for step, stage in enumerate(STAGES):
                if number < reached[step]:
                    moment = start + pd.Timedelta(days=(customer * 7) % 150, hours=3 * step)
                    events.append((customer, moment, LAST[stage], "web"))
            personas.append(group)
            customer += 1
    frame = pd.DataFrame(events, columns=["customer", "timestamp", "touchpoint", "channel"])
    customers = pd.DataFrame({"customer": range(customer), "persona": personas})
    return JourneyLog.from_events(frame, customers=customers, data_end="2026-09-01")


def _found(log: JourneyLog, by: str) -> Discovery:
    from cjmining.discovery import discover

    return discover(log, by=by)
