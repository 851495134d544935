"""Refuses results that are none, or that were made from different logs: their numbers would not agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cjmining.errors import LogError
from cjmining.log import expect_log
from cjmining.plot.choose import expect_check, expect_found
from cjmining.report import words
from cjmining.results import Source

if TYPE_CHECKING:
    from cjmining.conformance import Conformance
    from cjmining.discovery import Discovery
    from cjmining.log import JourneyLog

_VERB = "cj.report(log, found, check)"


def expect_one_log(log: JourneyLog, found: Discovery, check: Conformance) -> None:
    """Raise a LogError unless these are a log and the two results of it, in this order.

    What results know of their log is compared; where they know nothing, numbers of journeys and customers,
    and the times that they name.
    """
    expect_log(log, _VERB)
    expect_found(found, f"{_VERB}: found")
    expect_check(check, f"{_VERB}: check")
    if not _surely_of(log, found, check):
        _expect_same_size(log, found, check)
        _expect_same_times(log, found, check)


def _surely_of(log: JourneyLog, found: Discovery, check: Conformance) -> bool:
    """Say whether both know their log, and it is this one, or one with the same journeys."""
    here = Source.of(log)
    return found._source == here and check._reading is not None and Source.of(check._reading.log) == here


def _expect_same_size(log: JourneyLog, found: Discovery, check: Conformance) -> None:
    customers = len(np.unique(log.journey_customer))
    sizes = {"the log": (log.n_journeys, customers), "check": _size(check.overall.outcomes)}
    # in a grouping of journeys a customer may be in several groups
    found_journeys, found_customers = _size(found.overview)
    sizes["found"] = (found_journeys, found_customers if found.by is None else customers)
    if len(set(sizes.values())) > 1:
        said = [
            f"{name} has {words.plural(journeys, 'journey')} of {words.plural(people, 'customer')}"
            for name, (journeys, people) in sizes.items()
            if name != "found" or found.by is None
        ]
        if found.by is not None:
            said.append(f"found has {words.plural(found_journeys, 'journey')}")
        raise LogError(f"{_VERB}: these are not of one log: {words.several(said)}; make both from this log")


def _size(table: pd.DataFrame) -> tuple[int, int]:
    return int(table["journeys"].sum()), int(table["customers"].sum())


def _expect_same_times(log: JourneyLog, found: Discovery, check: Conformance) -> None:
    journeys = check.overall.journeys
    open_until = journeys.loc[journeys["outcome"] == "open", "decided_at"]
    last = journeys["decided_at"].dropna().max() if open_until.empty else open_until.max()
    if last > log.data_end or (len(open_until) and last != log.data_end):
        raise LogError(
            f"{_VERB}: check knows the journeys until {words.minute(last)}, but this log's data end "
            f"{words.minute(log.data_end)}; check this log"
        )
    starts = found.overview["start"].dropna()
    if len(starts) and log.n_events and not found.ignore:
        first = pd.Timestamp(int(log.timestamps.min()), unit="us", tz="UTC")
        if starts.min() != first:
            raise LogError(
                f"{_VERB}: found begins on {words.minute(starts.min())}, this log on {words.minute(first)}; "
                "discover this log"
            )
