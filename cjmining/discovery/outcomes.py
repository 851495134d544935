"""How journeys ended, where a log was told: the tag `outcome`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from cjmining import asked
from cjmining.errors import LogError, nearest, shorten
from cjmining.schema import OUTCOMES, UNKNOWN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.log import JourneyLog

TAG: Final = "outcome"
COLUMNS: Final = ("converted", "dropped", "turned_away", "open")
"""Names of columns that count journeys by outcome, in the order of the codes."""

CONVERTED, DROPPED, TURNED_AWAY, OPEN = range(len(OUTCOMES))


def outcomes_of(log: JourneyLog) -> NDArray[np.int8] | None:
    """Return for each journey the code of its outcome, -1 where it isn't known; None where nothing is.

    Parameters
    ----------
    log : JourneyLog
        Tagged by ``log.tag(outcome=check.journeys["outcome"])``, or not.

    Raises
    ------
    LogError
        If the tag has a word that is no outcome.

    Examples
    --------
    >>> import cjmining as cj
    >>> log = cj.simulate.shop(3, seed=1).log
    >>> outcomes_of(log) is None
    True
    >>> outcomes_of(log.tag(outcome=["open"] * log.n_journeys)).tolist() == [3] * log.n_journeys
    True
    """
    return needed(log) if TAG in log.tags else None


def needed(log: JourneyLog) -> NDArray[np.int8]:
    """Return the same; raise where the log wasn't told, saying how to tell it."""
    codes, words = log.group(TAG)
    strange = [word for word in words if word not in (*OUTCOMES, UNKNOWN)]
    if strange:
        raise LogError(
            f"journeys are tagged with outcome {shorten(map(repr, strange))}"
            f"{nearest(strange[0], OUTCOMES)}; it is one of {', '.join(OUTCOMES)}"
        )
    code_of = np.array([OUTCOMES.index(word) if word in OUTCOMES else -1 for word in words], np.int8)
    return code_of[codes]


def code_of(outcome: object, name: str = "outcome") -> int:
    """Return the code of an outcome; raise where there is none of the name."""
    return OUTCOMES.index(asked.one_of(name, outcome, OUTCOMES))
