"""What a scenario gains by group: conversions, value, and what becomes of journeys at the stages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjmining.conformance.tables import frame
from cjmining.conformance.worth import pieces_of_amounts
from cjmining.dropout.entries import CONVERTED, DROPPED, OPEN, TURNED_AWAY
from cjmining.grouping import EVERYBODY
from cjmining.schema import BEFORE_THE_MAP

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.conformance import Conformance
    from cjmining.conformance.reading import Reading
    from cjmining.dropout.semi_markov import Chain, Solved
    from cjmining.dropout.visits import InGroups

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

MONTH_S = 365.25 / 12 * 86_400
LIMITS = (0.025, 0.975)


class Gain(NamedTuple):
    """What is gained in a group: each the data's, then the replicates'."""

    name: str
    conversions: Floats
    gained: Floats
    directly: Floats
    journeys: Floats
    journeys_after: Floats
    goal: tuple[float, float]
    unresolved: float
    value: dict[str, Floats]
    valued: dict[str, int]
    worth: dict[str, float]


def gains_of(chain: Chain, solved: Sequence[Solved], worth: Worth) -> list[Gain]:
    """Return the gain of each group, and of all together."""
    found = [
        _gain(name, each, worth, number)
        for number, (name, each) in enumerate(zip(chain.groups, solved, strict=True))
    ]
    return found if len(found) == 1 and found[0].name == EVERYBODY else [*found, _together(found)]


def _gain(name: str, solved: Solved, worth: Worth, number: int) -> Gain:
    gained = solved.ends_after[:, CONVERTED] - solved.ends[:, CONVERTED]
    valued = {
        currency: int(worth.valued[number, u])
        for u, currency in enumerate(worth.currencies)
        if worth.valued[number, u]
    }
    means = {currency: worth.mean[:, number, worth.currencies.index(currency)] for currency in valued}
    return Gain(
        name=name,
        conversions=solved.ends[:, CONVERTED],
        gained=gained,
        directly=solved.ends_directly[:, CONVERTED] - solved.ends[:, CONVERTED],
        journeys=solved.journeys,
        journeys_after=solved.journeys_after,
        goal=(solved.goal_s, solved.goal_s_after),
        unresolved=float(solved.journeys[0] - solved.ends[0].sum()),
        value={currency: gained * mean for currency, mean in means.items()},
        valued=valued,
        worth={currency: float(mean[0]) for currency, mean in means.items()},
    )


def _together(groups: Sequence[Gain]) -> Gain:
    currencies = dict.fromkeys(currency for each in groups for currency in each.valued)
    valued = {c: sum(each.valued.get(c, 0) for each in groups) for c in currencies}
    nothing = np.zeros_like(groups[0].gained)
    value = {c: sum((each.value.get(c, nothing) for each in groups), start=nothing) for c in currencies}
    as_is, after = (
        np.array([each.conversions[0] + gained * each.gained[0] for each in groups]) for gained in (0, 1)
    )
    return Gain(
        name=EVERYBODY,
        conversions=_sum(each.conversions for each in groups),
        gained=_sum(each.gained for each in groups),
        directly=_sum(each.directly for each in groups),
        journeys=_sum(each.journeys for each in groups),
        journeys_after=_sum(each.journeys_after for each in groups),
        goal=(_mean([e.goal[0] for e in groups], as_is), _mean([e.goal[1] for e in groups], after)),
        unresolved=sum(each.unresolved for each in groups),
        value=value,
        valued=valued,
        worth={c: _mean([each.worth.get(c, 0.0) for each in groups], as_is) for c in currencies},
    )


def _sum(arrays: Iterable[Floats]) -> Floats:
    total: Floats = np.sum(list(arrays), axis=0)
    return total


def _mean(values: Sequence[float], weights: Floats) -> float:
    """Return a mean over the groups that have the value."""
    known = ~np.isnan(values) & (weights > 0)
    return float(np.average(np.array(values)[known], weights=weights[known])) if known.any() else math.nan


class Worth(NamedTuple):
    """What conversions are worth by group and currency: means float64[1 + R, G, U], and how many had one."""

    mean: Floats
    valued: Ints
    currencies: tuple[str, ...]


def worth_of(check: Conformance, reading: Reading, groups: InGroups, replicates: int) -> Worth:
    """Return the mean net value of each group's conversions, as the value at risk takes it."""
    currencies, names = (*reading.currencies, ""), groups.names
    total, conversions, valued = _paid(reading, groups, len(currencies), replicates)
    mean = np.divide(total, conversions, out=np.zeros_like(total), where=conversions > 0)
    for persona in reading.plan.intended.personas if check.by == "persona" else ():
        if persona.value is not None and persona.persona in names:
            g = names.index(persona.persona)
            leading = int(valued[g].argmax()) if valued[g].any() else len(currencies) - 1
            mean[:, g] = 0.0
            mean[:, g, leading] = persona.value
            valued[g, np.arange(len(currencies)) != leading] = 0
            valued[g, leading] = max(1, valued[g, leading])
    return Worth(mean, valued, currencies)


