"""The journey map: the intended journey as columns, what customers really did drawn into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.plot import theme
from cjmining.plot.choose import ALL
from cjmining.plot.map_bands import rectangle
from cjmining.plot.map_feelings import feelings
from cjmining.plot.map_lanes import what_they_do
from cjmining.plot.map_promises import what_we_promised
from cjmining.plot.map_ribbon import who_stays
from cjmining.plot.map_told import OUTCOMES, description, head, stage_head
from cjmining.plot.map_view import MapView, chosen_view, spoken
from cjmining.plot.map_words import pains, to_do
from cjmining.plot.sheet import Sheet
from cjmining.plot.text import fit, width, wrap
from cjmining.plot.words import days, name, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from cjmining.conformance import Conformance
    from cjmining.discovery import Discovery
    from cjmining.dropout.drivers import Drivers
    from cjmining.dropout.scan import DropOutScan


def journey_map(
    check: Conformance,
    *,
    persona: str | None = None,
    found: Discovery | None = None,
    why: Sequence[Drivers] = (),
    places: DropOutScan | None = None,
    verbatims: pd.DataFrame | None = None,
    dark: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw the journey that customers really took on the map of the intended one.

    From top to bottom: the outcomes; the stages; who stays and who leaves; what customers do, by channel;
    what they feel; what we promised; where it hurts; what to do. A persona is drawn on its own map where it
    overrides stages. Every number is one of the results' tables; `cj.plot.data.journey_map` lists them.

    Parameters
    ----------
    check : Conformance
        What `cj.check` returned.
    persona : str, optional
        One of ``check.groups``; default is everybody.
    found : Discovery, optional
        ``cj.discover(log, level="touchpoint@channel", ignore=intended.ignore)``, by the same groups for a
        persona: the twelve strongest paths between touchpoints are drawn as curves. Touchpoints planned in
        several stages have none, since a discovery doesn't know the stage.
    why : sequence of Drivers, optional
        What `cj.drivers` returned of the stages, of the journeys that are drawn.
    places : DropOutScan, optional
        What `cj.scan` returned; of a persona those findings are told that are about it.
    verbatims : pandas.DataFrame, optional
        What `check.verbatims` returned; by default they are chosen now where the check has its log. An empty
        table leaves them out.
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
        If `check` is not the result of a check, or has no such persona; or if `found` or `why` is something
        else.

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
    sheet = journey_map_sheet(
        check, persona=persona, found=found, why=why, places=places, verbatims=spoken(check, verbatims)
    )
    return sheet.drawn_on(ax, dark=dark)


def journey_map_sheet(
    check: Conformance,
    *,
    persona: str | None = None,
    found: Discovery | None = None,
    why: Sequence[Drivers] = (),
    places: DropOutScan | None = None,
    verbatims: pd.DataFrame | None = None,
) -> Sheet:
    """Lay out the journey map; verbatims only where they are given."""
    view = chosen_view(check, persona=persona, found=found, why=why, places=places, verbatims=verbatims)
    sheet = Sheet(width=view.width)
    y = top = title(sheet, view, 0.0)
    for band in BANDS:
        y = band(sheet, view, y)
        top = y if band is stages else top
    columns(sheet, view, top, y)
    sheet.height = footnote(sheet, view, y)
    sheet.description = description(view)
    return sheet


def title(sheet: Sheet, view: MapView, y: float) -> float:
    """Write what the map is of, and the four outcomes at the right."""
    outcomes_left = _outcomes(sheet, view, y)
    who = "" if view.group == ALL else f": {name(view.group)}"
    sheet.title = f"Journey map: {view.intended.name}{who}"
    room = outcomes_left - theme.MARGIN - 20
    said = f"{view.intended.name}{who}"
    end = sheet.paragraph(said, theme.MARGIN, y + 15, room, size=theme.TITLE, bold=True, lines=2)
    facts = next(head(view)).said
    end = sheet.paragraph(facts, theme.MARGIN, end + 1, room, size=10, colour=theme.MUTED)
    for persona in view.intended.personas:
        if persona.persona == view.group and persona.needs:
            needs = "Needs: " + "; ".join(persona.needs)
            room = sheet.width - 2 * theme.MARGIN if end > y + 58 else room
            end = sheet.paragraph(needs, theme.MARGIN, end + 1, room, lines=2, colour=theme.MUTED)
    return max(end, y + 66) + 8


def _outcomes(sheet: Sheet, view: MapView, y: float) -> float:
    """Write the four outcomes from right to left; return where they begin."""
    right = sheet.width - theme.MARGIN
    told = [each for each in head(view) if each.band == "Outcomes"]
    for each in reversed(told):
        wide = max(width(each.said, theme.FIGURE, bold=True), width(each.what, theme.BODY), 60.0)
        outcome = {"dropped out": "dropped", "still open": "open"}.get(each.what, each.what)
        with sheet.mark(f"{each.said} of {plural(each.of, 'journey')}: {each.what}"):
            sheet.write(
                each.said, right - wide, y + 35, size=theme.FIGURE, colour=theme.OUTCOME[outcome], bold=True
            )
            sheet.write(each.what, right - wide, y + 50, colour=theme.MUTED)
        right -= wide + 22
    _bar(sheet, view, right + 22, y + 57)
    return right + 22


def _bar(sheet: Sheet, view: MapView, left: float, y: float) -> None:
    """Draw the outcomes as one bar, in the order of the figures above it."""
    total = sum(view.outcomes[key] for key, _ in OUTCOMES)
    room = sheet.width - theme.MARGIN - left
    for key, label in OUTCOMES:
        wide = room * view.outcomes[key] / total if total else 0.0
        if wide:
            fill, edge, hatch = _BAR[label]
            sheet.area(rectangle(left, y, left + wide, y + 6), fill, edge=edge, hatch=hatch)
        left += wide


_BAR = {
    "converted": (theme.CONVERTED, theme.CONVERTED, None),
    "dropped out": (theme.DROPPED, theme.DROPPED, None),
    "turned away": (theme.TURNED_AWAY_FILL, theme.TURNED_AWAY, theme.TURNED_AWAY_HATCH),
    "still open": (theme.OPEN_FILL, theme.OPEN, theme.OPEN_HATCH),
}


def stages(sheet: Sheet, view: MapView, y: float) -> float:
    """Draw the heads of the columns, as chevrons that point along the journey."""
    names = [wrap(name(row["stage"]), view.room - 14, theme.HEAD, bold=True, lines=2) for row in view.stages]
    lines = max(map(len, names), default=1)
    high = 11 + lines * theme.LINE * theme.HEAD + 3 * theme.LINE * theme.SMALL
    for position, row in enumerate(view.stages):
        left, owner = view.left(position), view.intended.stages[position].owner
        with sheet.mark(_about_stage(view, position), stage=row["stage"]):
            sheet.area(_chevron(left, y, view.column - 3, high, first=position == 0), theme.PANEL)
            x, room = left + 13, view.room - 12
            sheet.lines(names[position], x, y + 4, size=theme.HEAD, bold=True)
            top = y + 5 + lines * theme.LINE * theme.HEAD
            sheet.write(fit(owner or "", room, theme.SMALL), x, top + 8, size=theme.SMALL, colour=theme.MUTED)
            entered, *median = [each.said for each in stage_head(view, position)]
            top += theme.LINE * theme.SMALL
            said = f"{entered} entered"
            sheet.write(said if width(said, theme.BODY) <= room else entered, x, top + 8.5)
            top += theme.LINE * theme.SMALL + 1
            sheet.write("".join(median), x, top + 8, size=theme.SMALL, colour=theme.MUTED)
    return y + high + 8


def _about_stage(view: MapView, position: int) -> str:
    stage, row = view.intended.stages[position], view.stages[position]
    entered, *median = [each.said for each in stage_head(view, position)]
    of = f" of {plural(view.outcomes['journeys'], 'journey')}" if not row["few"] else " journeys"
    said = f"{name(stage.stage)}{f' ({stage.owner})' if stage.owner else ''}: {entered}{of} entered"
    said += "".join(f"; {each} until the next stage" for each in median)
    return f"{said}. {stage.motivation}" if stage.motivation else said


def _chevron(left: float, top: float, wide: float, high: float, *, first: bool) -> list[tuple[float, float]]:
    tip, middle, right, bottom = 8.0, top + high / 2, left + wide, top + high
    notch = [] if first else [(left + tip, middle)]
    return [(left, top), (right - tip, top), (right, middle), (right - tip, bottom), (left, bottom), *notch]


BANDS: tuple[Callable[[Sheet, MapView, float], float], ...] = (
    stages,
    who_stays,
    what_they_do,
    feelings,
    what_we_promised,
    pains,
    to_do,
)
"""Each writes its band on the sheet from `y` on, and returns where the next may start."""


def columns(sheet: Sheet, view: MapView, top: float, bottom: float) -> None:
    """Draw faint lines between the stages, for the eye to run down a column."""
    for position in range(1, len(view.stages)):
        x = view.left(position) - 1.5
        sheet.line([(x, top), (x, bottom)], colour=theme.RULE, width=0.5, z=0.6)


def footnote(sheet: Sheet, view: MapView, y: float) -> float:
    """Write what the words on the map mean."""
    patience_us = view.intended.patience_us
    silence = f" or silent for {days(patience_us / 1e6)}" if patience_us >= 0 else ""
    own = " (some stages have their own)" if silence and _own_patience(view) else ""
    parts = [
        f"Dropped out: left by an exit{silence}{own}. Turned away: ended by the company.",
        "Open: none of these yet.",
        "Go on: those whose journey ended in another stage.",
        f"Share lost: of those who entered early enough to know, within {view.horizon}.",
        "Limits are at 95 %.",
        "Dashed: the emotion intended, from very bad (0) to very good (1).",
        *(("Broken: limits below what was promised.",) if view.promises else ()),
        "What goes with leaving or converting is an association, not its effect.",
        "Value at risk: had those lost at the place gone on to convert like the others.",
    ]
    sheet.rule(y)
    room = sheet.width - 2 * theme.MARGIN
    y = sheet.paragraph(" ".join(parts), theme.MARGIN, y + 5, room, size=theme.SMALL, colour=theme.MUTED)
    return y + 10


def _own_patience(view: MapView) -> bool:
    return any(stage.patience is not None for stage in view.intended.stages)
