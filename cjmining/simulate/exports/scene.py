"""What all exports are written from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cjmining.simulate.comments import Comments, comments
from cjmining.simulate.identifiers import Identifiers, Sightings, share
from cjmining.simulate.log import source_codes
from cjmining.simulate.settings import PERIOD_S
from cjmining.simulate.steps import CODE, SOURCES

if TYPE_CHECKING:
    from pathlib import Path

    from cjmining.simulate.dirt import Dirt
    from cjmining.simulate.draws import Bools
    from cjmining.simulate.journeys import Events, World
    from cjmining.simulate.known import Known


@dataclass(frozen=True)
class Scene:
    """The world, who is who in it, and where its exports, sightings and dirt go."""

    world: World
    known: Known
    identifiers: Identifiers
    sightings: Sightings
    dirt: Dirt
    folder: Path

    @property
    def events(self) -> Events:
        """All events."""
        return self.world.events

    def of_source(self, name: str) -> npt.NDArray[np.intp]:
        """Return the rows of the events that a source recorded."""
        return np.flatnonzero(self.sources == SOURCES.index(name))

    @cached_property
    def sources(self) -> npt.NDArray[np.int64]:
        """The source of each event."""
        return source_codes(self.events)

    @cached_property
    def comments(self) -> Comments:
        """What was written beside the answers of the survey, in their order."""
        return comments(self.world, self.of_source("survey"), self.identifiers)

    @cached_property
    def contacts(self) -> Bools:
        """Which customers the CRM knows: those seen anywhere but on the web, and those who ordered."""
        seen = np.zeros(self.world.settings.customers, dtype=np.bool_)
        web = self.sources == SOURCES.index("web")
        seen[self.events.customer[~web | (self.events.step == CODE["order_placed"])]] = True
        return seen

    @cached_property
    def first_seen(self) -> npt.NDArray[np.int64]:
        """When each customer was first seen."""
        first = np.full(self.world.settings.customers, PERIOD_S, dtype=np.int64)
        np.minimum.at(first, self.events.customer, self.events.time)
        return first

    def holds(self, mechanism: str, part: float) -> Bools:
        """Return which customers a property of the exports holds for."""
        return share(self.world.settings.seed, self.world.settings.customers, mechanism, part)

    @cached_property
    def phone_in_crm(self) -> Bools:
        """Whose phone number the CRM has."""
        return self.holds("phone in crm", 0.85)

    @cached_property
    def order_numbers(self) -> npt.NDArray[np.int64]:
        """The number of each journey's order."""
        return 1_000_000 + np.arange(len(self.world.journeys), dtype=np.int64)
