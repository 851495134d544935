"""The numbers of a slide: those that a finding states, as shares beside one another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from cjmining.errors import LogError

if TYPE_CHECKING:
    import pandas as pd

LARGEST_Q = 0.05
_KEYS = ("kind", "text", "numbers")


class _Told(Protocol):
    """A finding, as `cj.report` and a study know it."""

    def to_dict(self) -> dict[str, Any]: ...


Told = _Told | Mapping[str, Any]


class Ratio(NamedTuple):
    """How many times as often something happens in the first bar as in the others, with limits."""

    value: float
    lower: float | None = None
    upper: float | None = None


class Bar(NamedTuple):
    """One share: what it is of whom, its limits, and what it was to be."""

    label: str
    value: float
    lower: float | None = None
    upper: float | None = None
    of: int | None = None
    noun: str = "journeys"
    target: float | None = None
    tone: str = "plain"


def slide(finding: Told) -> pd.DataFrame:
    """Return the shares that a slide draws, the one it is about first.

    Parameters
    ----------
    finding : Finding or mapping
        One of `result.findings` of a study, or as it stands in `findings.json` or `facts.json`.

    Returns
    -------
    pandas.DataFrame
        One row a bar: label, value (from 0 to 1), lower and upper (limits at 95 %; NaN where none are
        known), of (what it is a share of, none where that isn't known), noun (what these are), target (what
        was promised; NaN where nothing was), tone (which colour: dropped, converted, turned away, open,
        plain). Empty where a finding states no share.

    Raises
    ------
    LogError
        If `finding` is none.

    Examples
    --------
    >>> import cjmining as cj
    >>> finding = {"kind": "largest drop-out", "text": "34 % dropped out.", "stage": "Checkout",
    ...            "numbers": {"drop_out_share": 0.34, "lower": 0.29, "upper": 0.39, "mature": 310}}
    >>> cj.plot.data.slide(finding)[["label", "value", "of"]]
                         label  value   of
    0  Dropped out at Checkout   0.34  310
    """
    import pandas as pd

    bars = bars_of(plain(finding))
    table = pd.DataFrame(bars, columns=list(Bar._fields))
    numbers = ["value", "lower", "upper", "target"]
    return table.astype({**dict.fromkeys(numbers, "float64"), "of": "Int64"})


def plain(finding: Told) -> Mapping[str, Any]:
    """Return a finding as a mapping, or refuse what is none."""
    given = finding if isinstance(finding, Mapping) else getattr(finding, "to_dict", dict)()
    missing = [key for key in _KEYS if key not in given]
    if missing:
        raise LogError(
            f"cj.plot.slide takes a finding, such as result.findings[0] of a study, not "
            f"{type(finding).__name__} (it has no {missing[0]!r})"
        )
    return given


def bars_of(finding: Mapping[str, Any]) -> list[Bar]:
    """Return the shares of a finding; of one that changed since an earlier run, what it was before too."""
    make = _KINDS.get(str(finding["kind"]))
    if make is None:
        return []
    bars = make(finding, finding["numbers"])
    if len(bars) == 1 and finding.get("earlier_numbers"):
        before = make(finding, finding["earlier_numbers"])
        bars = [bars[0]._replace(label=f"{bars[0].label}, now"), *(_before(bar) for bar in before)]
    return bars


def ratio_of(finding: Mapping[str, Any]) -> Ratio | None:
    """Return the ratio that a finding is about, where it is about one; None where none can be told."""
    numbers = finding["numbers"]
    if finding["kind"] != "stand-out" or "risk_ratio" not in numbers:
        return None
    return Ratio(numbers["risk_ratio"], numbers.get("lower"), numbers.get("upper"))


def _before(bar: Bar) -> Bar:
    return bar._replace(label="Before", tone="plain", target=None)


def _outcomes(_: Mapping[str, Any], numbers: Mapping[str, Any]) -> list[Bar]:
    total = numbers.get("journeys", 0)
    said = {
        "converted": "Reached the goal",
        "dropped": "Dropped out",
        "turned_away": "Turned away by the company",
        "open": "Still open when the data end",
    }
    return [
        Bar(label, numbers[key] / total, of=total, tone=key.replace("_", " "))
        for key, label in said.items()
        if total and key in numbers
    ]


def _drop_out(finding: Mapping[str, Any], numbers: Mapping[str, Any]) -> list[Bar]:
    label = f"Dropped out at {finding['stage']}"
    return [_limited(label, numbers, "drop_out_share", of="mature", tone="dropped")]


def _stand_out(finding: Mapping[str, Any], numbers: Mapping[str, Any]) -> list[Bar]:
    return [
        Bar(f"{finding['group']}", numbers["share"], of=numbers["mature"], tone="dropped"),
        Bar("The others", numbers["rest_share"], of=numbers["rest_mature"]),
    ]


def _goes_with(finding: Mapping[str, Any], numbers: Mapping[str, Any]) -> list[Bar]:
    label = f"With it, dropped out at {finding['stage']}"
    return [
        Bar(label, numbers["risk_exposed"], of=numbers["exposed"], tone="dropped"),
        Bar("Comparable journeys without it", numbers["risk_unexposed"]),
    ]


def _place(_: Mapping[str, Any], numbers: Mapping[str, Any]) -> list[Bar]:
    return [
        Bar("Ended so in these weeks", numbers["share"], of=numbers["entered"], tone="dropped"),
        Bar("Usual there", numbers["expected_share"]),
    ]


def _drop_out_place(finding: Mapping[str, Any], numbers: Mapping[str, Any]) -> list[Bar]:
    share = numbers["share_of_dropped"]
    label = f"Of all drop-outs, at {finding['stage']}"
    return [Bar(label, share, of=_whole(numbers["journeys"], share), noun="drop-outs", tone="dropped")]


def _of_journeys(label: str) -> Callable[[Mapping[str, Any], Mapping[str, Any]], list[Bar]]:
    def bars(_: Mapping[str, Any], numbers: Mapping[str, Any]) -> list[Bar]:
        share = numbers["share_of_journeys"]
        return [Bar(label, share, of=_whole(numbers["journeys"], share))]

    return bars


def _deviation(finding: Mapping[str, Any], numbers: Mapping[str, Any]) -> list[Bar]:
    """Compare how journeys with and without it ended, where that differs beyond chance."""
    differs = numbers.get("q", 1.0) <= LARGEST_Q and numbers.get("lower", 0) * numbers.get("upper", 0) > 0
    if not differs:
        return _of_journeys("Of all journeys")(finding, numbers)
    return [
        Bar(
            label,
            numbers[f"converted_{side}"] / numbers[f"mature_{side}"],
            of=numbers[f"mature_{side}"],
            tone=tone,
        )
        for side, label, tone in (
            ("with", "Converted with it", "converted"),
            ("without", "Converted without it", "plain"),
        )
    ]


def _promise(_: Mapping[str, Any], numbers: Mapping[str, Any]) -> list[Bar]:
    kept = _limited("Kept", numbers, "share_kept", of="measured", noun="times")
    return [kept._replace(target=numbers["target"])]


def _channels(_: Mapping[str, Any], numbers: Mapping[str, Any]) -> list[Bar]:
    return [
        Bar(
            f"Satisfaction with {numbers.get(f'{end}_channel', label)}",
            numbers[f"{end}_satisfaction"],
            numbers.get(f"{end}_lower"),
            numbers.get(f"{end}_upper"),
            numbers[f"{end}_answered"],
            "answers",
        )
        for end, label in (("least", "the worst channel"), ("most", "the best channel"))
    ]


def _part(
    part: str, whole: str, label: str, noun: str
) -> Callable[[Mapping[str, Any], Mapping[str, Any]], list[Bar]]:
    def bars(_: Mapping[str, Any], numbers: Mapping[str, Any]) -> list[Bar]:
        if not numbers.get(whole):
            return []
        return [Bar(label, numbers[part] / numbers[whole], of=numbers[whole], noun=noun)]

    return bars


def _limited(
    label: str,
    numbers: Mapping[str, Any],
    share: str,
    *,
    of: str,
    noun: str = "journeys",
    tone: str = "plain",
) -> Bar:
    return Bar(
        label, numbers[share], numbers.get("lower"), numbers.get("upper"), numbers[of], noun, tone=tone
    )


def _whole(part: float, share: float) -> int | None:
    return round(part / share) if share else None


_KINDS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], list[Bar]]] = {
    "outcomes": _outcomes,
    "largest drop-out": _drop_out,
    "stand-out": _stand_out,
    "goes with leaving": _goes_with,
    "place that stands out": _place,
    "drop-out place": _drop_out_place,
    "before the map": _part("journeys", "all_journeys", "Never came to the map", "journeys"),
    "deviation": _deviation,
    "broken promise": _promise,
    "channels": _channels,
    "hand-off": _of_journeys("Of all journeys"),
    "unlabelled": _part("events", "all_events", "Outside the map", "events"),
    "quarantine": _part("quarantined", "records", "Could not be read", "records"),
    "unknown group": _part("customers", "all_customers", "Unknown", "customers"),
}
"""How the shares of a kind of finding are read from its numbers; other kinds state none."""
