"""The numbers of the journey map: everything that it says, band by band, as one long table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.plot.map_hurts import words_told
from cjmining.plot.map_told import (
    Told,
    before_the_map,
    doing,
    feelings_told,
    head,
    joining,
    leaving,
    loop,
    loops,
    stage_head,
)
from cjmining.plot.map_view import chosen_view, spoken

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from cjmining.conformance import Conformance
    from cjmining.discovery import Discovery
    from cjmining.dropout.drivers import Drivers
    from cjmining.dropout.scan import DropOutScan
    from cjmining.plot.map_view import MapView


def journey_map(
    check: Conformance,
    *,
    persona: str | None = None,
    found: Discovery | None = None,
    why: Sequence[Drivers] = (),
    places: DropOutScan | None = None,
    verbatims: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return everything that the journey map shows, as a table.

    Parameters
    ----------
    check, persona, found, why, places, verbatims
        As for `cj.plot.journey_map`.

    Returns
    -------
    pandas.DataFrame
        One row a number or a note on the map, from top to bottom: band (Title, Outcomes, Stages, Who stays,
        What they do, What they feel, What we promised, Where it hurts, What to do), stage ("" for the whole
        map), what (it is), channel ("" for none), value with its limits lower and upper, of (its denominator:
        journeys, or answers, times measured, comments), said (as the map writes it; "" where it is drawn
        only, as a curve or a place). NaN where there is no number, or it is withheld.

    Raises
    ------
    LogError
        If `check` is not the result of a check, or has no such persona; or if `found` or `why` is something
        else.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(100)
    >>> intended = parse_map(shop.intended_text)
    >>> table = cj.plot.data.journey_map(cj.check(shop.log.split(intended), intended))
    >>> table.loc[table["band"] == "Outcomes", ["what", "value", "of"]].to_numpy().tolist()[:2]
    [['converted', 59.0, 120.0], ['dropped out', 55.0, 120.0]]
    """
    import pandas as pd

    view = chosen_view(
        check, persona=persona, found=found, why=why, places=places, verbatims=spoken(check, verbatims)
    )
    texts = dict.fromkeys(("band", "stage", "what", "said", "channel"), "str")
    numbers = dict.fromkeys(("value", "lower", "upper", "of"), "float")
    table = pd.DataFrame(list(_told(view)), columns=Told._fields).astype({**texts, **numbers})
    return table[["band", "stage", "what", "channel", "value", "lower", "upper", "of", "said"]]


def _told(view: MapView) -> Iterator[Told]:
    yield from head(view)
    for position in range(len(view.stages)):
        yield from stage_head(view, position)
    yield from _staying(view)
    yield from doing(view)
    yield from feelings_told(view)
    yield from words_told(view)


def _staying(view: MapView) -> Iterator[Told]:
    drawn, rest = loops(view)
    yield from (told for told in (before_the_map(view), rest) if told is not None)
    for position in range(len(view.stages)):
        more = joining(view, position)
        if more is not None:
            yield more
        yield from leaving(view, position)
    yield from map(loop, drawn)
