"""Who the customers are, before they do anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cjmining.simulate.draws import Bools, Draws

if TYPE_CHECKING:
    from cjmining.simulate.settings import Settings

REGIONS = ("North", "East", "South", "West", "Islands")
ISLANDS = REGIONS.index("Islands")


@dataclass(frozen=True)
class People:
    """One entry a customer.

    Attributes
    ----------
    persona : int8 array
        Code of the persona in the settings.
    birth_year : int16 array
    region : int8 array
        Code in `REGIONS`.
    subscriber, loyalty, dead_address, prefetches : bool arrays
        Has the newsletter, a loyalty card, an address that bounces, a mail program that opens everything.
    """

    persona: npt.NDArray[np.int8]
    birth_year: npt.NDArray[np.int16]
    region: npt.NDArray[np.int8]
    subscriber: Bools
    loyalty: Bools
    dead_address: Bools
    prefetches: Bools

    def __len__(self) -> int:
        return len(self.persona)


def people(settings: Settings) -> People:
    """Draw the customers of a shop."""
    draws = Draws(settings.seed, settings.customers)
    upper = np.cumsum([each.share for each in settings.personas])
    found = np.searchsorted(upper / upper[-1], draws.uniform("persona"), side="right")
    persona: npt.NDArray[np.int8] = np.minimum(found, len(settings.personas) - 1).astype(np.int8)
    return People(
        persona=persona,
        birth_year=_birth_years(settings, persona, draws),
        region=_regions(settings, persona, draws),
        subscriber=draws.happens("subscriber", settings.subscribers),
        loyalty=draws.happens("loyalty", settings.loyalty),
        dead_address=draws.happens("dead address", settings.dead_addresses),
        prefetches=draws.happens("prefetches", settings.machine_opens),
    )


def _birth_years(settings: Settings, persona: npt.NDArray[np.int8], draws: Draws) -> npt.NDArray[np.int16]:
    born = np.array([each.born for each in settings.personas])[persona]
    years = born[:, 1] - born[:, 0] + 1
    year: npt.NDArray[np.int16] = (born[:, 0] + np.floor(draws.uniform("birth year") * years)).astype(
        np.int16
    )
    return year


def _regions(settings: Settings, persona: npt.NDArray[np.int8], draws: Draws) -> npt.NDArray[np.int8]:
    region = np.floor(draws.uniform("region") * ISLANDS).astype(np.int8)
    if "Islanders" in settings.persona_names:
        region[persona == settings.persona_names.index("Islanders")] = ISLANDS
    return region
