"""The journey map: the intended journey as columns, what customers really did drawn into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.plot import theme
from cjmining.plot.choose import ALL, chosen, expect_check, significant
from cjmining.plot.map_bands import feelings, pains, to_do, what_they_do
from cjmining.plot.map_promises import what_we_promised
from cjmining.plot.map_ribbon import who_stays
from cjmining.plot.map_view import MapView, view_of
from cjmining.plot.sheet import Sheet
from cjmining.plot.text import width, wrap
from cjmining.plot.words import days, duration, known, name, number, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cjmining.conformance import Conformance


def journey_map(
    check: Conformance, *, persona: str | None = None, dark: bool = False, ax: Axes | None = None
) -> Axes:
    """Draw the journey that customers really took on the map of the intended one.

    From top to bottom: the outcomes; the stages; who stays and who leaves; what customers do, by channel;
    what they feel; what we promised; where it hurts; what to do. A persona is drawn on its own map where it
    overrides stages. Every number is one of the result's tables.

    Parameters
    ----------
    check : Conformance
        What `cj.check` returned.
    persona : str, optional
        One of ``check.groups``; default is everybody.
    dark : bool
        Whether to draw for dark paper.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; the map is scaled to them. Default is a new figure of the map's own size.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; ``ax.figure`` is the figure. In a notebook they show themselves.

    Raises
    ------
    LogError
        If `check` is not the result of a check, or has no such persona.

    Notes
    -----
    A NaN in place of a stage's `entered`, a touchpoint's `journeys` or a promise's `measured` says that the
    number is withheld because it is small; the map then says "few".

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(100)
    >>> intended = parse_map(shop.intended_text)
    >>> log = shop.log.split(intended).with_personas(intended)
    >>> ax = cj.plot.journey_map(cj.check(log, intended, by="persona"), persona="Gen Z")
    >>> ax.get_label()
    'Journey map: Online purchase: Gen Z'
    >>> ax.figure.savefig("gen_z.png")  # doctest: +SKIP
    """
    return journey_map_sheet(check, persona=persona).drawn_on(ax, dark=dark)


def journey_map_sheet(check: Conformance, *, persona: str | None = None) -> Sheet:
    """Lay out the journey map."""
    expect_check(check, "cj.plot.journey_map")
    result, group = chosen(check, persona)
    view = view_of(result, group)
    sheet = Sheet(width=view.width)
    y = _title(sheet, view)
    bands = (_stages, who_stays, what_they_do, feelings, what_we_promised, pains, to_do, _footnote)
    for band in bands:
        y = band(sheet, view, y)
    sheet.height = y
    return sheet


def _title(sheet: Sheet, view: MapView) -> float:
    outcomes_left = _outcomes(sheet, view)
    who = "" if view.group == ALL else f": {name(view.group)}"
    sheet.title = f"Journey map: {view.intended.name}{who}"
    room = outcomes_left - theme.MARGIN - 20
    y = sheet.paragraph(
        f"{view.intended.name}{who}", theme.MARGIN, 16, room, size=theme.TITLE, bold=True, lines=2
    )
    facts = [
        plural(view.outcomes["journeys"], "journey"),
        f"by {plural(view.outcomes['customers'], 'customer')}",
    ]
    y = sheet.paragraph(
        ", ".join([" ".join(facts), view.period] if view.period else [" ".join(facts)]),
        theme.MARGIN,
        y + 1,
        room,
        size=10,
        colour=theme.MUTED,
    )
    y = max(y, 62.0)
    for persona in view.intended.personas:
        if persona.persona == view.group and persona.needs:
            needs = "Needs: " + "; ".join(persona.needs)
            y = sheet.paragraph(
                needs, theme.MARGIN, y + 2, sheet.width - 2 * theme.MARGIN, lines=2, colour=theme.MUTED
            )
    return y + 10


def _outcomes(sheet: Sheet, view: MapView) -> float:
    """Write the four outcomes from right to left; return where they begin."""
    right = sheet.width - theme.MARGIN
    labels = {
        "open": "still open",
        "turned_away": "turned away",
        "dropped": "dropped out",
        "converted": "converted",
    }
    for outcome, label in labels.items():
        figure = number(view.outcomes[outcome])
        wide = max(width(figure, theme.FIGURE, bold=True), width(label, theme.BODY), 64.0)
        colour = theme.OUTCOME[outcome.replace("_", " ")]
        sheet.write(figure, right - wide, 36, size=theme.FIGURE, colour=colour, bold=True)
        sheet.write(label, right - wide, 51, colour=theme.MUTED)
        right -= wide + 22
    return right + 22


def _stages(sheet: Sheet, view: MapView, y: float) -> float:
    """The heads of the columns, as chevrons that point along the journey."""
    names = [wrap(name(row["stage"]), view.room - 14, theme.HEAD, bold=True, lines=2) for row in view.stages]
    name_lines = max(map(len, names), default=1)
    high = 12 + name_lines * theme.LINE * theme.HEAD + 3 * theme.LINE * theme.BODY
    for position, row in enumerate(view.stages):
        left = view.left(position)
        sheet.area(_chevron(left, y, view.column - 4, high, first=position == 0), theme.PANEL)
        x, room = left + 12, view.room - 12
        top = sheet.lines(names[position], x, y + 5, size=theme.HEAD, bold=True)
        stage = view.intended.stages[position]
        sheet.paragraph(stage.owner or "", x, top, room, lines=1, colour=theme.MUTED)
        top = y + 5 + name_lines * theme.LINE * theme.HEAD + theme.LINE * theme.BODY
        sheet.paragraph(f"{'few' if row['few'] else number(row['entered'])} entered", x, top, room, lines=1)
        if known(row["median_s"]):
            top += theme.LINE * theme.BODY
            sheet.paragraph(f"median {duration(row['median_s'])}", x, top, room, lines=1, colour=theme.MUTED)
    return y + high + 12


def _chevron(left: float, top: float, wide: float, high: float, *, first: bool) -> list[tuple[float, float]]:
    tip, middle, right, bottom = 8.0, top + high / 2, left + wide, top + high
    notch = [] if first else [(left + tip, middle)]
    return [(left, top), (right - tip, top), (right, middle), (right - tip, bottom), (left, bottom), *notch]


def _footnote(sheet: Sheet, view: MapView, y: float) -> float:
    """What the words on the map mean."""
    patience_us = view.intended.patience_us
    silence = f" or silent for {days(patience_us / 1e6)}" if patience_us >= 0 else ""
    own = " (some stages have their own)" if silence and _own_patience(view) else ""
    parts = [
        "Entered: journeys that reached the stage; each ends in one and continued from the others.",
        f"Dropped out: the customer left by an exit{silence}{own}.",
        "Turned away: ended by the company. Still open: none of these yet when the data end.",
        f"Shares: journeys that dropped out in the stage within {view.horizon} of entering it,",
        "of those that entered early enough to know, with 95 % limits (Wilson).",
        "Discs: journeys that used the touchpoint on that channel; outlined: planned, seen by nobody or few.",
        "Satisfaction: mean from 0 to 1 of those who answered; dashed: emotion intended at a touchpoint.",
        *(_ON_PROMISES if view.promises else ()),
        *(_ON_DEVIATIONS if any(map(significant, view.deviations)) else ()),
        "Value at risk: if those who left at the place had gone on to convert like those who stayed.",
    ]
    sheet.rule(y)
    y = sheet.paragraph(
        " ".join(parts),
        theme.MARGIN,
        y + 6,
        sheet.width - 2 * theme.MARGIN,
        size=theme.SMALL,
        colour=theme.MUTED,
    )
    return y + 12


_ON_PROMISES = (
    "Promises: of the times measured, the share at which they were kept, with 95 % limits; broken: the",
    "limits lie below the share promised, or one promised to everyone was not kept each time.",
)
_ON_DEVIATIONS = (
    "Converted with a deviation, and others: of journeys that came as far and began early enough to know; an",
    "association, not its effect.",
)


def _own_patience(view: MapView) -> bool:
    return any(stage.patience is not None for stage in view.intended.stages)
