"""The verb `nearest_journey`: the journeys that went well and are most like a given one that did not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from cjmining import asked
from cjmining.discovery.outcomes import code_of
from cjmining.discovery.variants.ended import Ended, Nearest, costs_of, expect_weights
from cjmining.discovery.variants.nearest_words import Way, far, in_words, joined
from cjmining.discovery.words import plural
from cjmining.engine.local import worked_on
from cjmining.errors import LogError
from cjmining.results import Result
from cjmining.schema import OUTCOMES, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.engine.local import Engine
    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]

DIFFERENCES: Final = ("same", "instead", "lacking", "too much")
"""Words for the rows of an alignment, by the codes of the kernel."""


def nearest_journey(
    log: JourneyLog,
    journey: int,
    *,
    outcome: str = "converted",
    number: int = 5,
    whole: bool = False,
    by: str | Sequence[str] | None = None,
    level: str = "touchpoint",
    ignore: Sequence[str] = (),
    intended: IntendedMap | None = None,
    weights: Mapping[str, float] | None = None,
    engine: Engine | None = None,
) -> NearestJourneys:
    """Find the journeys that went well and are most like a given one, and say what sets it apart.

    Parameters
    ----------
    log : JourneyLog
        Tagged with how its journeys ended: ``log.tag(outcome=check.journeys["outcome"])``.
    journey : int
        Number of the journey, as in `log.journeys`.
    outcome : {"converted", "dropped", "turned away", "open"}
        How those journeys ended that it is held against.
    number : int
        How many ways (variants) are returned: the nearest, then by how many journeys took them, then the
        shorter, then by their steps.
    whole : bool
        Whether journeys are held against each other from start to end. By default the given one is held
        against beginnings: a journey that was left is one cut short, so what its neighbours did
        afterwards is no difference but what it missed. Of several equally near beginnings of a journey the
        shortest counts.
    by : str or sequence of str, optional
        Only journeys of the same group are neighbours, as `log.group` takes it (`persona`).
    level : {"touchpoint", "touchpoint@channel", "channel", "stage"}
        What a step is; see `cj.discover`.
    ignore : sequence of str
        Touchpoints that are no part of the journey.
    intended : IntendedMap, optional
        The map whose stages are the steps at level "stage".
    weights : mapping of str to float, optional
        What a difference in a step counts, by its name, 1 where nothing is said; to three decimals.
    engine : cjmining.engines.Spark, optional
        Who works on the log's blocks, the same as ``log.on(engine)``; by default who does so for the log.

    Returns
    -------
    NearestJourneys
        `.nearest`, `.alignment` and `.words`.

    Raises
    ------
    LogError
        If the log isn't tagged with outcomes, has no such journey, the journey has that outcome itself, no
        journey (of its group) has it, an option is none that there is, or `weights` has a step that no
        journey has or leaves none that counts.

    Notes
    -----
    The distance is the least number of steps to put in, to leave out, or to exchange; with weights the least
    sum of theirs, an exchange counting as the dearer of the two.

    References
    ----------
    Levenshtein (1966), Binary codes capable of correcting deletions, insertions, and reversals.

    Examples
    --------
    >>> import cjmining as cj
    >>> import pyarrow as pa
    >>> steps = ["ad", "basket", "left", "ad", "basket", "checkout", "order"]
    >>> events = pa.table({
    ...     "customer": [0, 0, 0, 1, 1, 1, 1],
    ...     "timestamp": pa.array(range(7), pa.timestamp("s", "UTC")),
    ...     "touchpoint": steps,
    ... })
    >>> log = cj.JourneyLog.from_events(events).tag(outcome=["dropped", "converted"])
    >>> print(cj.nearest_journey(log, 0).words)
    Journey 0 (3 steps, dropped) is 1 edit from the beginning of the way of 1 converted journey (ad > basket >
    checkout > order). It has too much: left. They part after basket (step 2): they went on to checkout, this
    one to left.
    """
    log = worked_on(log, engine, "nearest_journey")
    journey = asked.whole("journey", journey, least=0)
    code_of(outcome)
    number, whole = asked.whole("number", number), asked.yes("whole", whole)
    expect_weights(weights)
    ended = Ended.of(log, by, level, ignore, intended, "nearest_journey")
    _expect(ended, journey, outcome)
    cost = costs_of(ended.steps.names, weights)
    mine, ways = _ways(log, ended, journey, outcome, number, cost, whole=whole)
    names = ended.steps.names
    return NearestJourneys(
        journey=journey,
        outcome=outcome,
        whole=whole,
        words=in_words(_who(ended, journey, mine), mine, ways[0], outcome, names, whole=whole),
        notes=(*ended.steps.notes, *far(mine, ways[0])),
        nearest=_nearest_table(ways, mine, names),
        alignment=_alignment(ways, mine, names),
    )._made_of(log)


@dataclass(frozen=True, repr=False, eq=False)
class NearestJourneys(Result):
    """The journeys that went well and are most like a given one; `nearest_journey` says how they are found.

    Attributes
    ----------
    journey : int
        The journey that others were held against.
    outcome : str
        How the others ended.
    whole : bool
        Whether they were held against it from start to end.
    words : str
        What sets it apart from the nearest one, in words.
    notes : tuple of str
        What a reader should know: that the nearest way isn't near, names to ignore that the log lacks.
    nearest : pandas.DataFrame
        A row a variant: rank, variant (its steps joined by " > "), steps (in it), journeys (of this variant
        and outcome), distance (edits, weighed where weights were given), distance_per_step (as a share of the
        steps compared, of the journey or the variant, whichever has more; without weights from 0 to 1),
        compared_steps (how many of its steps were compared, all where whole journeys were),
        differing_share_of_steps (of the steps of the journey, those that the variant lacks or has something
        else in place of: above 0.5 even the nearest isn't near), journey (the lowest number of a journey of
        this variant and outcome).
    alignment : pandas.DataFrame
        How the journey and each variant lie side by side: rank (of the variant), position (from 1), step (of
        the journey, 0 where it has none), touchpoint (of the journey, "" where it has none), their_step (of
        the variant, 0 where it has none), their_touchpoint (of the variant, "" where it has none), difference
        ("same"; "instead", each has its own; "lacking", only the variant has it; "too much", only the journey
        has it).
    """

    journey: int
    outcome: str
    whole: bool
    words: str
    notes: tuple[str, ...]
    nearest: pd.DataFrame
    alignment: pd.DataFrame

    _tables = ("nearest", "alignment")
    _of_persons: ClassVar[tuple[str, ...]] = ("nearest", "alignment")

    def _summary(self) -> str:
        return f"NearestJourneys: {self.words}"

    def __repr__(self) -> str:
        untold = [note for note in self.notes if note not in self.words]
        return "\n".join([self._summary(), *(f"  note: {note}" for note in untold)])


def _expect(ended: Ended, journey: int, outcome: str) -> None:
    n = len(ended.outcome)
    if journey >= n:
        has = f"has {n:,}, from 0 to {n - 1:,}" if n else "has none"
        raise LogError(f"there is no journey {journey}: this log {has}")
    if ended.outcome[journey] == code_of(outcome):
        raise LogError(f"journey {journey} is {outcome} itself; give one that ended otherwise")


def _ways(
    log: JourneyLog, ended: Ended, journey: int, outcome: str, number: int, cost: Ints, *, whole: bool
) -> tuple[Codes, list[Way]]:
    """Return the steps of a journey, and the ways nearest to it."""
    from cjmining.kernels import sequences
    from cjmining.kernels.edit_distance import align
    from cjmining.kernels.nearest import UNIT

    counted = ended.counted(log, outcome)
    group = int(ended.group[journey])
    those = ended.of_group(counted, group, outcome)
    near = Nearest(those, cost, beginning=not whole)
    one = ended.sequence_of(journey)
    places, distance = (found[0] for found in near.to(one, number))
    its = sequences.take(near.sequences, places[places >= 0])
    numbers = sequences.numbers(counted.index(), its.bounds, its.codes, its.group)
    ways = []
    for i, place in enumerate(numbers.tolist()):
        codes = its.codes[its.bounds[i] : its.bounds[i + 1]]
        side_by_side = align(one.codes, codes, cost, not whole)
        example = int(np.flatnonzero(counted.numbers() == place)[0])
        ways.append(Way(codes, int(its.journeys[i]), distance[i] / UNIT, example, *side_by_side))
    return one.codes, ways


def _who(ended: Ended, journey: int, mine: Codes) -> str:
    code = ended.outcome[journey]
    how = OUTCOMES[code] if code >= 0 else f"outcome {UNKNOWN}"
    return f"Journey {journey} ({plural(len(mine), 'step')}, {how})"


def _nearest_table(ways: list[Way], mine: Codes, names: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    compared = np.array([way.compared for way in ways])
    distance = np.array([way.distance for way in ways])
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(ways) + 1),
            "variant": pd.Series([joined(way.codes, names) for way in ways], dtype="str"),
            "steps": [len(way.codes) for way in ways],
            "journeys": [way.journeys for way in ways],
            "distance": distance,
            "distance_per_step": distance / np.maximum(np.maximum(compared, len(mine)), 1),
            "compared_steps": compared,
            "differing_share_of_steps": [way.differing / len(mine) if len(mine) else np.nan for way in ways],
            "journey": [way.example for way in ways],
        }
    )


def _alignment(ways: list[Way], mine: Codes, names: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(
        [_side_by_side(rank, way, mine, names) for rank, way in enumerate(ways, 1)], ignore_index=True
    )


def _side_by_side(rank: int, way: Way, mine: Codes, names: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    words = np.array([*names, ""], dtype=object)
    own, theirs = way.both(mine)
    return pd.DataFrame(
        {
            "rank": np.full(len(way.kind), rank),
            "position": np.arange(1, len(way.kind) + 1),
            "step": way.of_mine + 1,
            "touchpoint": pd.Series(words[own], dtype="str"),
            "their_step": way.of_theirs + 1,
            "their_touchpoint": pd.Series(words[theirs], dtype="str"),
            "difference": pd.Series(np.array(DIFFERENCES, dtype=object)[way.kind], dtype="str"),
        }
    )
