"""Native names that stand on the map, where the log gives these events another touchpoint."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from cjmining.event_columns import counts_of, elementwise

if TYPE_CHECKING:
    from cjmining.log import JourneyLog


def native_calls(log: JourneyLog, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return which of these names are native names in the log, and which touchpoints such events have.

    Who writes a map with a system's own names finds them missing from the log where its source translates
    them (GA4's view_item is read as product_viewed); this says what to write instead.

    Parameters
    ----------
    log : JourneyLog
        Labelled, if it is to be.
    names : iterable of str
        Touchpoints of the map that never occur in the log.

    Returns
    -------
    dict
        Native name to touchpoints, the most frequent first; names that are no native names are left out.
    """
    natives = log.vocabulary("native")
    calls = {name: _calls(log, natives.index(name), name) for name in names if name in natives}
    return {name: called for name, called in calls.items() if called}


def _calls(log: JourneyLog, native: int, name: str) -> tuple[str, ...]:
    """Return the touchpoints of events of one native name; the log keeps what was asked once."""

    def count() -> tuple[str, ...]:
        touchpoints = log.vocabulary("touchpoint")
        called_so = elementwise(
            lambda own, touchpoint: np.where(own == native, touchpoint, np.int32(-1)),
            log.codes("native"),
            log.codes("touchpoint"),
        )
        counts = counts_of(called_so, len(touchpoints))
        order = np.argsort(-counts, kind="stable")[: int((counts > 0).sum())]
        return tuple(touchpoints[code] for code in order)

    called: tuple[str, ...] = log._once(("touchpoints of native", name), count)
    return called
