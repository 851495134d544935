"""The identifiers that customers leave in each system; one text a customer, never one an event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cjmining.simulate.draws import Bools, Draws

if TYPE_CHECKING:
    from collections.abc import Iterable

Texts = npt.NDArray[np.object_]

FIRST_NAMES = (
    "anna",
    "ben",
    "clara",
    "david",
    "emma",
    "felix",
    "greta",
    "hannes",
    "ida",
    "jonas",
    "klara",
    "leo",
)
LAST_NAMES = (
    "ahrens",
    "brandt",
    "clausen",
    "dietz",
    "evers",
    "frank",
    "gerdes",
    "hansen",
    "jansen",
    "kruse",
    "lorenz",
)
DOMAINS = ("example.com", "example.org", "example.net")
RESERVED_NUMBERS = "+493023125"
"""Numbers in Berlin that are reserved for film and radio, so that nobody has them."""
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


@dataclass(frozen=True)
class Identifiers:
    """One entry a customer; `second_email` is empty where there is none.

    Phone numbers are in E.164; `cookies` has a column for each kind of device: desktop, mobile, tablet, app.
    """

    user_id: Texts
    first_name: Texts
    last_name: Texts
    email: Texts
    second_email: Texts
    phone: Texts
    loyalty: Texts
    contact: Texts
    account: Texts
    cookies: Texts


def identifiers(seed: int, n: int) -> Identifiers:
    """Make the identifiers of n customers."""
    draws = Draws(seed, n)
    numbers = range(n)
    first = _picked(draws, "first name", FIRST_NAMES)
    last = _picked(draws, "last name", LAST_NAMES)
    domain = _picked(draws, "domain", DOMAINS)
    width = max(6, len(str(n - 1)))
    second = draws.happens("second address", 0.08)
    return Identifiers(
        user_id=_texts(f"C{100_000 + c}" for c in numbers),
        first_name=_texts(name.title() for name in first),
        last_name=_texts(name.title() for name in last),
        email=_texts(f"{a}.{b}{c}@{d}" for a, b, c, d in zip(first, last, numbers, domain, strict=True)),
        second_email=_texts(
            f"{a}{c}@mail.example.org" if s else "" for a, c, s in zip(first, numbers, second, strict=True)
        ),
        phone=_texts(f"{RESERVED_NUMBERS}{c:0{width}d}" for c in numbers),
        loyalty=_texts(f"L{c:08d}" for c in numbers),
        contact=_texts(salesforce_id("003", c) for c in numbers),
        account=_texts(salesforce_id("001", c) for c in numbers),
        cookies=_texts(
            f"{(c * 4 + device + 1) * 2_654_435_761 % 2_147_483_647}.{1_700_000_000 + c * 7 + device}"
            for c in numbers
            for device in range(4)
        ).reshape(n, 4),
    )


def _texts(values: Iterable[str]) -> Texts:
    return np.array(list(values), dtype=object)


def _picked(draws: Draws, mechanism: str, words: tuple[str, ...]) -> list[str]:
    chosen = (draws.uniform(mechanism) * len(words)).astype(int)
    return [words[i] for i in chosen.tolist()]


def salesforce_id(prefix: str, number: int) -> str:
    """Return an id of 18 characters: an object's prefix, a number, and the suffix that guards its case.

    Examples
    --------
    >>> salesforce_id("003", 0)
    '0035g0000000000AAA'
    """
    digits = ""
    for _ in range(5):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    short = f"{prefix}5g00000{digits}"
    return short + "".join(_suffix(short[start : start + 5]) for start in (0, 5, 10))


def _suffix(part: str) -> str:
    return _SUFFIX[sum(1 << place for place, letter in enumerate(part) if letter.isupper())]


@dataclass
class Sightings:
    """Which identifiers of whom occur in the exports: the truth for identity resolution."""

    found: set[tuple[int, str, str]] = field(default_factory=set)

    def add(self, kind: str, customers: npt.NDArray[np.int64], values: Iterable[str]) -> None:
        """Note that these values were written, each for its customer; empty ones were not."""
        pairs = zip(customers.tolist(), values, strict=True)
        self.found.update((customer, kind, value) for customer, value in pairs if value)

    def by_customer(self, n: int) -> list[list[list[str]]]:
        """Return each customer's identifiers as [kind, value]."""
        listed: list[list[list[str]]] = [[] for _ in range(n)]
        for customer, kind, value in sorted(self.found):
            listed[customer].append([kind, value])
        return listed


def share(seed: int, n: int, mechanism: str, part: float) -> Bools:
    """Return which customers a property of the exports holds for."""
    return Draws(seed, n).happens(mechanism, part)
