"""Results as `cj.check` and `cj.discover` return them: made-up customers walk a made-up map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

import cjmining as cj
from cjmining.intended import parse_map
from cjmining.intended.model import Expectation, IntendedMap, Persona, Stage, Touchpoint
from cjmining.stats import newcombe, wilson

CHANNELS = ("web", "app", "email", "phone", "store")
LONG = "A remarkably long name that somebody in a workshop thought would help everybody"


@dataclass(frozen=True)
class MadeUpJourneys:
    """When journeys were decided, by pieces."""

    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.table)

    @property
    def kept(self) -> MadeUpJourneys:
        return self

    @property
    def reading(self) -> Any:
        """The journeys as a log's would be, each with one event."""
        groups, codes = np.unique(self.table["by"].astype(str), return_inverse=True)
        return SimpleNamespace(
            groups=tuple(groups),
            group=codes,
            bounds=np.arange(len(codes) + 1),
            columns=SimpleNamespace(timestamp=_microseconds(self.table["start"])),
        )

    def pieces(self, name: str) -> Iterator[tuple[Any]]:
        yield (_microseconds(self.table[name]),)


def _microseconds(times: pd.Series) -> Any:
    return times.to_numpy(dtype="datetime64[us]").astype(np.int64)


@dataclass(frozen=True)
class MadeUpCheck:
    """The tables of a Conformance."""

    intended: Any
    by: str | None
    groups: tuple[str, ...]
    journeys: pd.DataFrame
    stages: pd.DataFrame
    dropouts: pd.DataFrame
    deviations: pd.DataFrame
    touchpoints: pd.DataFrame
    flows: pd.DataFrame
    outcomes: pd.DataFrame
    expectations: pd.DataFrame
    overall: Any = field(default=None, compare=False)

    @property
    def _journeys(self) -> Any:
        return MadeUpJourneys(self.journeys)


def made_up_map(stages: int = 4, touchpoints: int = 3, *, long: bool = False) -> IntendedMap:
    """A map with `touchpoints` in each stage; names as long as they get where `long`."""
    text = f"{LONG}, indeed {'unbreakable' * 6}" if long else "a pain in few words"
    return IntendedMap(
        map=f"{LONG} {LONG}" if long else "Online purchase",
        goal=(f"s{stages - 1}_t{touchpoints - 1}",),
        patience=timedelta(days=14),
        personas=(Persona("Gen Z", needs=(text, text)), Persona("Families")),
        stages=tuple(_stage(n, touchpoints, text, long) for n in range(stages)),
    )


_PROMISES = (
    Expectation("wait_s", at_most=7200, share=0.8),
    Expectation("satisfaction", at_least=0.6, share=0.9),
    Expectation("duration_s", at_most=120),
    Expectation("response_s", at_most=14_400, share=0.9, after="s0_t0"),
    Expectation("contacts", at_most=1, share=0.75),
    Expectation("wait_s", at_least=5, at_most=8, share=0.5),
)


def _stage(number: int, touchpoints: int, text: str, long: bool) -> Stage:
    return Stage(
        stage=f"{LONG} {number}" if long else f"Stage {number}",
        owner=LONG if long else "Marketing",
        patience=timedelta(days=7) if number == 1 else None,
        touchpoints=tuple(
            Touchpoint(
                touchpoint=f"s{number}_t{n}" + ("_" + LONG.replace(" ", "_") if long else ""),
                channels=(CHANNELS[(number + n) % 5], CHANNELS[(number + 2 * n + 1) % 5]),
                recorded=n != 2,
                emotion=(number + n) % 5 - 2,
                moment_of_truth=n == 0,
                pain_points=(text,) * (n == 0),
                opportunities=(f"{text} {n}",),
                expect=(_PROMISES[(number + n) % 6],) if n < 2 else (),
            )
            for n in range(touchpoints)
        ),
    )


