"""One journey step by step: the planned path above, what happened below, in staves as wide as the page."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from cjmining.plot import theme
from cjmining.plot.choose import expect_story
from cjmining.plot.data.story import Step, steps_of
from cjmining.plot.sheet import Sheet
from cjmining.plot.text import Box, fit, width, wrap
from cjmining.plot.words import name, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from cjmining.conformance.story import Story
    from cjmining.plot.theme import Colour

_COLUMNS = 8
_GUTTER = 66.0
_BAND = 17.0
_RADIUS = 6.0
_SMALL_RADIUS = 3.5
_BETWEEN = 38.0
_PADDING = 4.0
_BESIDE_END = 16.0

_ALIGNED = ("synchronous", "log only", "map only")
_LEGEND = (
    ("as planned", "synchronous", ""),
    ("missing", "map only", "missing"),
    ("not planned there", "log only", "ad hoc"),
    ("failed", "synchronous", "failed"),
    ("ends the journey", "exit", ""),
    ("not compared", "not compared", ""),
)
_LOOKS = {
    "converted": (theme.CONVERTED, theme.CONVERTED, None),
    "dropped": (theme.DROPPED, theme.DROPPED, None),
    "turned away": (theme.TURNED_AWAY, theme.TURNED_AWAY_FILL, theme.TURNED_AWAY_HATCH),
    "open": (theme.OPEN, theme.OPEN_FILL, theme.OPEN_HATCH),
}


def story(story: Story, *, dark: bool = False, ax: Axes | None = None) -> Axes:
    """Draw one journey move by move: what was planned above, what happened below, matched ones connected.

    Parameters
    ----------
    story : Story
        What `check.explain(journey)` returned; `story.moves` has the same as numbers.
    dark : bool
        Whether to draw for dark paper.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; default is a new figure of the picture's own size. Type shrinks with the axes: to be
        read they should be about as large as ``ax.figure.get_size_inches()`` of that one says.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; ``ax.figure`` is the figure, to save it for instance. In a notebook they show themselves.
        `cj.plot.data.story` has its steps.

    Raises
    ------
    LogError
        If `story` is not the story of a journey.

    Notes
    -----
    Steps run from left to right, then on in the next line. Their distance on the page is the same whatever
    the time between them, which stands above the lower line; a dashed line leads to an end that came by the
    passing of time. Of more than 96 steps those in the middle are left out.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(100, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> check = cj.check(shop.log.split(intended), intended)
    >>> ax = cj.plot.story(check.explain(0))
    >>> ax.get_label()
    'Story: journey 0 of customer 0'
    >>> ax.figure.savefig("story.png")  # doctest: +SKIP
    """
    return story_sheet(story).drawn_on(ax, dark=dark)


def story_sheet(story: Story) -> Sheet:
    """Lay out the story."""
    expect_story(story, "cj.plot.story")
    sheet = Sheet(width=theme.PAGE)
    y = _head(sheet, story)
    y = _legend(sheet, y)
    steps = steps_of(story)
    for first in range(0, len(steps), _COLUMNS):
        y = _staff(sheet, story, steps, first, y)
    sheet.height = y
    sheet.description = _description(story, steps)
    return sheet


def _head(sheet: Sheet, story: Story) -> float:
    sheet.title = f"Story: journey {story.journey} of customer {story.customer}"
    persona = f" ({name(story.persona)})" if story.persona else ""
    title = f"Journey {story.journey} of customer {story.customer}{persona}: {story.intended.name}"
    room = sheet.width - 2 * theme.MARGIN
    y = sheet.paragraph(title, theme.MARGIN, 14, room, size=15, bold=True, lines=2)
    return sheet.paragraph(story.ending, theme.MARGIN, y + 2, room, size=10, lines=3) + 14


def _legend(sheet: Sheet, y: float) -> float:
    """Draw a sample of each kind of step with its name."""
    x = theme.MARGIN + _RADIUS
    for text, move, kind in _LEGEND:
        if move == "map only":
            _planned(sheet, x, y, move)
        else:
            _happened(sheet, x, y, move, kind, theme.INK)
        sheet.write(text, x + 12, y + 3, colour=theme.MUTED)
        x += 12 + width(text, theme.BODY) + 24
    return y + 20


# A staff --------------------------------------------------------------------------------------------------


class _Edges(NamedTuple):
    """Whether a path comes from the line before, and goes on in the next."""

    before: bool
    after: bool


def _staff(sheet: Sheet, story: Story, all_steps: Sequence[Step], first: int, y: float) -> float:
    """Draw one line of steps, and return where the next may start."""
    steps = all_steps[first : first + _COLUMNS]
    pitch = (sheet.width - 2 * theme.MARGIN - _GUTTER) / _COLUMNS
    left = theme.MARGIN + _GUTTER
    centres = [left + (column + 0.5) * pitch for column in range(len(steps))]
    _bands(sheet, steps, left, pitch, y)
    above = [_lines_above(step, pitch - 2 * _PADDING) for step in steps]
    upper = y + _BAND + 9 + max(map(len, above)) * theme.LINE * theme.SMALL + _RADIUS
    lower = upper + _BETWEEN
    for label, row, is_on in (("planned", upper, _is_planned), ("happened", lower, _is_event)):
        on_it = [is_on(step) for step in all_steps]
        edges = _Edges(any(on_it[:first]), any(on_it[first + _COLUMNS :]))
        here = on_it[first : first + _COLUMNS]
        if any(here):
            sheet.write(label, theme.MARGIN, row + 3, size=theme.SMALL, colour=theme.MUTED)
        if any(here) or all(edges):
            _path(sheet, centres, here, row, edges=edges)
    bottom = lower
    for column, (step, x, text) in enumerate(zip(steps, centres, above, strict=True)):
        top = upper - _RADIUS - 4 - len(text) * theme.LINE * theme.SMALL
        sheet.lines(text, x, top, size=theme.SMALL, align="center")
        if step.move == "end":
            with sheet.mark(story.ending):
                _silence(sheet, step, x, pitch, lower, first=column == 0)
                bottom = max(bottom, _end(sheet, story, x, pitch, upper, lower))
            continue
        after_end = column > 0 and steps[column - 1].move == "end"
        gap_at = x - (pitch / 2 + _BESIDE_END + _RADIUS) / 2 if after_end else x - pitch / 2
        with sheet.mark(_tip(step), **_about(story, step)):
            bottom = max(bottom, _column(sheet, step, x, gap_at, pitch, upper, lower))
    return bottom + 14


def _silence(sheet: Sheet, step: Step, x: float, pitch: float, y: float, *, first: bool) -> None:
    """Draw the time that passed before the journey was over, where it was."""
    if not step.gap:
        return
    left = theme.MARGIN + _GUTTER - 8 if first else x - pitch + _RADIUS + 2
    right = x - pitch / 2 + 4
    sheet.line([(left, y), (right, y)], colour=theme.MUTED, dashed=True)
    middle = min((left + right) / 2, right - width(step.gap, theme.SMALL) / 2 - 2)
    sheet.write(step.gap, middle, y - 4, size=theme.SMALL, colour=theme.MUTED, align="center")


def _tip(step: Step) -> str:
    """Say of a step what it is, where, how it differs from the plan, and when it happened."""
    if step.move == "cut":
        return step.touchpoint
    said = _SAID.get(step.move, step.move) if not step.kind else step.kind.replace("ad hoc", "not planned")
    parts = [said, *step.broken, *([name(step.channel)] if step.channel else [])]
    if step.moment is not None:
        parts.append(_when(step.moment) + (f", {step.gap[1:]} later" if step.gap else ""))
    return f"{name(step.stage)}, {name(step.touchpoint) or '(no touchpoint)'}: {', '.join(parts)}"


_SAID = {"synchronous": "as planned", "log only": "order unclear", "map only": "not here"}


def _about(story: Story, step: Step) -> dict[str, str]:
    return {"stage": step.stage} if step.stage in story.intended.stage_names else {}


def _description(story: Story, steps: Sequence[Step]) -> str:
    """Say how it ended, and how many steps were as planned, missing, not planned."""
    moves = Counter(step.move for step in steps)
    said = [f"{plural(moves['synchronous'], 'step')} as planned"]
    said += [f"{moves[move]} {what}" for move, what in _COUNTED if moves[move]]
    cut = [step.touchpoint for step in steps if step.move == "cut"]
    return f"{story.ending} {', '.join([*said, *cut])}."


_COUNTED = (("log only", "not planned there"), ("map only", "planned but not done"))


def _bands(sheet: Sheet, steps: Sequence[Step], left: float, pitch: float, y: float) -> None:
    """Draw a band over the steps of a stage, with its name."""
    end = 0
    for stage, run in groupby(step.stage for step in steps):
        first, end = end, end + len(list(run))
        if stage:
            area = Box(left + first * pitch + 1.5, y, left + end * pitch - 1.5, y + _BAND)
            sheet.card(area, theme.PANEL, z=1)
            shown = fit(name(stage), area.right - area.left - 12, theme.BODY, bold=True)
            aside = stage in {"after the end", "(before the map)"}
            sheet.write(
                shown,
                area.left + 6,
                y + 12,
                bold=not aside,
                colour=theme.MUTED if aside else theme.INK,
                italic=aside,
            )


def _lines_above(step: Step, room: float) -> list[str]:
    """Return the planned touchpoint."""
    if not _is_planned(step):
        return []
    return wrap(name(step.touchpoint), room, theme.SMALL, lines=3)


def _path(sheet: Sheet, centres: Sequence[float], on_it: Sequence[bool], y: float, *, edges: _Edges) -> None:
    """Draw a path through the steps on it; it goes on at the edges of the page."""
    at = [x for x, here in zip(centres, on_it, strict=True) if here]
    begin = theme.MARGIN + _GUTTER - 8 if edges.before else min(at, default=0.0)
    end = sheet.width - theme.MARGIN if edges.after else max(at, default=begin)
    if begin < end:
        sheet.line([(begin, y), (end, y)], colour=theme.RIBBON, width=1.6, z=2)


def _column(
    sheet: Sheet, step: Step, x: float, gap_at: float, pitch: float, upper: float, lower: float
) -> float:
    """Draw one step, the time since the one before at `gap_at`; return where it ends below."""
    if step.move == "cut":
        sheet.card(
            Box(x - pitch / 2 + 6, upper - 8, x + pitch / 2 - 6, lower + 8), theme.PAPER, edge=theme.RULE, z=4
        )
        middle = (upper + lower) / 2 - theme.SMALL
        sheet.lines(
            wrap(step.touchpoint, pitch - 20, theme.SMALL),
            x,
            middle,
            size=theme.SMALL,
            align="center",
            italic=True,
        )
        return lower + 8
    muted = step.move not in _ALIGNED and step.move != "exit"
    colour = theme.MUTED if muted else theme.INK
    if _is_planned(step):
        _planned(sheet, x, upper, step.move)
    if step.move == "synchronous":
        sheet.line([(x, upper), (x, lower)], colour=theme.DISC, width=1.4, z=2)
    if step.move != "map only":
        _happened(sheet, x, lower, step.move, step.kind, colour)
    if step.gap:
        sheet.write(step.gap, gap_at, lower - 4, size=theme.SMALL, colour=theme.MUTED, align="center")
    y = lower + _RADIUS + 3
    for text, bold, shade in _below(step, colour):
        lines = wrap(text, pitch - 2 * _PADDING, theme.SMALL, bold=bold, lines=3)
        y = sheet.lines(lines, x, y, size=theme.SMALL, bold=bold, colour=shade, align="center")
    return y


def _below(step: Step, colour: Colour) -> Iterator[tuple[str, bool, Colour]]:
    """Yield the lines below a step: what happened where the plan says nothing, how it differs, when."""
    if step.move == "map only":
        yield ("missing", True, theme.INK) if step.kind else ("not here", False, theme.MUTED)
        return
    if step.move != "synchronous":
        yield name(step.touchpoint) or "(no touchpoint)", False, colour
    for kind in step.kind.split(", ") if step.kind else ():
        yield (
            ("not planned" if kind == "ad hoc" else kind),
            True,
            theme.INK,
        )
    if step.move == "log only" and not step.kind:
        yield "order unclear", False, theme.MUTED
    for said in step.broken:
        yield said, True, theme.INK
    if step.channel:
        yield name(step.channel), False, theme.MUTED
    if step.moment is not None:
        yield _when(step.moment), False, theme.MUTED


def _when(moment: pd.Timestamp) -> str:
    """Write day and time; a date without a time lies at midnight, and is told without."""
    day = f"{moment.day} {moment:%b}"
    return day if moment == moment.normalize() else f"{day}, {moment:%H:%M}"


def _is_planned(step: Step) -> bool:
    return step.move in {"synchronous", "map only"}


def _is_event(step: Step) -> bool:
    return step.moment is not None and step.move != "end"


def _planned(sheet: Sheet, x: float, y: float, move: str) -> None:
    if move == "synchronous":
        sheet.disc(x, y, _RADIUS, theme.DISC, edge=theme.DISC)
    else:
        sheet.disc(x, y, _RADIUS, theme.PAPER, edge=theme.INK, dashed=True)


def _happened(sheet: Sheet, x: float, y: float, move: str, kind: str, colour: Colour) -> None:
    r = _RADIUS
    if move == "synchronous":
        sheet.disc(x, y, r, theme.DISC, edge=theme.DISC)
    elif move == "log only":
        sheet.area(
            [(x, y - r - 1.5), (x + r + 1.5, y), (x, y + r + 1.5), (x - r - 1.5, y)], theme.MODELLED, z=3
        )
    elif move == "exit":
        sheet.area([(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)], theme.INK, z=3)
    else:
        sheet.disc(x, y, _SMALL_RADIUS, theme.PAPER, edge=colour)
    if "failed" in kind.split(", "):
        for slope in (1, -1):
            sheet.line(
                [(x - 3.2, y - 3.2 * slope), (x + 3.2, y + 3.2 * slope)], colour=theme.PAPER, width=2, z=5
            )


def _end(sheet: Sheet, story: Story, x: float, pitch: float, upper: float, lower: float) -> float:
    """Draw the end mark: the outcome, when, and where."""
    colour, fill, hatch = _LOOKS[story.outcome]
    left, right = x - pitch / 2 + 5, x + pitch / 2 - _BESIDE_END
    area = Box(left, upper - _RADIUS - 4, right, lower + _RADIUS + 4)
    sheet.card(area, theme.PAPER, edge=colour, z=4)
    strip = [(left, area.top), (left + 7, area.top), (left + 7, area.bottom), (left, area.bottom)]
    sheet.area(strip, fill, edge=colour, hatch=hatch, z=5)
    room = right - left - 14
    outcome = "still open" if story.outcome == "open" else story.outcome
    when = f"{story.decided_at.day} {story.decided_at:%b %Y}"
    where = (
        []
        if story.outcome == "converted"
        else wrap(f"at {name(story.last_stage)}", room, theme.SMALL, lines=2)
    )
    said = wrap(outcome, room, theme.BODY, bold=True)
    rest = [*wrap(when, room, theme.SMALL, lines=1), *where]
    high = theme.LINE * (len(said) * theme.BODY + len(rest) * theme.SMALL)
    y = (area.top + area.bottom - high) / 2
    y = sheet.lines(said, left + 11, y, size=theme.BODY, bold=True, colour=colour)
    sheet.lines(rest, left + 11, y, size=theme.SMALL)
    return area.bottom
