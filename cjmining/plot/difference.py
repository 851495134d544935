"""The journey map as a difference between two personas or two periods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.plot import theme
from cjmining.plot.data.difference import (
    DOES,
    FEELS,
    LEAVES,
    NO_CHANNEL,
    PROMISED,
    difference_view,
    signed,
    value,
)
from cjmining.plot.sheet import Sheet
from cjmining.plot.side_by_side import (
    GUTTER,
    INSET,
    Grid,
    band_name,
    dumbbell,
    interval,
    legend_of_parts,
    ribbon,
    side_name,
    stage_heads,
)
from cjmining.plot.text import fit, width, wrap
from cjmining.plot.words import known, name, number, percent, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cjmining.conformance.difference import Difference
    from cjmining.plot.data.difference import DifferenceView, Pair

_THICKEST = 46.0
_LEAST_REACH = 0.1
"""Differences are drawn on a scale of at least this much either way, lest small ones look large."""
_SIDES = ("first", "second")


def difference(diff: Difference, *, dark: bool = False, ax: Axes | None = None) -> Axes:
    """Draw the journey map as a difference between two personas or two periods.

    Two ribbons from one spine, the first above and the second below, each as thick as the share of its
    journeys. Discs are the first and diamonds the second: filled where the difference is clear (its q is up
    to the largest that makes a finding; of those up to 0.05, one in twenty may still be chance), hollow where
    it may well be chance.

    Parameters
    ----------
    diff : Difference
        What `cj.difference` returned.
    dark : bool
        Whether to draw for dark paper.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib Axes

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
    >>> check = cj.check(log, intended, by="persona")
    >>> ax = cj.plot.difference(cj.difference(check, "Families", "Silver"))
    >>> ax.get_label()
    'Online purchase: from Families to Silver'
    """
    return difference_sheet(diff).drawn_on(ax, dark=dark)


def difference_sheet(diff: Difference) -> Sheet:
    """Return the sheet that `difference` draws."""
    view = difference_view(diff, "cj.plot.difference")
    grid = Grid(len(view.stages))
    first, second = (name(side["group"]) for side in view.sides)
    sheet = Sheet(grid.width)
    sheet.title = f"{view.title}: from {first} to {second}"
    sheet.description = _described(view)
    y = _head(sheet, view)
    y = stage_heads(sheet, grid, view.stages, view.owners, y) + 8
    y = _who_stays(sheet, grid, view, y)
    y = _stacked(
        sheet, grid, view, y, LEAVES, "Who leaves",
        f"dropped out within {view.horizon} of entering, of those who entered long enough ago to know",
    )  # fmt: skip
    y = _what_they_do(sheet, grid, view, y)
    y = _stacked(sheet, grid, view, y, FEELS, "What they feel", "mean of the answers, 0 worst to 1 best")
    y = _stacked(
        sheet, grid, view, y, PROMISED, "What we promised", "share of times kept; tick: the share promised"
    )  # fmt: skip
    y = _told(sheet, view, y)
    sheet.height = _foot(sheet, view, y) + theme.MARGIN
    return sheet


def _hollow(view: DifferenceView) -> str:
    untested = sum(not known(pair.q) for pair in view.pairs)
    few = f", or too few customers to test ({number(untested)} of {number(len(view.pairs))})"
    return f"hollow: it may well be chance{few if untested else ''}"


def _nothing(view: DifferenceView) -> str:
    """Say that nothing is clear, and how much of it could not be tested."""
    untested = sum(not known(pair.q) for pair in view.pairs)
    few = f" ({number(untested)} of {number(len(view.pairs))} have too few customers to test)"
    return f"Nothing that was tested differs clearly{few if untested else ''}."


def _described(view: DifferenceView) -> str:
    first, second = view.sides
    sides = " and ".join(
        f"{side['group']} ({plural(side['journeys'], 'journey')})" for side in (first, second)
    )
    ends = [f"{pair.what} {value(pair, pair.first)} and {value(pair, pair.second)}" for pair in view.outcomes]
    clear = sum(pair.clear for pair in view.pairs)
    found = view.told[0] if view.told else _nothing(view)
    return (
        f"The journey map '{view.title}' with {sides} held against each other, stage by stage. Within "
        f"{view.horizon} of their start: {', '.join(ends) or 'nothing known'}. {found} "
        f"{plural(clear, 'difference')} on the picture {'is' if clear == 1 else 'are'} clear: "
        f"{_meaning(view)}."
    )


def _meaning(view: DifferenceView) -> str:
    """Say what it means that a difference is clear: of all of q up to some, that share may be false."""
    return f"q up to {view.largest_q:g}, of 100 such differences {100 * view.largest_q:g} may still be chance"


# head -----------------------------------------------------------------------------------------------------


def _head(sheet: Sheet, view: DifferenceView) -> float:
    figures = sheet.width - theme.MARGIN - 4 * 92
    room = figures - theme.MARGIN - 16
    y = sheet.paragraph(
        f"{view.title}: what differs",
        theme.MARGIN,
        theme.MARGIN - 4,
        room,
        size=theme.TITLE,
        bold=True,
        lines=2,
    )
    for second, side in enumerate(view.sides):
        sizes = f"{plural(side['journeys'], 'journey')} of {plural(side['customers'], 'customer')}"
        text = fit(name(side["group"]), room - 16 - width(f", {sizes}", 10), 10)
        y += 4
        side_name(sheet, f"{text}, {sizes}", theme.MARGIN, y + 10, second=bool(second), size=10.0)
        y += 10 * theme.LINE
    end = theme.MARGIN + 4
    for place, pair in enumerate(view.outcomes):
        x = figures + place * 92
        with sheet.mark(f"{pair.what} within {view.horizon}: {signed(pair)}", outcome=pair.what):
            for second, share in enumerate((pair.first, pair.second)):
                said = percent(share) if known(share) else "?"
                side_name(
                    sheet, said, x, theme.MARGIN + 14 + 21 * second, second=bool(second),
                    clear=pair.clear, size=15.0, bold=True, colour=_outcome_colour(pair.what),
                )  # fmt: skip
            end = sheet.paragraph(pair.what, x + 12, theme.MARGIN + 39, 80, colour=theme.MUTED)
    of = " and ".join(number(side["mature_journeys"]) for side in view.sides)
    end = sheet.paragraph(
        f"within {view.horizon} of the start, of {of} journeys followed so long",
        figures + 12, end + 1, 4 * 92 - 12, size=theme.SMALL, colour=theme.MUTED,
    )  # fmt: skip
    return max(y, end) + 12


def _outcome_colour(outcome: str) -> theme.Colour:
    return theme.OUTCOME.get(outcome, theme.OPEN)


# who stays ------------------------------------------------------------------------------------------------


def _who_stays(sheet: Sheet, grid: Grid, view: DifferenceView, y: float) -> float:
    side = band_name(
        sheet,
        y,
        "Who stays",
        "height: share of all journeys that entered; first above, second below",
    )
    side = legend_of_parts(sheet, theme.MARGIN, side + 4, GUTTER - 14)
    side = _before(sheet, view, side + 4)
    entered = [row[f"entered_{word}"] / _whole(view, n) for row in view.flow for n, word in enumerate(_SIDES)]
    most = max(entered, default=0.0)
    thickest = _THICKEST / most if most else _THICKEST
    spine = y + 8 + 2 * theme.LINE * theme.SMALL + _THICKEST + 6
    foot = spine
    for n, word in enumerate(_SIDES):
        rows = [
            {
                "stage": row["stage"],
                **{key.removesuffix(f"_{word}"): v for key, v in row.items() if key.endswith(word)},
            }
            for row in view.flow
        ]
        ribbon(
            sheet, grid, rows, _whole(view, n), spine=spine + (1.2 if n else -1.2), thickest=thickest,
            up=not n, whose=name(view.sides[n]["group"]),
        )  # fmt: skip
        for position, row in enumerate(rows):
            foot = max(foot, _entered(sheet, grid, view, position, row["entered"], n, spine))
    sheet.line(
        [(grid.left(0), spine), (sheet.width - theme.MARGIN, spine)], colour=theme.PAPER, width=1.2, z=3
    )
    return max(side, foot) + 8


def _whole(view: DifferenceView, side: int) -> int:
    return max(1, int(view.sides[side]["journeys"]))


def _entered(
    sheet: Sheet, grid: Grid, view: DifferenceView, position: int, entered: int, side: int, spine: float
) -> float:
    """Write what share of a side entered, above the highest or below the deepest block."""
    clear = view.reached.get(view.stages[position], False)
    x = grid.left(position) + INSET
    top = spine - _THICKEST - 8 - theme.LINE * theme.SMALL if not side else spine + _THICKEST + 3
    baseline = top + theme.SMALL
    said = percent(entered / _whole(view, side))
    side_name(sheet, said, x, baseline, second=bool(side), clear=clear, size=theme.BODY, bold=True)
    start = x + 15 + width(said, theme.BODY, bold=True)
    text = fit(number(entered), grid.left(position) + grid.column - start - 2, theme.SMALL)
    sheet.write(text, start, baseline, size=theme.SMALL, colour=theme.MUTED)
    return top + theme.LINE * theme.SMALL


def _before(sheet: Sheet, view: DifferenceView, y: float) -> float:
    if view.before is None:
        return y
    counts = " and ".join(number(view.before[f"entered_{word}"]) for word in _SIDES)
    text = f"{counts} journeys began before the map"
    return sheet.paragraph(text, theme.MARGIN, y, GUTTER - 14, size=theme.SMALL, colour=theme.MUTED)


# dumbbells ------------------------------------------------------------------------------------------------


def _stacked(
    sheet: Sheet, grid: Grid, view: DifferenceView, y: float, band: str, title: str, explained: str
) -> float:
    """Draw the pairs of a band in their stages: dumbbell, both numbers, the difference with its limits."""
    drawn = [pair for pair in view.pairs if pair.band == band]
    if not drawn:
        return y
    most = 1.0 if band != LEAVES else _most(drawn)
    ends_of = [abs(end) for pair in drawn for end in (pair.lower, pair.upper) if known(end)]
    reach = max([_LEAST_REACH, *ends_of])
    unit = "" if band == FEELS else " in points"
    scale = f"{reach:.2f}" if band == FEELS else f"{100 * reach:.0f}"
    line = "" if band == FEELS else f", line: 0 to {percent(most)}"
    explained += f"{line}. Boxes: the difference{unit} with its limits, -{scale} to +{scale}"
    ends = [band_name(sheet, y, title, explained)]
    for position, stage in enumerate(view.stages):
        top = y + 8
        for pair in view.of(band, stage):
            with sheet.mark(_tip(view, pair), stage=stage):
                top = _pair(sheet, grid, position, pair, top, most, reach) + 5
        if more := view.more.get((band, stage, "")):
            text = f"{plural(more, 'more')}".replace("mores", "more") + " differ less"
            top = sheet.paragraph(
                text, grid.left(position) + INSET, top - 2, grid.room, size=theme.SMALL, colour=theme.MUTED
            )
        ends.append(top)
    return max(ends) + 6


def _most(pairs: list[Pair]) -> float:
    """Return where the line of shares ends: a round one that holds them all."""
    largest = max((each for pair in pairs for each in (pair.first, pair.second) if known(each)), default=1.0)
    return next((end for end in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8) if largest <= end), 1.0)


def _pair(sheet: Sheet, grid: Grid, position: int, pair: Pair, y: float, most: float, reach: float) -> float:
    x, room = grid.left(position) + INSET, grid.room
    if pair.what:
        y = sheet.paragraph(pair.what, x, y, room, size=theme.SMALL, lines=3)
    y = dumbbell(
        sheet, (pair.first, pair.second), x, y, room, most=most, clear=pair.clear, target=pair.target
    )
    for second, (share, of) in enumerate(((pair.first, pair.first_of), (pair.second, pair.second_of))):
        text = fit(f"{value(pair, share)} of {number(of)}", room - 12, theme.SMALL)
        side_name(sheet, text, x, y + theme.SMALL, second=bool(second), clear=pair.clear, size=theme.SMALL)
        y += theme.LINE * theme.SMALL
    y = interval(
        sheet, (pair.difference, pair.lower, pair.upper), x, y + 2, room, reach=reach, clear=pair.clear
    )
    colour = theme.INK if pair.clear else theme.MUTED
    return sheet.paragraph(signed(pair), x, y, room, size=theme.SMALL, colour=colour, bold=pair.clear)


def _tip(view: DifferenceView, pair: Pair) -> str:
    first, second = view.sides
    tested = known(pair.q)
    sure = "clear" if pair.clear else "may well be chance" if tested else "too few customers to test"
    q = f", q {pair.q:.2g}" if tested else ""
    what = f"{pair.stage}, {pair.what}" if pair.what else pair.stage
    return (
        f"{what}: {name(first['group'])} {value(pair, pair.first)} of {number(pair.first_of)}, "
        f"{name(second['group'])} {value(pair, pair.second)} of {number(pair.second_of)}; {signed(pair)}, "
        f"{sure}{q}"
    )


def _what_they_do(sheet: Sheet, grid: Grid, view: DifferenceView, y: float) -> float:
    """Draw a lane a channel with the touchpoint of each stage whose share differs most."""
    drawn = [pair for pair in view.pairs if pair.band == DOES]
    if not drawn:
        return y
    most = _most(drawn)
    explained = f"share with it, 0 to {percent(most)}; of a channel and stage the one that differs most"
    side = band_name(sheet, y, "What they do", explained, room=GUTTER - 54)
    top = y + 8
    for channel in _channels(view, drawn):
        own = [pair for pair in drawn if pair.channel == channel]
        top = _lane(sheet, grid, view, own, channel, most, top)
    if view.quiet:
        text = f"Not drawn, since nothing there is clear: {', '.join(map(name, view.quiet))}"
        room = sheet.width - theme.MARGIN - grid.left(0) - 10
        top = sheet.paragraph(text, grid.left(0) + 5, top, room, size=theme.SMALL, colour=theme.MUTED)
    return max(side, top) + 6


def _channels(view: DifferenceView, drawn: list[Pair]) -> list[str]:
    """Order channels by the stage where they first play a part, then by how much they differ there."""
    order = {stage: place for place, stage in enumerate(view.stages)}
    first: dict[str, tuple[bool, int, float, str]] = {}
    for pair in drawn:
        apart = -abs(pair.difference) if known(pair.difference) else 0.0
        key = (pair.channel == NO_CHANNEL, order.get(pair.stage, 99), apart, pair.channel)
        first[pair.channel] = min(first.get(pair.channel, key), key)
    return sorted(first, key=lambda channel: first[channel])


def _lane(
    sheet: Sheet, grid: Grid, view: DifferenceView, pairs: list[Pair], channel: str, most: float, top: float
) -> float:
    texts = {pair: wrap(pair.what, grid.room, theme.SMALL, lines=2) for pair in pairs}
    lines = max(len(text) for text in texts.values())
    high = 4 + lines * theme.LINE * theme.SMALL + 12 + theme.LINE * theme.SMALL + 2
    sheet.area(
        [(grid.left(0), top), (sheet.width - theme.MARGIN, top), (sheet.width - theme.MARGIN, top + high),
         (grid.left(0), top + high)], theme.LANE, z=0.4,
    )  # fmt: skip
    label = wrap(name(channel), 44, theme.BODY, lines=2)
    sheet.lines(label, grid.left(0) - 6, top + 3, colour=theme.MUTED, align="right")
    for pair in pairs:
        position = view.stages.index(pair.stage)
        x = grid.left(position) + INSET
        with sheet.mark(_tip(view, pair), stage=pair.stage, channel=channel):
            y = sheet.lines(texts[pair], x, top + 2, size=theme.SMALL, bold=pair.clear)
            y = dumbbell(sheet, (pair.first, pair.second), x, y, grid.room, most=most, clear=pair.clear)
            baseline = y + theme.SMALL
            at = x
            for second, share in enumerate((pair.first, pair.second)):
                end = side_name(
                    sheet, value(pair, share), at, baseline, second=bool(second), clear=pair.clear,
                    size=theme.SMALL, colour=theme.INK if pair.clear else theme.MUTED,
                )  # fmt: skip
                at = end + 6
    return top + high + 3


# words ----------------------------------------------------------------------------------------------------


def _told(sheet: Sheet, view: DifferenceView, y: float) -> float:
    explained = "the surest differences first: by the limit nearest to none"
    side = band_name(sheet, y, "What differs most", explained)
    x, room = theme.MARGIN + GUTTER + 5, sheet.width - 2 * theme.MARGIN - GUTTER - 10
    top = y + 8
    for rank, sentence in enumerate(view.told, 1):
        top = sheet.paragraph(f"{rank}. {sentence}", x, top, room) + 2
    if not view.told:
        top = sheet.paragraph(_nothing(view), x, top, room)
    if view.untold:
        text = f"and {number(view.untold)} more, in the table of findings"
        top = sheet.paragraph(text, x, top, room, size=theme.SMALL, colour=theme.MUTED)
    return max(side, top) + 6


def _foot(sheet: Sheet, view: DifferenceView, y: float) -> float:
    sheet.rule(y)
    first, second = (name(side["group"]) for side in view.sides)
    y += 6
    at = side_name(
        sheet, f"filled: the difference is clear ({_meaning(view)})",
        theme.MARGIN, y + theme.SMALL, second=False, clear=True, size=theme.SMALL, colour=theme.MUTED,
    )  # fmt: skip
    side_name(
        sheet, _hollow(view), at + 12, y + theme.SMALL, second=True, clear=False,
        size=theme.SMALL, colour=theme.MUTED,
    )  # fmt: skip
    y += theme.LINE * theme.SMALL
    text = (
        f"Differences are {second} less {first}, with 95 % limits that allow for customers with several "
        "journeys. They are associations: who is on a side may differ in other ways too."
    )
    y = sheet.paragraph(
        text, theme.MARGIN, y, sheet.width - 2 * theme.MARGIN, size=theme.SMALL, colour=theme.MUTED
    )
    for note in view.notes:
        y = sheet.paragraph(
            note, theme.MARGIN, y, sheet.width - 2 * theme.MARGIN, size=theme.SMALL, colour=theme.MUTED
        )
    return y
