"""What the shop's customer list knows of its customers: not everybody, and not everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.simulate.draws import Bools, Draws
from cjmining.simulate.people import ISLANDS
from cjmining.simulate.steps import CODE, STEPS

if TYPE_CHECKING:
    from cjmining.simulate.journeys import World


class Known(NamedTuple):
    """One entry a customer.

    Attributes
    ----------
    guest : bool array
        Seen on the web alone, never logged in.
    listed : bool array
        In `customers.csv`.
    birth_year : bool array
        Listed with a year of birth.
    """

    guest: Bools
    listed: Bools
    birth_year: Bools


def known(world: World) -> Known:
    """Say what the customer list knows."""
    settings, events = world.settings, world.events
    draws = Draws(settings.seed, settings.customers)
    web = np.array([step.source == "web" for step in STEPS])
    elsewhere = np.zeros(settings.customers, dtype=np.bool_)
    elsewhere[events.customer[~web[events.step] | (events.step == CODE["order_placed"])]] = True
    guest = ~elsewhere & draws.happens("guest", settings.guests)
    listed = ~guest & ~draws.happens("unlisted", settings.unlisted)
    return Known(guest, listed, listed & ~draws.happens("birth year missing", settings.birth_year_missing))


def personas_known(world: World, seen: Known) -> list[str]:
    """Return the persona that the map's rules give each customer, by what is known of them."""
    names = np.array([*world.settings.persona_names, "unknown"], dtype=object)
    told = seen.birth_year | (seen.listed & (world.people.region == ISLANDS))
    codes = np.where(told, world.people.persona, len(names) - 1)
    found: list[str] = names[codes].tolist()
    return found
