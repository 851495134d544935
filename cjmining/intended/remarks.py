"""What is legal in a map but looks like a mistake."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cjmining.documents import Mistake
from cjmining.intended.automaton import reachable_stages

if TYPE_CHECKING:
    from cjmining.intended.checks import Outline
    from cjmining.intended.model import IntendedMap


def remarks(intended: IntendedMap, outline: Outline) -> Iterator[Mistake]:
    """Yield what is legal in a map but looks like a mistake."""
    reached = reachable_stages(intended.stages)
    for number, stage in enumerate(intended.stages):
        if number not in reached:
            yield Mistake(
                ("stages", number), f"nobody can reach the stage '{stage.stage}': no 'next' leads to it"
            )
        if intended.horizon_us < stage.patience_us:
            what = f"its patience is longer than the horizon ({_days(intended.horizon_us)})"
            yield Mistake(
                ("stages", number, "patience") if stage.patience else ("patience",),
                f"stage '{stage.stage}': {what}, so silence there never counts within the horizon",
            )
    yield from _shared_touchpoints(outline)
    yield from _exits_on_the_map(outline)
    yield from _unreachable_by_time(intended)


def _shared_touchpoints(outline: Outline) -> Iterator[Mistake]:
    stages: dict[str, int | str] = {}
    for named in outline.touchpoints:
        stage = named.steps[1]
        first = stages.setdefault(named.name, stage)
        if first != stage:
            names = [str(raw.get("stage")) for at, raw in outline.raw_stages if at[1] in (first, stage)]
            what = f"'{named.name}' is a touchpoint of two stages ({' and '.join(names)})"
            yield Mistake(
                named.steps, f"{what}; its events count for the one that the journey is in, or comes to next"
            )


def _exits_on_the_map(outline: Outline) -> Iterator[Mistake]:
    planned = {named.name for named in outline.touchpoints}
    for exit_ in outline.exits:
        if exit_.name in planned:
            what = f"the exit '{exit_.name}' is also planned in a stage"
            yield Mistake(exit_.steps, f"{what}, where it will count as missing: an exit is never aligned")


def _unreachable_by_time(intended: IntendedMap) -> Iterator[Mistake]:
    if intended.patience is None and not any(stage.patience_us > 0 for stage in intended.stages):
        yield Mistake(
            ("patience",), "with patience never, nobody counts as dropped by silence, only by an exit"
        )


def _days(microseconds: int) -> str:
    return f"{microseconds / 86_400_000_000:g} d"