def made_up_check(
    intended: IntendedMap,
    journeys: int = 400,
    *,
    groups: tuple[str, ...] = ("Gen Z", "Families"),
    times: int = 1,
    seed: int = 0,
) -> MadeUpCheck:
    """A check of `journeys` walks, every count `times` as large; its `overall` puts the groups together."""
    walks = _walks(intended, journeys, np.random.default_rng(seed))
    walks["by"] = np.array(groups, dtype=object)[walks["journey"] % len(groups)] if groups else "all"
    tables = _tables(intended, walks, times)
    together = _tables(intended, walks.assign(by="all"), times)
    overall = MadeUpCheck(intended, None, ("all",), **together)
    return MadeUpCheck(intended, "persona", groups, **tables, overall=overall)


def _walks(intended: IntendedMap, journeys: int, rng: np.random.Generator) -> pd.DataFrame:
    """One row a visit of a stage: journey, step, stage, touchpoint, channel."""
    visits = []
    n_stages = len(intended.stages)
    for journey in range(journeys):
        stage, step = (0 if rng.random() < 0.8 else rng.integers(n_stages)), 0
        while True:
            touchpoint = intended.stages[stage].touchpoints[
                rng.integers(len(intended.stages[stage].touchpoints))
            ]
            channel = touchpoint.channels[rng.integers(2)]
            visits.append((journey, step, int(stage), touchpoint.touchpoint, channel))
            if rng.random() < 0.2 or stage == n_stages - 1 or step > 8:
                break
            stage, step = (int(rng.integers(stage + 1)) if rng.random() < 0.15 else stage + 1), step + 1
    return pd.DataFrame(visits, columns=["journey", "step", "stage", "touchpoint", "channel"])


def _outcome(journey: int, stage: int, last: int) -> str:
    if stage == last and journey % 3:
        return "converted"
    return ("dropped", "dropped", "dropped", "open", "turned_away")[journey % 5]


def _tables(intended: IntendedMap, walks: pd.DataFrame, times: int) -> dict[str, pd.DataFrame]:
    names, last = intended.stage_names, len(intended.stages) - 1
    ends = walks.groupby("journey").tail(1).copy()
    ends["outcome"] = [_outcome(j, s, last) for j, s in zip(ends["journey"], ends["stage"], strict=True)]
    by_groups = sorted(set(walks["by"])) if len(walks) else ["all"]
    outcome_columns = ["converted", "dropped", "turned_away", "open"]
    stages, outcomes, dropouts = [], [], []
    for by in by_groups:
        own, own_ends = walks[walks["by"] == by], ends[ends["by"] == by]
        counts = {name: int((own_ends["outcome"] == name).sum()) * times for name in outcome_columns}
        outcomes.append(
            {"by": by, "journeys": len(own_ends) * times, "customers": len(own_ends) * times, **counts}
        )
        stages += [_stage_row(by, n, name, own, own_ends, times) for n, name in enumerate(names)]
        dropouts += _dropout_rows(by, names, own_ends[own_ends["outcome"] == "dropped"], times)
    return {
        "journeys": _journeys(ends),
        "stages": pd.DataFrame(stages),
        "outcomes": pd.DataFrame(outcomes),
        "dropouts": pd.DataFrame(
            dropouts,
            columns=[
                "by",
                "stage",
                "touchpoint",
                "turn",
                "journeys",
                "share_of_dropped",
                "value_at_risk",
                "value_at_risk_lower",
                "value_at_risk_upper",
                "currency",
            ],
        ).sort_values(["by", "journeys"], ascending=[True, False]),
        "touchpoints": _touchpoint_rows(names, walks, times),
        "flows": _flow_rows(names, walks, times),
        "deviations": _deviation_rows(intended, by_groups, len(ends) * times),
        "expectations": _expectation_rows(intended, by_groups, len(ends), times),
    }


