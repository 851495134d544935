"""Native names that stand on the map, where the log gives these events another touchpoint."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

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
    natives = {native: code for code, native in enumerate(log.vocabulary("native"))}
    touchpoints, code_of = log.vocabulary("touchpoint"), log.codes("native")
    calls = {}
    for name in names:
        if name in natives:
            used = log.codes("touchpoint")[code_of == natives[name]]
            counts = np.bincount(used[used >= 0], minlength=len(touchpoints))
            order = np.argsort(-counts, kind="stable")[: int((counts > 0).sum())]
            calls[name] = tuple(touchpoints[code] for code in order)
    return {name: called for name, called in calls.items() if called}
