"""What the cases of a pm4py log say of customers and journeys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cjmining.errors import LogError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.log import JourneyLog

CASE: Final = "case:concept:name"
PERSONA: Final = "case:persona"


def customers_of(
    frame: pd.DataFrame,
    whose: NDArray[np.int64],
    column: str,
    dimensions: Sequence[str],
    attributes: Sequence[str],
) -> pd.DataFrame:
    """Return a row a customer: number, and what their cases say of them."""
    import pandas as pd

    of_customer = pd.Series(whose, index=frame.index)
    first = ~of_customer.duplicated().to_numpy()
    told: dict[str, Any] = {"customer": of_customer[first].array}
    offered = [PERSONA] if PERSONA in frame.columns and PERSONA not in (column, *dimensions) else []
    for name in dict.fromkeys([*attributes, *offered]):
        differing = differing_in(frame[name], of_customer)
        if not differing:
            told[name.removeprefix("case:")] = frame[name][first].convert_dtypes().array
        elif name in attributes:
            raise LogError(
                f"{differing:,} customers have several values of {name!r}, which is no attribute of "
                "theirs then: pass it in dimensions, or leave it out to tag the journeys with it"
            )
    return pd.DataFrame(told)


def tagged(log: JourneyLog, frame: pd.DataFrame, used: set[str]) -> JourneyLog:
    """Tag journeys with what their cases say, and note what they can't be tagged with."""
    cases = texts(frame[CASE])
    row_of = dict(zip(cases[::-1], range(len(frame) - 1, -1, -1), strict=True))
    rows = [row_of[case] for case in log.journeys["native_journey"]]
    notes = []
    for name in frame.columns:
        tag = str(name).removeprefix("case:")
        if tag == name or name in {CASE, *used} or (name == PERSONA and "persona" in log.attributes):
            continue
        if differing_in(frame[name], cases):
            notes.append(f"{name} is left out: it differs within a case")
            continue
        try:
            log = log.tag(**{tag: frame[name].iloc[rows].tolist()})
        except LogError as problem:
            notes.append(f"{name} is left out: {problem}")
    return replace(log, notes=(*log.notes, *notes)) if notes else log


def differing_in(column: pd.Series[Any], keys: Any) -> int:  # noqa: ANN401
    """Return how many keys have several values, or some and none."""
    import pandas as pd

    key, value = pd.factorize(np.asarray(keys))[0], pd.factorize(texts(column))[0] + 1
    pairs = np.unique(np.stack([key, value]), axis=1)
    return int((np.bincount(pairs[0]) > 1).sum())


def texts(column: pd.Series[Any]) -> Any:  # noqa: ANN401
    """Return the values as texts, None where there is none."""
    return column.map(str, na_action="ignore").astype(object).where(column.notna(), None)


def typed(column: pd.Series[Any]) -> Any:  # noqa: ANN401
    """Numbers and truth values as they are; anything else as texts."""
    known = column.dropna()
    if len(known) and all(isinstance(value, (bool, np.bool_)) for value in known):
        return column.astype("boolean")
    return column if column.dtype.kind in "iuf" else texts(column)
