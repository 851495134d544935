"""Where events lie on the map up to the end of a journey, and when it passed through the stages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjmining.conformance.plan import make_plans
from cjmining.conformance.reading import Reading, see
from cjmining.intended import parse_map
from cjmining.kernels.expectations import locate, passages
from cjmining.log import JourneyLog

INTENDED = parse_map("""
map: Small
goal: [c]
exits: [{touchpoint: left}]
patience: 10d
ignore: [ping]
stages:
  - {stage: A, touchpoints: [{touchpoint: a}, {touchpoint: sent, actor: company, optional: true}]}
  - {stage: B, touchpoints: [{touchpoint: b}, {touchpoint: a, optional: true}]}
  - {stage: C, touchpoints: [{touchpoint: c}]}
  - {stage: D, touchpoints: [{touchpoint: d, optional: true}, {touchpoint: told, actor: company}]}
""")


def located(text: str) -> list[str]:
    """Return the stage of each event of "touchpoint@day ...", with a * where it moves the journey."""
    start = pd.Timestamp("2026-03-01", tz="UTC")
    words = [word.split("@") for word in text.split()]
    events = pd.DataFrame(
        {
            "customer": 0,
            "timestamp": [start + pd.Timedelta(days=float(day)) for _, day in words],
            "touchpoint": [name for name, _ in words],
        }
    )
    log = JourneyLog.from_events(events, data_end=start + pd.Timedelta(days=100))
    reading = Reading.of(log, make_plans(log, INTENDED), None)
    part = reading.parts(reading.blocks[0])[0]
    found = locate(part.bounds, part.columns, see(part).judged, part.plan.rules)
    names = [*INTENDED.stage_names, "-"]
    stage = np.append(part.plan.rules.stages, -1)[found.cell]
    return [
        names[s] + "*" * bool(m)
        for s, m in zip(np.where(found.cell < 0, -1, stage), found.moves, strict=True)
    ]


@pytest.mark.parametrize(
    ("journey", "expected"),
    [
        ("a@0 b@1 a@2 c@3", ["A*", "B*", "B*", "C*"]),  # what two stages name lies in the one it is in
        ("a@0 ping@1 other@2 b@3", ["A*", "-", "-", "B*"]),
        ("a@0 b@1 sent@2", ["A*", "B*", "A"]),  # the company's message moves nobody back
        ("a@0 sent@9 sent@11", ["A*", "A", "-"]),  # it belongs to the journey until patience ends
        ("a@0 sent@1 left@2 a@3", ["A*", "A", "-", "-"]),
        ("a@0 left@2 sent@2", ["A*", "-", "-"]),  # at the same time, after the exit
        ("c@0 d@1 told@2 a@3", ["C*", "D*", "D*", "-"]),  # after the goal, what the map plans there
        ("a@0 a@20", ["A*", "-"]),
    ],
)
def test_events_are_located_up_to_the_end(journey: str, expected: list[str]) -> None:
    assert located(journey) == expected


def test_passages_are_the_first_entry_and_the_first_later_stage() -> None:
    #                 journey 0            journey 1
    stage = np.array([0, -1, 2, 1, 0, 2, 1, 0], dtype=np.int32)
    found = passages(np.array([0, 6, 8]), stage, 3)
    assert list(zip(*(column.tolist() for column in found), strict=True)) == [
        (0, 0, 0, 2),  # entered with event 0, then stage 2
        (0, 2, 2, -1),
        (0, 1, 3, 5),
        (1, 1, 6, -1),
        (1, 0, 7, -1),
    ]