def _paid(
    reading: Reading, groups: InGroups, n_currencies: int, replicates: int
) -> tuple[Floats, Floats, Ints]:
    """Add up what conversions brought, how many brought something, and how many did in each currency.

    Floats are added in the log's order, whatever the blocks.
    """
    from cjmining.kernels.bootstrap import add_weighted

    n_groups = len(groups.names)
    n_keys = n_groups * n_currencies
    total, conversions = np.zeros((1 + replicates, n_keys)), np.zeros((1 + replicates, n_groups))
    valued = np.zeros(n_keys, np.int64)
    for amounts in pieces_of_amounts(reading):
        key = groups.of(amounts.journey) * n_currencies + amounts.currency
        add_weighted(total, reading.customer[amounts.journey], key, np.array(amounts.value))
        journey = np.unique(amounts.journey)
        add_weighted(conversions, reading.customer[journey], groups.of(journey), np.ones(len(journey)))
        valued += np.bincount(np.unique(amounts.journey * n_keys + key) % n_keys, minlength=n_keys)
    shape = (1 + replicates, n_groups, n_currencies)
    return total.reshape(shape), conversions[:, :, None], valued.reshape(shape[1:])


class Count(NamedTuple):
    """How many journeys there are, and how many of them converted or are still open."""

    journeys: int
    converted: int
    still_open: int


def counts_of(outcomes: Ints, names: Sequence[str]) -> dict[str, Count]:
    """Tell of each group, and of all, how many journeys there are, how many converted and are still open.

    Parameters
    ----------
    outcomes : int64[G, 4]
        Journeys by group and outcome.
    names : sequence of str
        Of the groups.
    """
    rows = dict(zip(names, outcomes, strict=True)) | {EVERYBODY: outcomes.sum(axis=0)}
    return {name: Count(int(row.sum()), int(row[CONVERTED]), int(row[OPEN])) for name, row in rows.items()}


def scenario_table(groups: Sequence[Gain], counts: Mapping[str, Count], months: float) -> pd.DataFrame:
    """Return what each group gains; see `Scenario.scenario`. `months` is how long the log is observed."""
    return frame(_rows(groups, counts, months), _SCENARIO)


_SCENARIO = {
    "by": "text",
    **dict.fromkeys(("journeys", "converted", "open"), "int"),
    **dict.fromkeys(
        (
            "conversions",
            "journeys_after",
            "conversions_after",
            "gained",
            "lower",
            "upper",
            "gained_directly",
            "share_converted",
            "share_converted_after",
            "gained_per_month",
            "value_gained",
            "value_gained_lower",
            "value_gained_upper",
            "value_gained_per_month",
        ),
        "float",
    ),
    "currency": "text",
    "goal_s": "float",
    "goal_after_s": "float",
}


def _rows(groups: Sequence[Gain], counts: Mapping[str, Count], months: float) -> Iterator[dict[str, Any]]:
    for each in groups:
        count = counts[each.name]
        conversions, gained = float(each.conversions[0]), float(each.gained[0])
        lower, upper = _limits(each.gained)
        leading = leading_currency(each)
        nothing = np.full(len(each.gained), math.nan)
        value = each.value.get(leading, nothing)
        value_lower, value_upper = _limits(value)
        yield {
            "by": each.name,
            "journeys": count.journeys,
            "converted": count.converted,
            "open": count.still_open,
            "conversions": conversions,
            "journeys_after": float(each.journeys_after[0]),
            "conversions_after": conversions + gained,
            "gained": gained,
            "lower": lower,
            "upper": upper,
            "gained_directly": float(each.directly[0]),
            "share_converted": conversions / count.journeys,
            "share_converted_after": (conversions + gained) / float(each.journeys_after[0]),
            "gained_per_month": gained / months,
            "value_gained": float(value[0]),
            "value_gained_lower": value_lower,
            "value_gained_upper": value_upper,
            "value_gained_per_month": float(value[0]) / months,
            "currency": leading,
            "goal_s": each.goal[0],
            "goal_after_s": each.goal[1],
        }


