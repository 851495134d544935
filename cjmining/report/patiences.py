"""How a map's patience is written beside results, told from one that was estimated."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cjmining.intended.words import duration_in_short

if TYPE_CHECKING:
    from cjmining.intended import IntendedMap, Stage


def estimated(intended: IntendedMap, stage: str | None = None) -> bool:
    """Say whether the patience of a stage, or of the map itself, was `auto` and is an estimate.

    Examples
    --------
    >>> from cjmining.intended import parse_map
    >>> till = parse_map("{map: Till, goal: [paid], patience: 2d, horizon: 7d, "
    ...                  "stages: [{stage: Pay, touchpoints: [{touchpoint: paid}]}]}")
    >>> estimated(till), estimated(till, "Pay")
    (False, False)
    """
    if stage is None:
        return "The whole map:" in intended.settled
    own = next(each for each in intended.stages if each.stage == stage)
    return estimated(intended) if own.patience is None else f"The stage '{stage}':" in intended.settled


def patience_in_short(intended: IntendedMap, stage: Stage | None = None) -> str:
    """Write the patience of a map or of one of its stages: "14 d", "11 d (estimated)" or "never"."""
    us = intended.patience_us if stage is None else stage.patience_us
    if us < 0:
        return "never"
    said = duration_in_short(timedelta(microseconds=us))
    return f"{said} (estimated)" if estimated(intended, None if stage is None else stage.stage) else said