def _expectation_rows(intended: IntendedMap, groups: list[str], journeys: int, times: int) -> pd.DataFrame:
    """Each promise of the map, measured in fewer journeys the later it stands; the first never."""
    promised = [
        (stage.stage, touchpoint.touchpoint, promise)
        for stage in intended.stages
        for touchpoint in stage.touchpoints
        for promise in touchpoint.expect
    ]
    rows = []
    for by in groups:
        for place, (stage, touchpoint, promise) in enumerate(promised):
            measured = journeys * times // (1 + place) if place else 0
            kept = measured * (10 - place % 5) // 10
            share, lower, upper = wilson(kept, measured)
            verdict = "kept" if lower >= promise.share else "broken" if upper < promise.share else "unclear"
            rows.append(
                {"by": by, "stage": stage, "touchpoint": touchpoint, "measure": promise.measure}
                | {"after": promise.after or "", "target": promise.share, "verdict": verdict}
                | {"at_least": promise.at_least, "at_most": promise.at_most}
                | {"measured": measured, "kept": kept, "share_kept": share, "lower": lower, "upper": upper}
            )
    columns = ["by", "stage", "touchpoint", "measure", "after", "target", "verdict", "at_least", "at_most"]
    columns += ["measured", "kept", "share_kept", "lower", "upper"]
    table = pd.DataFrame(rows, columns=columns)
    return table.astype({"at_least": float, "at_most": float})


def _stage_row(
    by: str, n: int, name: str, own: pd.DataFrame, ends: pd.DataFrame, times: int
) -> dict[str, Any]:
    here = ends[ends["stage"] == n]
    row: dict[str, Any] = {
        "by": by,
        "stage": name,
        "entered": own[own["stage"] == n]["journey"].nunique() * times,
    }
    for outcome in ("converted", "dropped", "turned_away", "open"):
        row[outcome] = int((here["outcome"] == outcome).sum()) * times
    row["continued"] = row["entered"] - sum(row[o] for o in ("converted", "dropped", "turned_away", "open"))
    row["mature"] = int(row["entered"] * 0.9)
    row["dropped_within_horizon"] = int(row["dropped"] * 0.9)
    share = row["dropped_within_horizon"] / row["mature"] if row["mature"] else float("nan")
    row |= {"drop_out_share": share, "lower": share * 0.9, "upper": min(1.0, share * 1.12)}
    row |= {"began": int((own[own["step"] == 0]["stage"] == n).sum()) * times, "after_goal": 0}
    row |= {"median_s": 10.0 ** (n % 6) if row["entered"] else float("nan")}
    row |= {
        "satisfaction": 0.3 + 0.08 * n if n % 3 else float("nan"),
        "satisfaction_lower": 0.2 + 0.08 * n if n % 3 else float("nan"),
        "satisfaction_upper": 0.4 + 0.08 * n if n % 3 else float("nan"),
        "satisfaction_answered": 7 * times * (n % 3),
    }
    return row


def _dropout_rows(
    by: str, names: tuple[str, ...], dropped: pd.DataFrame, times: int
) -> list[tuple[Any, ...]]:
    counts = dropped.groupby(["stage", "touchpoint"]).size()
    return [
        (
            by,
            names[stage],
            touchpoint,
            "customer",
            n * times,
            n / len(dropped),
            61.5 * n * times,
            50.0 * n * times,
            70.0 * n * times,
            "EUR",
        )
        for (stage, touchpoint), n in counts.items()
    ]


def _touchpoint_rows(names: tuple[str, ...], walks: pd.DataFrame, times: int) -> pd.DataFrame:
    grouped = (
        walks.groupby(["by", "stage", "touchpoint", "channel"])["journey"]
        .agg(["size", "nunique"])
        .reset_index()
    )
    return pd.DataFrame(
        {
            "by": grouped["by"],
            "stage": [names[n] for n in grouped["stage"]],
            "touchpoint": grouped["touchpoint"],
            "channel": grouped["channel"],
            "events": grouped["size"] * times,
            "journeys": grouped["nunique"] * times,
            "satisfaction": np.nan,
            "satisfaction_answered": 0,
            "failed": 0,
        }
    )


def _flow_rows(names: tuple[str, ...], walks: pd.DataFrame, times: int) -> pd.DataFrame:
    moves = walks.assign(to=walks.groupby("journey")["stage"].shift(-1)).dropna(subset=["to"])
    moves = moves[moves["stage"] != moves["to"]]
    grouped = moves.groupby(["by", "stage", "to"])["journey"].agg(["size", "nunique"]).reset_index()
    return pd.DataFrame(
        {
            "by": grouped["by"],
            "from_stage": [names[n] for n in grouped["stage"]],
            "to_stage": [names[int(n)] for n in grouped["to"]],
            "journeys": grouped["nunique"] * times,
            "crossings": grouped["size"] * times,
            "crossings_after_goal": 0,
            "journeys_before_goal": grouped["nunique"] * times,
            "journeys_after_goal": 0,
        }
    )


