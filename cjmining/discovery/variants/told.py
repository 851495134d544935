"""What is told of variants beside their rows: how few cover most journeys, totals, and single steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cjmining.discovery.outcomes import COLUMNS
from cjmining.discovery.variants.facts import Counted, customers_by

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.discovery.variants.facts import Facts
    from cjmining.log import JourneyLog

    Ints = NDArray[np.int64]

COVERED: Final = (50, 80, 90, 95)
"""Per cent of journeys for which `coverage` says how many variants they take."""

_COVERAGE: Final = {
    "by": "str",
    "percent": "int64",
    "variants": "int64",
    "journeys": "int64",
    "customers": "int64",
    "share_of_journeys": "float64",
    "of_variants": "int64",
}


def coverage_of(counted: Counted, log: JourneyLog) -> pd.DataFrame:
    """Return for each group how many of its most frequent variants cover most of its journeys."""
    import pandas as pd

    number, rank = counted.numbers(), counted.rank
    group, customer = counted.group.astype(np.int64), log.journey_customer
    spans = {code: counted.span(code) for code in counted.codes_of_groups()}
    running = {code: np.cumsum(counted.sequences.journeys[slice(*span)]) for code, span in spans.items()}
    rows = []
    for aimed in COVERED:
        enough = np.zeros(len(counted.groups), np.int64)
        for code, sums in running.items():
            enough[code] = np.searchsorted(sums * 100, aimed * sums[-1]) + 1
        inside = np.flatnonzero(rank[number] <= enough[group])
        people = customers_by(group[inside], customer[inside], len(counted.groups))
        for code, sums in running.items():
            covered = int(sums[enough[code] - 1])
            rows.append(
                (
                    code,
                    aimed,
                    int(enough[code]),
                    covered,
                    int(people[code]),
                    covered / int(sums[-1]),
                    len(sums),
                )
            )
    table = pd.DataFrame(sorted(rows), columns=list(_COVERAGE)).astype({**_COVERAGE, "by": "int64"})
    names = np.array(counted.groups, dtype=object)[table["by"].to_numpy()]
    return table.assign(by=pd.Series(names, dtype="str"))


def totals_of(counted: Counted, facts: Facts) -> pd.DataFrame:
    """Return for each group how many variants and journeys it has, and how these ended where known."""
    import pandas as pd

    rows = []
    for code in counted.codes_of_groups():
        first, last = counted.span(code)
        row: dict[str, Any] = {
            "by": counted.groups[code],
            "variants": last - first,
            "journeys": int(counted.sequences.journeys[first:last].sum()),
        }
        if facts.ended is not None:
            row |= dict(zip(COLUMNS, facts.ended[first:last].sum(axis=0).tolist(), strict=True))
        rows.append(row)
    columns = ["by", "variants", "journeys", *(COLUMNS if facts.ended is not None else ())]
    types = {name: "str" if name == "by" else "int64" for name in columns}
    return pd.DataFrame(rows, columns=columns).astype(types)


def steps_of(counted: Counted, log: JourneyLog, chosen: Ints) -> pd.DataFrame:
    """Return the steps of some variants, one row a step."""
    import pandas as pd

    from cjmining.kernels.sequences import take

    here = take(counted.sequences, chosen)
    lengths = np.diff(here.bounds)
    parts = [_parts(name, log, counted.steps.level) for name in counted.steps.names]
    touchpoints, channels = (np.array([each[at] for each in parts], dtype=object) for at in (0, 1))
    return pd.DataFrame(
        {
            "by": np.array(counted.groups, dtype=object)[np.repeat(here.group, lengths)],
            "rank": np.repeat(counted.rank[chosen], lengths),
            "position": np.arange(here.bounds[-1]) - np.repeat(here.bounds[:-1], lengths) + 1,
            "step": np.array(counted.steps.names, dtype=object)[here.codes],
            "touchpoint": touchpoints[here.codes],
            "channel": channels[here.codes],
        }
    ).astype(dict.fromkeys(("by", "step", "touchpoint", "channel"), "str"))


def _parts(name: str, log: JourneyLog, level: str) -> tuple[str, str]:
    """Return the touchpoint (or what a step is instead) and the channel that a step's name is made of."""
    if level == "channel":
        return "", name
    if level == "touchpoint@channel":
        for at, letter in enumerate(name):
            parts = name[:at], name[at + 1 :]
            if letter == "@" and _are_known(log, *parts):
                return parts
    return name, ""


def _are_known(log: JourneyLog, touchpoint: str, channel: str) -> bool:
    return touchpoint in log.vocabulary("touchpoint") and channel in log.vocabulary("channel")
