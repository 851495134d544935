"""The verb `difference` and its result: what differs on one map between two personas or two periods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cjmining import asked
from cjmining.conformance import difference_tables, difference_words
from cjmining.conformance.difference_sides import notes_on, sides_of
from cjmining.errors import LogError
from cjmining.intended.words import duration_in_words
from cjmining.results import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from cjmining.conformance.result import Conformance
    from cjmining.intended import IntendedMap


def difference(
    check: Conformance,
    other: Conformance | str,
    group: str | None = None,
    *,
    names: Sequence[str] | None = None,
    q: float = 0.05,
    smallest: int = 20,
) -> Difference:
    """Say what differs on the way through the map between two personas, or between two periods.

    `cj.difference(check, "Gen Z", "Families")` holds two groups of one check against each other,
    `cj.difference(earlier, later)` two checks, and `cj.difference(earlier, later, "Gen Z")` one group in
    both. Differences are those of the second less the first. Both sides are followed equally long: whatever
    is a share of journeys is one of mature journeys (that began at least the horizon and the map's longest
    patience before the data ended), and counts what they did within the horizon of their start. What differs
    is an association.

    Parameters
    ----------
    check : Conformance
        What `cj.check` made, with its log.
    other : str or Conformance
        A group of the check, the first side; or another check, the second side. Two checks need maps with the
        same stages and the same horizon.
    group : str, optional
        Of one check: the second side; without it all other groups whose name is known. Of two checks: the
        group whose journeys are compared; without it all journeys are.
    names : sequence of two str, optional
        What the first and the second are called; by default the groups, or the days between which the
        journeys began.
    q : float
        Up to which false-discovery rate a difference is a finding, over 0 and up to 1.
    smallest : int
        Customers, on each side, that what is compared must come from; at least 2. Besides, 5 hits and 5
        others must be expected on each side if there were no difference. What has less gets no p and q.

    Returns
    -------
    Difference

    Raises
    ------
    LogError
        If a group is unknown or compared with itself, the maps of two checks have different stages or
        horizons, or an option is out of its limits.
    ValueError
        If a check was made without its log.

    Notes
    -----
    Customers, not journeys, are taken as independent, also those who are on both sides (two periods share
    many): limits of differences of shares are Newcombe's and p is Fisher's, with the counts divided by the
    design effect that customers have on the difference (Rao and Scott 1992, doi:10.2307/2532311; Newcombe
    1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I). Means of answers are
    compared by Student's t over customers. q is over everything that is compared (Benjamini and Hochberg
    1995, doi:10.1111/j.2517-6161.1995.tb02031.x).

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(900, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> log = shop.log.split(intended).with_personas(intended)
    >>> check = cj.check(log, intended, by="persona")
    >>> found = cj.difference(check, "Families", "Silver")
    >>> found.stages["stage"].tolist()
    ['(before the map)', 'Awareness', 'Research', 'Basket', 'Checkout', 'Delivery']
    >>> before, after = log.where(end="2026-05-15"), log.where(start="2026-05-15")
    >>> changed = cj.difference(cj.check(before, intended), cj.check(after, intended))
    >>> changed.overview["group"].tolist()
    ['1 February to 14 May 2026', '15 May to 31 August 2026']
    """
    rate = asked.number("q", q, least=0, most=1)
    if not rate:
        raise LogError(f"q is a false-discovery rate over 0 and up to 1, not {q!r}")
    fewest = asked.whole("smallest", smallest, least=2)
    first, second = sides_of(check, other, group, _two(names))
    tables = difference_tables.tables(first, second, fewest)
    horizon = duration_in_words(first.check.intended.horizon)
    found = Difference(
        first=first.name,
        second=second.name,
        intended=first.check.intended,
        largest_q=rate,
        overview=difference_tables.overview(first, second),
        flow=difference_tables.flow(first, second),
        **tables,
        findings=difference_words.findings(tables, (first.name, second.name), horizon, rate),
        notes=tuple(notes_on(first, second)),
    )
    return found._made_of(*(side.check._with_log("difference").log for side in (first, second)))


def _two(names: Sequence[str] | None) -> tuple[str, str] | None:
    if names is None:
        return None
    told = asked.texts("names", names)
    if len(told) != 2 or told[0] == told[1] or not all(told):
        raise LogError(f"names are two different ones, of the first and of the second, not {list(told)!r}")
    return told[0], told[1]


@dataclass(frozen=True, repr=False, eq=False)
class Difference(Result):
    """What differs between two sets of journeys on one map: the second less the first.

    Made by `cj.difference`. Limits are at 95 %, and allow for customers with several journeys, on one side or
    on both. `q` counts everything compared in the seven tables that have it. An association.

    Attributes
    ----------
    first, second : str
        What the two are called.
    intended : IntendedMap
        The map; of two checks that of the first.
    largest_q : float
        Up to which q a difference is a finding.
    overview : pandas.DataFrame
        One row a side: side (first or second), group (its name), journeys, converted, dropped, turned_away,
        open, mature_journeys (that began at least the horizon and the map's longest patience before the data
        ended), customers.
    flow : pandas.DataFrame
        One row a stage, each journey once: stage, entered_first (journeys of the first that entered it) =
        continued_first (that went on from it) + converted_first (that reached the goal there) + dropped_first
        (that dropped out there) + turned_away_first (that the company ended there) + open_first (undecided
        there), median_s_first (median seconds from entering to entering a later stage, of those that did),
        and likewise entered_second (journeys of the second that entered it), continued_second (that went on
        from it), converted_second (that reached the goal there), dropped_second (that dropped out there),
        turned_away_second (that the company ended there), open_second (undecided there), median_s_second
        (median seconds from entering to entering a later stage, of those that did), customers (of the side
        that has fewer).
    outcomes : pandas.DataFrame
        How mature journeys ended within the horizon of their start: outcome (converted, dropped, turned away,
        none of these), mature_journeys_first (of the first), within_horizon_first (of those, with this
        outcome), share_of_mature_first (within_horizon_first / mature_journeys_first),
        mature_journeys_second (of the second), within_horizon_second (of those, with this outcome),
        share_of_mature_second (within_horizon_second / mature_journeys_second), difference (of these shares,
        second less first) with lower and upper, p, q, customers (of the side that has fewer).
    reached : pandas.DataFrame
        Which stages mature journeys entered within the horizon of their start: stage, mature_journeys_first
        (of the first), entered_in_time_first (of those, that entered the stage), share_entered_in_time_first
        (entered_in_time_first / mature_journeys_first), mature_journeys_second (of the second),
        entered_in_time_second (of those, that entered the stage), share_entered_in_time_second
        (entered_in_time_second / mature_journeys_second), difference (of these shares, second less first)
        with lower and upper, p, q, customers (of the side that has fewer).
    stages : pandas.DataFrame
        Drop-out at each stage: stage, mature_first (journeys of the first that entered it at least horizon
        and patience before the data ended), dropped_within_horizon_first (of those, dropped there within the
        horizon of entering it), drop_out_share_first (dropped_within_horizon_first / mature_first),
        mature_second (likewise of the second), dropped_within_horizon_second (of those, dropped there),
        drop_out_share_second (dropped_within_horizon_second / mature_second), difference (of these shares,
        second less first) with lower and upper, p, q, customers (of the side that has fewer).
    touchpoints : pandas.DataFrame
        Which touchpoints mature journeys met within the horizon of their start: stage, touchpoint, channel,
        mature_journeys_first (of the first), journeys_with_it_first (of those, that met it),
        share_with_it_first (journeys_with_it_first / mature_journeys_first), mature_journeys_second (of the
        second), journeys_with_it_second (of those, that met it), share_with_it_second
        (journeys_with_it_second / mature_journeys_second), difference (of these shares, second less first)
        with lower and upper, p, q, customers (who met it, on both sides together). Largest first.
    promises : pandas.DataFrame
        Promises of the maps: stage, touchpoint ("" for a stage's own), measure, after, at_least, at_most,
        target (share promised), measured_first (how often it could be measured in the first), kept_first (of
        those, kept), share_kept_first (kept_first / measured_first), measured_second (how often in the
        second), kept_second (of those, kept), share_kept_second (kept_second / measured_second), difference
        (of these shares, second less first) with lower and upper, p, q, customers (of the side that has
        fewer).
    satisfaction : pandas.DataFrame
        Answers to surveys: stage (where they were given), answered_first (number of answers in the first),
        satisfaction_first (their mean, 0 to 1), answered_second (number of answers in the second),
        satisfaction_second (their mean, 0 to 1), difference (of these means, second less first) with lower
        and upper, p, q, customers (of the side that has fewer).
    deviations : pandas.DataFrame
        What differed from the map in mature journeys: type, stage, touchpoint, mature_journeys_first (of the
        first), journeys_with_it_first (of those, with the deviation), share_with_it_first
        (journeys_with_it_first / mature_journeys_first), mature_journeys_second (of the second),
        journeys_with_it_second (of those, with the deviation), share_with_it_second (journeys_with_it_second
        / mature_journeys_second), difference (of these shares, second less first) with lower and upper, p, q,
        customers (with it, on both sides together). Largest first.
    findings : pandas.DataFrame
        The differences of all seven tables up to the largest q: rank (1 is surest to be large), table (where
        it stands), stage, what (it is about), sentence (the difference in words), difference (of shares, or
        of mean answers), lower, upper, p, q, customers (as in its table).
    notes : tuple of str
        What a reader should know before trusting a number.
    """

    _tables: ClassVar[tuple[str, ...]] = (  # type: ignore[misc]
        "overview",
        "findings",
        "flow",
        "outcomes",
        "reached",
        "stages",
        "touchpoints",
        "promises",
        "satisfaction",
        "deviations",
    )

    first: str
    second: str
    intended: IntendedMap
    largest_q: float
    overview: pd.DataFrame
    flow: pd.DataFrame
    outcomes: pd.DataFrame
    reached: pd.DataFrame
    stages: pd.DataFrame
    touchpoints: pd.DataFrame
    promises: pd.DataFrame
    satisfaction: pd.DataFrame
    deviations: pd.DataFrame
    findings: pd.DataFrame
    notes: tuple[str, ...] = ()

    def _summary(self) -> str:
        first, second = self.overview["journeys"].tolist()
        tested = sum(int(self._table(name)["p"].notna().sum()) for name in difference_tables.FORMS)
        return (
            f"Difference on '{self.intended.name}' from {self.first} ({first:,} journeys) to {self.second} "
            f"({second:,}): {len(self.findings):,} of {tested:,} things compared differ at q up to "
            f"{self.largest_q:g}"
        )

    def __repr__(self) -> str:
        lines = [f"  {sentence}" for sentence in self.findings["sentence"].head(_SHOWN)]
        if len(self.findings) > _SHOWN:
            lines.append(f"  and {len(self.findings) - _SHOWN:,} findings more in .findings")
        return "\n".join([self._summary(), *lines, *(f"  note: {note}" for note in self.notes)])


_SHOWN = 5
"""Findings that a terminal shows."""
