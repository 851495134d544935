"""What the picture of a difference shows: pairs of numbers, stage by stage and band by band."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from cjmining.conformance.difference_words import promise_in_short
from cjmining.errors import LogError
from cjmining.plot.words import days, known, name, percent
from cjmining.schema import BEFORE_THE_MAP

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.conformance.difference import Difference

Row = dict[str, Any]

STAYS, LEAVES, DOES, FEELS, PROMISED = (
    "who stays",
    "who leaves",
    "what they do",
    "what they feel",
    "what we promised",
)
ENDS = ("converted", "dropped", "turned_away", "open")
MOST_PROMISES = 2
MOST_LANES = 6
MOST_TOLD = 6
NO_CHANNEL = "no channel"


class Pair(NamedTuple):
    """One number of both sides.

    Attributes
    ----------
    band, stage, what, channel : str
        Where it stands, and what it is about.
    first, second : float
        The shares, or mean answers.
    first_of, second_of : int
        What they are of.
    difference, lower, upper : float
        The second less the first, with limits.
    q : float
    clear : bool
        Whether q is up to what makes a difference a finding.
    target : float
        The share promised; NaN for what nobody promised.
    """

    band: str
    stage: str
    what: str
    channel: str
    first: float
    first_of: int
    second: float
    second_of: int
    difference: float
    lower: float
    upper: float
    q: float
    clear: bool
    target: float = float("nan")


@dataclass(frozen=True)
class DifferenceView:
    """What is drawn.

    Attributes
    ----------
    sides : tuple of Row
        Both sides as in `overview`.
    flow : tuple of Row
        The stages of the map, as in the result's `flow`.
    before : Row or None
        The same of journeys that began before the map.
    outcomes, pairs : tuple of Pair
        Of the head; of the bands.
    largest_q : float
        Up to which q a difference is clear.
    reached : dict
        For which stages it is clear that a different share of journeys got there within the horizon.
    more : dict
        How many pairs of a (band, stage, channel) are not drawn, since others differ more.
    quiet : tuple of str
        Channels without a lane: nothing on them is clear, and others differ more.
    told : tuple of str
        The sentences of the surest findings; `untold` more are not written.
    """

    title: str
    horizon: str
    largest_q: float
    owners: tuple[str, ...]
    stages: tuple[str, ...]
    sides: tuple[Row, Row]
    flow: tuple[Row, ...]
    before: Row | None
    outcomes: tuple[Pair, ...]
    pairs: tuple[Pair, ...]
    reached: dict[str, bool]
    more: dict[tuple[str, str, str], int]
    quiet: tuple[str, ...]
    told: tuple[str, ...]
    untold: int
    notes: tuple[str, ...]

    def of(self, band: str, stage: str) -> list[Pair]:
        """Return the pairs of a band in a stage."""
        return [pair for pair in self.pairs if (pair.band, pair.stage) == (band, stage)]


def difference(diff: Difference) -> pd.DataFrame:
    """Return what `cj.plot.difference` draws: each pair of numbers with whether it is clear.

    Parameters
    ----------
    diff : Difference
        What `cj.difference` returned.

    Returns
    -------
    pandas.DataFrame
        band (outcomes, who stays, who leaves, what they do, what they feel, what we promised), stage, what,
        channel, first and second (shares; mean answers of what they feel), first_of and second_of (journeys,
        times or answers that they are of), difference (second less first) with lower and upper (95 %), q,
        clear (q up to the largest that makes a finding: of those up to 0.05, one in twenty may still be
        chance). Who stays: the share of all journeys that entered the stage ("entered") and of those that
        ended there ("converted", "dropped", "turned_away", "open"); these are not compared, so they have no
        limits.

    Raises
    ------
    LogError
        If `diff` is no difference.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(600, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> log = shop.log.split(intended).with_personas(intended)
    >>> found = cj.difference(cj.check(log, intended, by="persona"), "Families", "Silver")
    >>> table = cj.plot.data.difference(found)
    >>> table.loc[table["band"] == "who leaves", "stage"].tolist()
    ['Awareness', 'Research', 'Basket', 'Checkout', 'Delivery']
    """
    import pandas as pd

    view = difference_view(diff, "cj.plot.data.difference")
    rows = [pair._asdict() for pair in (*view.outcomes, *_stays(view), *view.pairs)]
    table = pd.DataFrame(rows, columns=list(Pair._fields)).drop(columns="target")
    kinds = {"first_of": "int64", "second_of": "int64", "clear": "bool"}
    texts = dict.fromkeys(("band", "stage", "what", "channel"), "str")
    return table.astype(dict.fromkeys(table.columns, "float64") | kinds | texts)


def difference_view(diff: Difference, verb: str) -> DifferenceView:
    """Return what the picture and its table show; `verb` is what was called."""
    needed = ("flow", "reached", "touchpoints", "findings", "intended")
    if not all(hasattr(diff, part) for part in needed):
        raise LogError(f"{verb} takes the result of cj.difference(check, ...), not {type(diff).__name__}")
    stages = diff.intended.stage_names
    flow = {str(row["stage"]): row for row in _records(diff.flow)}
    sides = _records(diff.overview)
    pairs, more = _pairs(diff)
    quiet = _quiet(pairs)
    sentences = [str(text) for text in diff.findings["sentence"]]
    return DifferenceView(
        title=diff.intended.name,
        horizon=days(diff.intended.horizon.total_seconds()),
        largest_q=diff.largest_q,
        owners=tuple(stage.owner or "" for stage in diff.intended.stages),
        stages=stages,
        sides=(sides[0], sides[1]),
        flow=tuple(flow.get(stage, _nobody(stage)) for stage in stages),
        before=flow.get(BEFORE_THE_MAP),
        outcomes=tuple(
            _pair(row, "outcomes", "within_horizon", "mature_journeys", "share_of_mature", diff)._replace(
                what=str(row["outcome"])
            )
            for row in _records(diff.outcomes)
        ),
        pairs=tuple(pair for pair in pairs if pair.band != DOES or pair.channel not in quiet),
        reached={str(row["stage"]): bool(row["q"] <= diff.largest_q) for row in _records(diff.reached)},
        more=more,
        quiet=quiet,
        told=tuple(sentences[:MOST_TOLD]),
        untold=len(sentences[MOST_TOLD:]),
        notes=diff.notes,
    )


def _records(table: pd.DataFrame) -> list[Row]:
    rows: list[Row] = table.to_dict("records")  # type: ignore[assignment]
    return rows


def _nobody(stage: str) -> Row:
    names = ("entered", "continued", *ENDS)
    return {"stage": stage} | {f"{each}_{side}": 0 for each in names for side in ("first", "second")}


def _pairs(diff: Difference) -> tuple[tuple[Pair, ...], dict[tuple[str, str, str], int]]:
    """Return the pairs drawn, and how many of each place are not."""
    leaves = [
        _pair(row, LEAVES, "dropped_within_horizon", "mature", "drop_out_share", diff)
        for row in _records(diff.stages)
        if row["stage"] != BEFORE_THE_MAP
    ]
    feels = [_pair(row, FEELS, "", "answered", "satisfaction", diff) for row in _records(diff.satisfaction)]
    does = [
        _pair(row, DOES, "journeys_with_it", "mature_journeys", "share_with_it", diff)._replace(
            what=name(row["touchpoint"]), channel=str(row["channel"]) or NO_CHANNEL
        )
        for row in _records(diff.touchpoints)
    ]
    promised = [
        _pair(row, PROMISED, "kept", "measured", "share_kept", diff)._replace(
            what=promise_in_short(row), target=float(row["target"])
        )
        for row in _records(diff.promises)
    ]
    promised.sort(key=lambda pair: (not known(pair.q), pair.q if known(pair.q) else 0.0, -pair.first_of))
    shown: list[Pair] = [*leaves, *feels]
    more: dict[tuple[str, str, str], int] = {}
    for most, listed in ((1, does), (MOST_PROMISES, promised)):
        there: dict[tuple[str, str, str], int] = {}
        for pair in listed:
            place = (pair.band, pair.stage, pair.channel)
            there[place] = there.get(place, 0) + 1
            if there[place] <= most:
                shown.append(pair)
        more |= {place: number - most for place, number in there.items() if number > most}
    return tuple(shown), more


def _quiet(pairs: tuple[Pair, ...]) -> tuple[str, ...]:
    """Return the channels that get no lane of their own."""
    apart: dict[str, tuple[bool, float]] = {}
    for pair in pairs:
        if pair.band == DOES:
            own = (pair.clear, abs(pair.difference) if known(pair.difference) else 0.0)
            apart[pair.channel] = max(apart.get(pair.channel, own), own)
    order = sorted(apart, key=lambda channel: (not apart[channel][0], -apart[channel][1], channel))
    return tuple(sorted(channel for channel in order[MOST_LANES:] if not apart[channel][0]))


def _pair(row: Row, band: str, hits: str, base: str, share: str, diff: Difference) -> Pair:
    del hits  # a share tells them with what it is of
    return Pair(
        band=band,
        stage=str(row.get("stage", "")),
        what="",
        channel="",
        first=float(row[f"{share}_first"]),
        first_of=int(row[f"{base}_first"]),
        second=float(row[f"{share}_second"]),
        second_of=int(row[f"{base}_second"]),
        **{key: float(row[key]) for key in ("difference", "lower", "upper", "q")},
        clear=bool(row["q"] <= diff.largest_q),
    )


def _stays(view: DifferenceView) -> Iterator[Pair]:
    """Yield how many entered and ended where, as shares of all journeys of a side."""
    wholes = [max(1, int(side["journeys"])) for side in view.sides]
    for row in view.flow:
        for what in ("entered", *ENDS):
            shares = [
                row[f"{what}_{side}"] / of for side, of in zip(("first", "second"), wholes, strict=True)
            ]
            yield Pair(
                STAYS, row["stage"], what, "", shares[0], wholes[0], shares[1], wholes[1],
                shares[1] - shares[0], float("nan"), float("nan"), float("nan"), clear=False,
            )  # fmt: skip


def signed(pair: Pair) -> str:
    """Say a difference with its limits, in points "+13 (+5 to +20)"; of answers as they are."""
    if not known(pair.difference):
        return "nothing to compare"
    if pair.band == FEELS:
        said, ends = f"{pair.difference:+.2f}", (f"{pair.lower:+.2f}", f"{pair.upper:+.2f}")
    else:
        said, ends = _points(pair.difference), (_points(pair.lower), _points(pair.upper))
    return f"{said} ({ends[0]} to {ends[1]})" if known(pair.lower) else said


def _points(share: float) -> str:
    points = round(100 * share)
    return f"{points:+d}" if points else "0"


def value(pair: Pair, share: float) -> str:
    """Say a share, or a mean answer."""
    if not known(share):
        return "nobody"
    return f"{share:.2f}" if pair.band == FEELS else percent(share)
