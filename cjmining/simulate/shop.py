"""The simulated shop: a log in memory, its truth, and its native exports."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjmining import asked
from cjmining.simulate import truth as truths
from cjmining.simulate.deviations import deviation_truth, undecided_events
from cjmining.simulate.journeys import World, world
from cjmining.simulate.known import Known, known
from cjmining.simulate.log import build_log
from cjmining.simulate.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from cjmining.log import JourneyLog


@dataclass(frozen=True, eq=False, repr=False)
class Shop:
    """A simulated shop whose truth is known.

    Attributes
    ----------
    settings : Settings
        What it was made from.
    log : JourneyLog
        Everything that happened up to the end of the data, labelled; made on first use.
    truth : dict
        ``settings`` and ``sizes`` as plain values, and as pandas DataFrames ``customers`` (customer, persona,
        persona_known, ...) and ``journeys``: customer, attempt, persona, begins, device, channel, start, end,
        last_own (last event by the customer), outcome, decided_at, left_at (NaT unless dropped),
        left_because, place, place_stage, parcel_on_its_way, quick_return, and a bool column for each planted
        thing (slow, hit_by_fault, left_by_fault, long_wait, missing, out_of_order, failed, repeated,
        wrong_channel, late, slow_parcel, bounced, undated, in_skipped_hour, unsubscribed).
    deviations : pandas.DataFrame
        What truly differed from the map, a row each: customer, attempt, type, stage, touchpoint, at, event
        (row in the log), observable, cut_short; see `simulate.deviations`.
    undecided : numpy.ndarray of bool
        For each event of the log whether its journey is one of those few of which nobody knows what it should
        have looked like: two attempts that run into one at the checkout.
    event_journey : numpy.ndarray of int64
        For each event of the log the row of its journey in ``truth["journeys"]``; -1 for newsletters, which
        belong to none.
    """

    settings: Settings

    @cached_property
    def log(self) -> JourneyLog:
        """The log in memory."""
        return build_log(self.world, self.known)

    @cached_property
    def world(self) -> World:
        """Everything that happened, as arrays."""
        return world(self.settings)

    @cached_property
    def known(self) -> Known:
        """What the customer list knows."""
        return known(self.world)

    @cached_property
    def truth(self) -> dict[str, Any]:
        """What is true."""
        return {
            "settings": truths.settings_truth(self.world),
            "sizes": truths.sizes(self.world, self.known),
            "customers": truths.customer_truth(self.world, self.known),
            "journeys": truths.journey_truth(self.world),
        }

    @cached_property
    def deviations(self) -> pd.DataFrame:
        """What truly differed from the map."""
        return deviation_truth(self.world)

    @cached_property
    def undecided(self) -> npt.NDArray[np.bool_]:
        """For each event of the log whether `deviations` can't judge its journey."""
        return undecided_events(self.world)

    @property
    def event_journey(self) -> npt.NDArray[np.int64]:
        """The row of each event's journey in the truth."""
        return self.world.events.journey

    @property
    def intended_text(self) -> str:
        """The shop's intended map, YAML."""
        return text("intended.yaml")

    @property
    def labels_text(self) -> str:
        """What the systems' events mean, YAML."""
        return text("labels.yaml")

    def write(self, folder: str | Path) -> Path:
        """Write the native exports with map, labels, study and truth into a folder, and return it.

        Parameters
        ----------
        folder : path
            Made where it does not exist; files of an earlier run are replaced.
        """
        from cjmining.simulate.exports import write_exports

        return write_exports(self.world, self.known, Path(folder))

    def __repr__(self) -> str:
        fault = "with a checkout fault" if self.settings.fault else "without a fault"
        return f"Shop({self.settings.customers:,} customers, seed {self.settings.seed}, {fault})"


def text(name: str) -> str:
    """Return a text that belongs to the shop: its map, labels or study."""
    return (resources.files("cjmining.simulate") / "texts" / name).read_text(encoding="utf-8")


def shop(customers: int = 2000, *, seed: int = 7, **settings: Any) -> Shop:  # noqa: ANN401 -- fields of Settings
    """Simulate a shop whose customers, troubles and drop-outs are known.

    Parameters
    ----------
    customers : int, default 2000
        How many, 1 to some millions; about 1.2 journeys and 13 events each.
    seed : int, default 7
        The same seed gives the same shop. Each mechanism draws from its own stream: with ``fault=None`` all
        customers behave as before, but for the fault.
    **settings
        Any field of `Settings`: ``fault``, ``personas``, ``long_waits``, ``stray``, ``clean``, ...

    Returns
    -------
    Shop

    Raises
    ------
    LogError
        If `customers` or `seed` is no whole number, or is below 1 or 0.
    TypeError
        If `Settings` has no such field.

    Examples
    --------
    >>> import cjmining as cj
    >>> shop = cj.simulate.shop(200, seed=1)
    >>> shop.log.n_customers
    200
    >>> sorted(shop.truth["sizes"]["outcomes"])
    ['converted', 'dropped', 'open', 'turned away']
    """
    return Shop(_settings(customers, seed, settings))


def null_shop(customers: int = 2000, *, seed: int = 7, **settings: Any) -> Shop:  # noqa: ANN401 -- as above
    """Simulate a shop of the same size in which nothing is planted: all personas behave alike.

    Parameters
    ----------
    customers, seed, **settings
        As in `shop`; what would plant something is switched off.

    Returns
    -------
    Shop

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.simulate.null_shop(200).truth["sizes"]["stray_events"]
    0
    """
    return Shop(_settings(customers, seed, settings).without_plants())


def _settings(customers: int, seed: int, given: dict[str, Any]) -> Settings:
    from cjmining.errors import nearest

    names = [column.name for column in fields(Settings)]
    for name in given:
        if name not in names:
            raise TypeError(f"a shop has no setting {name!r}{nearest(name, names)}")
    made = Settings(customers=asked.whole("customers", customers), seed=asked.seed(seed))
    return replace(made, **given)
