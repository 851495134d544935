"""Customers who live in twos: one tablet, one computer and one telephone for both."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cjmining.simulate.behaviour import DEVICES
from cjmining.simulate.draws import Draws

if TYPE_CHECKING:
    from cjmining.simulate.draws import Bools
    from cjmining.simulate.identifiers import Identifiers
    from cjmining.simulate.settings import Settings

SHARED_DEVICES = ("desktop", "tablet")


def in_households(names: Identifiers, settings: Settings, guest: Bools) -> Identifiers:
    """Return the identifiers of customers of whom some share devices and a telephone.

    Only those who log in somewhere: who never does can't be told from who lives with them by anybody.
    """
    first = first_of_households(settings, guest)
    if not len(first):
        return names
    second = first + 1
    cookies, phone = names.cookies.copy(), names.phone.copy()
    for device in SHARED_DEVICES:
        cookies[second, DEVICES.index(device)] = cookies[first, DEVICES.index(device)]
    phone[second] = phone[first]
    return replace(names, cookies=cookies, phone=phone)


def first_of_households(settings: Settings, guest: Bools) -> npt.NDArray[np.intp]:
    """Return the first of the two customers of each household; the other one is the next."""
    if not settings.households:
        return np.empty(0, np.intp)
    n = settings.customers
    shares = Draws(settings.seed, n).happens("household", settings.households)[: n - n % 2 : 2]
    both = ~guest[: n - n % 2].reshape(-1, 2).any(axis=1)
    first: npt.NDArray[np.intp] = 2 * np.flatnonzero(shares & both)
    return first