def leading_currency(gain: Gain) -> str:
    """Return the currency of most conversions, "" where none has a value."""
    return max(gain.valued, key=lambda currency: gain.valued[currency], default="")


def _limits(values: Floats) -> tuple[float, float]:
    """Return the limits that the replicates give, the data's own value left out."""
    lower, upper = np.quantile(values[1:], LIMITS)
    return float(lower), float(upper)


def value_table(groups: Sequence[Gain], counts: Mapping[str, Count]) -> pd.DataFrame:
    """Return what each group gains in each currency; see `Scenario.value_by_currency`."""
    return frame(_value_rows(groups, counts), _VALUES)


_VALUES = {
    "by": "text",
    "currency": "text",
    "journeys": "int",
    **dict.fromkeys(
        ("value_per_conversion", "value_gained", "value_gained_lower", "value_gained_upper"), "float"
    ),
}


def _value_rows(groups: Sequence[Gain], counts: Mapping[str, Count]) -> Iterator[dict[str, Any]]:
    for each in groups:
        for currency, value in each.value.items():
            lower, upper = _limits(value)
            yield {
                "by": each.name,
                "currency": currency,
                "journeys": counts[each.name].journeys,
                "value_per_conversion": each.worth[currency],
                "value_gained": float(value[0]),
                "value_gained_lower": lower,
                "value_gained_upper": upper,
            }


def stage_table(reading: Reading, chain: Chain, solved: Sequence[Solved]) -> pd.DataFrame:
    """Return what becomes of journeys at the stages; see `Scenario.stages`."""
    return frame(_stage_rows(reading, chain, solved), _STAGES)


_STAGES = {
    "by": "text",
    "stage": "text",
    **dict.fromkeys(
        ("entered", "entered_after", "dropped", "dropped_after", "turned_away", "turned_away_after"), "float"
    ),
}


def _stage_rows(reading: Reading, chain: Chain, solved: Sequence[Solved]) -> Iterator[dict[str, Any]]:
    """Yield what becomes of the journeys at each stage that any may enter."""
    names = (BEFORE_THE_MAP, *reading.plan.intended.stage_names)
    by_group = []
    for each in solved:
        stage, first = 1 + chain.stage[each.states], ~chain.again[each.states]
        before, after = (
            _at_stages(stage, first, len(names), *part)
            for part in (
                (each.visits, each.to, each.begun),
                (each.visits_after, each.to_after, each.begun_after),
            )
        )
        by_group.append(np.stack([before, after], axis=2))
    tables = [*zip(chain.groups, by_group, strict=True)]
    if chain.groups != (EVERYBODY,):
        tables.append((EVERYBODY, np.sum(by_group, axis=0)))
    for name, table in tables:
        for told, (entered, dropped, away) in zip(names, table.tolist(), strict=True):
            if any(entered):
                yield {"by": name, "stage": told} | dict(
                    zip(list(_STAGES)[2:], (*entered, *dropped, *away), strict=True)
                )


def _at_stages(stage: Ints, first: Bools, n_stages: int, visits: Floats, to: Floats, begun: Floats) -> Floats:
    """Return for each stage how many journeys enter it, drop out and are turned away there; float64[N, 3].

    A journey enters a stage once: by a move from another one, to a state that it can't have come back to.
    """
    n = len(stage)
    moves = visits[:, None] * to[:, :n] * (stage[:, None] != stage[None, :])
    found = np.zeros((n_stages, 3))
    np.add.at(found[:, 0], stage[first], (begun + moves.sum(axis=0))[first])
    for column, end in ((1, DROPPED), (2, TURNED_AWAY)):
        np.add.at(found[:, column], stage, visits * to[:, n + end])
    return found
