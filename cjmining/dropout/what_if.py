"""The verb `what_if`: conversions gained were something otherwise, as a scenario and not as a forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjmining.conformance.tables import frame
from cjmining.dropout import gains
from cjmining.dropout.changes import PROMISE, SKIP, TURNED_AWAY, Change, changes_of
from cjmining.dropout.entries import DROPPED, begun_inside
from cjmining.dropout.entries import TURNED_AWAY as AWAY
from cjmining.dropout.scenario import (
    ASSUMPTIONS,
    PATIENCE_ASSUMPTION,
    PROMISE_ASSUMPTION,
    SKIP_ASSUMPTION,
    Scenario,
)
from cjmining.dropout.selection import expect_check
from cjmining.dropout.semi_markov import Chain, make_chain, solve
from cjmining.dropout.visits import InGroups, VisitCounts, VisitsRead, read_visits
from cjmining.errors import LogError
from cjmining.progress import Progress, telling
from cjmining.schema import BEFORE_THE_MAP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.conformance import Conformance
    from cjmining.conformance.reading import Reading

    Bools = NDArray[np.bool_]


def what_if(
    check: Conformance,
    changes: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    replicates: int = 400,
    progress: Progress | bool | None = None,
) -> Scenario:
    """Follow journeys through each group's semi-Markov chain, as it is and with something changed.

    A scenario, not a forecast. Visits to the stages of the map lead to other stages or to an end with
    probabilities estimated by Aalen-Johansen, so that journeys still open count for as long as they were
    seen; a change multiplies or redirects some of them. Without a change the chain gives back the
    conversions of the log, those expected of its open journeys included. Where the map's patience is never,
    silence is no leaving: journeys still open there are all expected to go on as those did that have ended,
    however long ago they were last seen. A note counts them where they are more than 5 % of the journeys.

    Parameters
    ----------
    check : Conformance
        With its log; `by` says which groups have a chain of their own.
    changes : mapping or sequence of mapping
        What is changed, one of these each:

        * ``{"stage": "Checkout", "drop_out": 0.5}``: the probability to drop out there, times a factor from 0
          to 1; also ``"turned_away"``, and of a ``"touchpoint"`` instead of the whole stage. Those kept go on
          like those who stayed.
        * ``{"promise": "call_answered", "measure": "wait_s", "stage": "Research", "kept": True}``: journeys
          for which the first such promise of a stay was broken go on like those for which it was kept.
          Without a stage it is kept in all of them; the measure is needed where several are promised.
          A stage's `within`, `contacts`, and a response that the customer gives or that lies in another
          stage can't be kept so: those who kept them are known by having gone on or ended.
        * ``{"skip": "payment_entered"}``: journeys pass over the touchpoint, to where those who went on
          from it went; nobody drops out there. Also with ``"stage"``.

        Each may have ``"where"``: ``{"device": "mobile"}`` or several values in a list, of attributes of
        customers and dimensions of events as they are known when the place is entered.
    replicates : int
        Replicates of the bootstrap over customers, at least 2.
    progress : callable or bool, optional
        Called with what is being done and the share of the whole that is done, 0 to 1; True shows a bar.

    Returns
    -------
    Scenario
        `scenario`, `stages`, `value_by_currency` and `changes` as tables, and its `assumptions`.

    Raises
    ------
    LogError
        If a change names what is not there, is out of range or contradicts another one.
    ValueError
        If the check was made without its log, or there are fewer than 2 replicates.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(500, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> check = cj.check(shop.log.split(intended), intended)
    >>> gain = cj.what_if(check, {"stage": "Checkout", "where": {"device": "mobile"}, "drop_out": 0.5})
    >>> gain.changes["change"].tolist()
    ['drop-out at Checkout where device is mobile times 0.5']
    >>> bool(gain.scenario["gained"].iloc[0] > 0)
    True

    References
    ----------
    Semi-Markov chains: Howard (1971), Dynamic Probabilistic Systems II; Aalen and Johansen (1978),
    Scandinavian Journal of Statistics 5, 141-150.
    """
    expect_check(check, "what_if")
    if isinstance(replicates, bool) or not isinstance(replicates, int) or replicates < 2:
        raise ValueError(f"replicates is a whole number of at least 2, not {replicates!r}")
    reading = check._with_log("scenarios")
    with telling(progress, "what_if") as tell:
        wanted = changes_of(changes, reading)
        tell("reading the visits", 0.0)
        groups = InGroups(check, reading)
        visits = read_visits(check, reading, wanted, groups, replicates)
        _check_contradictions(wanted, visits)
        tell("drawing replicates", 0.3)
        chain = make_chain(visits, replicates)
        tell("following the scenario", 0.6)
        solved = solve(chain, wanted)
        tell("reckoning its worth", 0.7)
        worth = gains.worth_of(check, reading, groups, replicates)
        found = gains.gains_of(chain, solved, worth)
        counts = gains.counts_of(visits.counts.outcomes, groups.names)
        tell("making the tables", 0.9)
        months = (reading.data_end - reading.log.observed_from_us) / 1e6 / gains.MONTH_S
        touched = _touched(wanted, visits, chain)
        patient, n = _never_lost(reading, visits.counts), len(reading.customer)
        values = gains.value_table(found, counts)
        return Scenario(
            by=check.by,
            scenario=gains.scenario_table(found, counts, months),
            stages=gains.stage_table(reading, chain, solved),
            value_by_currency=values,
            changes=frame(touched, _CHANGES),
            assumptions=_assumptions(wanted, patient, n),
            notes=(
                *_notes(check, reading, found[-1].unresolved, touched),
                *_notes_on_patience(patient, n),
                *_notes_on_currencies(found[-1]),
            ),
            replicates=replicates,
        )._made_from(check)


def _check_contradictions(changes: Sequence[Change], visits: VisitsRead) -> None:
    """Raise where two changes say what becomes of the same thing in the same visits."""
    states = visits.counts.states
    *_, mask = visits.of_states(states.key)
    mistakes = []
    for second, change in enumerate(changes):
        for first, other in enumerate(changes[:second]):
            both = int(states.totals[(mask >> first) & (mask >> second) & 1 == 1].sum())
            if both and _about(change) & _about(other):
                mistakes.append(
                    f"changes {first + 1} and {second + 1} contradict each other at {both:,} visits: "
                    f"'{other.words}' and '{change.words}'"
                )
    if mistakes:
        raise LogError(f"what_if: {'; '.join(mistakes)}. Say each thing once", mistakes=mistakes)


def _about(change: Change) -> set[object]:
    if change.kind == PROMISE:
        return set(change.promises)
    return {AWAY if change.kind == TURNED_AWAY else DROPPED}


_CHANGES = {
    "change": "text",
    "visits": "int",
    "journeys": "int",
    "share_of_journeys": "float",
    "left_as_is": "int",
}


def _touched(changes: Sequence[Change], visits: VisitsRead, chain: Chain) -> list[dict[str, Any]]:
    """Say which journeys each change touches, and where there is nobody whom they could be like."""
    rows, n = [], int(visits.counts.outcomes.sum())
    for number, (change, journeys) in enumerate(zip(changes, visits.counts.touched.tolist(), strict=True)):
        holds = visits.reader.holds(number, chain.mask, chain.label)
        if change.kind == PROMISE:
            alone = chain.twin == np.arange(len(chain.twin))
        else:
            alone = _without_others(chain, AWAY if change.kind == TURNED_AWAY else DROPPED)
        rows.append(
            {
                "change": change.words,
                "visits": int(chain.visits[holds].sum()),
                "journeys": journeys,
                "share_of_journeys": journeys / n,
                "left_as_is": int(chain.visits[holds & alone].sum()),
            }
        )
    return rows


def _without_others(chain: Chain, end: int) -> Bools:
    """Say from which states every visit whose end is known ended in this way."""
    n = len(chain.group)
    others = chain.edge_from[chain.edge_to != n + end]
    return ~np.isin(np.arange(n), others)


class _Patient(NamedTuple):
    """A stage whose patience is never: journeys that stand there, and what became of those that ended."""

    stage: str
    standing: int
    ended: int
    converted: int


def _never_lost(reading: Reading, counts: VisitCounts) -> list[_Patient]:
    """Return the stages that silence ends no journey at, where journeys stand when the data end."""
    stages = (BEFORE_THE_MAP, *reading.plan.intended.stage_names)
    found = [_Patient(stage, *row) for stage, row in zip(stages, counts.patient.tolist(), strict=True)]
    return [each for each in found if each.standing]


def _assumptions(changes: Sequence[Change], patient: Sequence[_Patient], n: int) -> tuple[str, ...]:
    kinds = {change.kind for change in changes}
    more = [told for kind, told in ((PROMISE, PROMISE_ASSUMPTION), (SKIP, SKIP_ASSUMPTION)) if kind in kinds]
    if patient:
        where = "; ".join(f"{each.stage}: {each.standing:,} of {n:,}" for each in patient)
        more.append(f"{PATIENCE_ASSUMPTION} ({where}).")
    return (*ASSUMPTIONS, *more)


def _notes(
    check: Conformance, reading: Reading, unresolved: float, touched: Sequence[Mapping[str, Any]]
) -> tuple[str, ...]:
    """Say what a reader should know before trusting a number."""
    notes = list(check.notes)
    for row in touched:
        if not row["visits"]:
            notes.append(f"The change touches no journey: {row['change']}.")
        elif row["left_as_is"]:
            notes.append(
                f"{row['left_as_is']:,} of {row['visits']:,} visits are left as they are, since nobody of "
                f"their group went another way from there: {row['change']}."
            )
    early = int(np.count_nonzero(~begun_inside(reading)))
    if early:
        notes.append(
            f"{early:,} of {len(reading.customer):,} journeys may have begun before the log is observed: the "
            "first place seen is taken as their beginning."
        )
    if unresolved >= _HALF_A_JOURNEY:
        notes.append(
            f"About {unresolved:,.0f} journeys reach places from which nobody is known to have ended yet: "
            "they count as not converted."
        )
    return tuple(notes)


def _notes_on_patience(patient: Sequence[_Patient], n: int) -> tuple[str, ...]:
    """Say where many journeys count as still going on because nothing ends them."""
    return tuple(
        f"Journeys can't be lost by silence at {each.stage} (patience never): {each.standing:,} of {n:,} are "
        f"still open there and are all expected to go on as those did that have ended, of whom "
        f"{each.converted:,} of {each.ended:,} converted. Where some of them have left, conversions are too "
        "many; a patience for that stage tells who did."
        for each in patient
        if each.standing > _MANY_OPEN * n
    )


def _notes_on_currencies(together: gains.Gain) -> tuple[str, ...]:
    """Say that one currency alone is shown where there are several."""
    if len(together.value) < 2:
        return ()
    leading = gains.leading_currency(together)
    others = ", ".join(currency or "no currency" for currency in sorted(set(together.value) - {leading}))
    told = (
        f"value_gained is in {leading or 'no currency'} alone for all together, the currency of most "
        f"conversions; what is gained in {others} stands in value_by_currency, and nothing is added up over "
        "currencies."
    )
    return (told,)


_MANY_OPEN = 0.05
_HALF_A_JOURNEY = 0.5
