"""What the rules of a persona say about one another, whatever the customers are.

Only what is certain is said: rules that can't be compared (a number with a date, a text with a number) tell
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

Conditions: TypeAlias = Mapping[str, Any]
"""What must hold of one attribute, by operator."""


def covers(earlier: Mapping[str, Conditions], later: Mapping[str, Conditions]) -> bool:
    """Say whether everyone who meets the later rules certainly meets the earlier ones too.

    Examples
    --------
    >>> covers({"age": {"below": 40}}, {"age": {"at_most": 30}, "region": {"equals": "North"}})
    True
    >>> covers({"age": {"below": 40}}, {"region": {"equals": "North"}})
    False
    """
    return all(
        any(_follows(operator, wanted, *given) for given in later.get(attribute, {}).items())
        for attribute, conditions in earlier.items()
        for operator, wanted in conditions.items()
    )


def contradictory(where: Mapping[str, Conditions]) -> str | None:
    """Return an attribute whose conditions no value can meet, or None.

    Examples
    --------
    >>> contradictory({"age": {"at_least": 30, "below": 30}})
    'age'
    """
    return next((name for name, conditions in where.items() if _excludes_all(conditions)), None)


def _follows(operator: str, wanted: Any, given: str, value: Any) -> bool:  # noqa: ANN401 -- plain values
    """Say whether what is given makes sure of what is wanted."""
    if operator == "missing":
        return (given == "missing" and value is wanted) or (given != "missing" and wanted is False)
    if given in _LISTS:
        values = value if given == "one_of" else (value,)
        return all(_meets(one, operator, wanted) for one in values)
    if operator in _LISTS or given == "missing":
        return False
    same_side = (operator in _LOWER) == (given in _LOWER)
    return same_side and _is_within(_comparable(value), given, operator, _comparable(wanted))


_LISTS = {"equals", "one_of"}
_LOWER = {"at_least", "above"}
_STRICT = {"above", "below"}


def _meets(value: Any, operator: str, wanted: Any) -> bool:  # noqa: ANN401 -- plain values
    """Say whether one value certainly meets a condition."""
    if operator in _LISTS:
        options = wanted if operator == "one_of" else (wanted,)
        return any(type(value) is type(one) and value == one for one in options)
    return _is_within(
        _comparable(value), "at_least" if operator in _LOWER else "at_most", operator, _comparable(wanted)
    )


def _is_within(value: Any, given: str, operator: str, wanted: Any) -> bool:  # noqa: ANN401 -- numbers, times
    """Say whether a bound (or a value, as a bound that may be met) lies within another of the same side."""
    if value is None or wanted is None or type(value) is not type(wanted):
        return False
    if value == wanted:
        return operator not in _STRICT or given in _STRICT
    return bool(value > wanted) == (operator in _LOWER)


def _excludes_all(conditions: Conditions) -> bool:
    if conditions.get("missing") is True and len(conditions) > 1:
        return True
    lows = [(name, conditions[name]) for name in ("at_least", "above") if name in conditions]
    highs = [(name, conditions[name]) for name in ("at_most", "below") if name in conditions]
    if "equals" in conditions:
        lows.append(("at_least", conditions["equals"]))
        highs.append(("at_most", conditions["equals"]))
    return any(_cross(low, high) for low in lows for high in highs)


def _cross(low: tuple[str, Any], high: tuple[str, Any]) -> bool:
    """Say whether nothing lies between a lower and an upper bound."""
    least, most = _comparable(low[1]), _comparable(high[1])
    if least is None or type(least) is not type(most):
        return False
    strict = low[0] in _STRICT or high[0] in _STRICT
    return bool(least > most) or (strict and bool(least == most))


def _comparable(value: Any) -> Any:  # noqa: ANN401 -- plain values; a number or a time, else None
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    try:
        return datetime.fromisoformat(value).replace(tzinfo=None)
    except (TypeError, ValueError):
        return None