def _deviation_rows(intended: IntendedMap, groups: list[str], total: int) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "by": by,
                "type": kind,
                "stage": stage.stage,
                "touchpoint": t.touchpoint,
                "journeys": n,
                "share_of_journeys": n / max(total, n),
                **_with_and_without(n, total),
            }
            for by in groups
            for position, stage in enumerate(intended.stages)
            for order, t in enumerate(stage.touchpoints)
            for kind, n in [("missing", 3 + 10 * position + order), ("ad hoc", 2 + order)]
        ]
    )


def _with_and_without(n: int, total: int) -> dict[str, Any]:
    """A third of those with a deviation converted, half of the others; q says so where they are many."""
    rest = max(total - n, 0)
    counts = {
        "mature_with": n,
        "converted_with": n // 3,
        "mature_without": rest,
        "converted_without": rest // 2,
    }
    differs = newcombe(n // 3, n, rest // 2, rest)
    return {**counts, "difference": differs.difference, "q": 0.01 if n > 12 and rest else 0.2}


def _journeys(ends: pd.DataFrame) -> pd.DataFrame:
    start = pd.Timestamp("2026-03-01", tz="UTC") + pd.to_timedelta(ends["journey"] % 150, unit="D")
    return pd.DataFrame(
        {
            "journey": ends["journey"].to_numpy(),
            "by": ends["by"].to_numpy(),
            "outcome": ends["outcome"].to_numpy(),
            "start": start.to_numpy(),
            "decided_at": (start + pd.Timedelta(days=20)).to_numpy(),
        }
    )


def made_up_discovery(edges: dict[tuple[str, str], int], *, by: str = "all", grouped: bool = False) -> Any:
    """A Discovery with these transitions."""
    transitions = pd.DataFrame(
        [
            {"by": by, "from_touchpoint": a, "to_touchpoint": b, "count": n, "journeys": max(1, n - 1)}
            for (a, b), n in edges.items()
        ],
        columns=["by", "from_touchpoint", "to_touchpoint", "count", "journeys"],
    )
    names = sorted({name for edge in edges for name in edge})
    inflow = {name: sum(n for (_, b), n in edges.items() if b == name) for name in names}
    touchpoints = pd.DataFrame(
        [
            {"by": by, "touchpoint": name, "count": inflow[name] + 1, "journeys": inflow[name] + 1}
            for name in names
        ],
        columns=["by", "touchpoint", "count", "journeys"],
    )
    return SimpleNamespace(
        by="persona" if grouped else None,
        groups=(by,),
        transitions=transitions,
        touchpoints=touchpoints,
        overview=pd.DataFrame(
            [{"by": by, "journeys": 100, "customers": 90, "events": sum(edges.values()) + 100}]
        ),
    )


AFTER_GOAL = """map: After the goal
goal: [pay]
patience: 5d
horizon: 10d
new_journey_after: []
stages:
  - {stage: Look, touchpoints: [{touchpoint: look}]}
  - {stage: Pay, touchpoints: [{touchpoint: pay}]}
  - {stage: Help, optional: true, touchpoints: [{touchpoint: help}]}
"""


def after_goal_check(skipping: int = 1) -> Any:
    """Of 100 that look and pay 40 get help, 30 look again in vain; `skipping` more look and get help."""
    rows: list[tuple[int, str, int, bool]] = []
    for customer in range(100 + skipping):
        steps = ["look", "help"] if customer >= 100 else ["look", "pay", *["help"] * (customer < 40)]
        rows += [(customer, step, hour, False) for hour, step in enumerate(steps)]
        rows += [(customer, "look", 9, True)] * (70 <= customer < 100)
    events = pd.DataFrame(rows, columns=["customer", "touchpoint", "hour", "failed"])
    events["timestamp"] = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(events["hour"], unit="h")
    intended = parse_map(AFTER_GOAL)
    events = events.drop(columns="hour").assign(channel="web", actor="customer")
    return cj.check(cj.JourneyLog.from_events(events, data_end="2026-03-01").split(intended), intended)
