"""What callers ask for, checked by its name, so that a mistake is told before any work is done."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from cjmining.errors import LogError, nearest, shorten

LONGEST: Final = timedelta(days=36_525)
"""A hundred years: no journey takes longer, and times added to it can still be told."""
LARGEST_SEED: Final = 2**63 - 1


def whole(name: str, value: object, *, least: int = 1, most: int | None = None) -> int:
    """Return a whole number, of Python or numpy, within its limits.

    Examples
    --------
    >>> whole("number", 3)
    3
    >>> whole("number", 2.5)
    Traceback (most recent call last):
        ...
    cjmining.errors.LogError: number is a whole number of at least 1, not 2.5
    """
    found = _index(value)
    if found is None or found < least or (most is not None and found > most):
        limits = f"of at least {least:,}" if most is None else f"from {least:,} to {most:,}"
        raise LogError(f"{name} is a whole number {limits}, not {value!r}")
    return found


def seed(value: object) -> int:
    """Return the number that draws start from.

    Examples
    --------
    >>> seed(7)
    7
    """
    return whole("seed", value, least=0, most=LARGEST_SEED)


def size(name: str, value: object) -> int:
    """Return a number of bytes: a whole number, or a text such as "1GB" or "512 MiB".

    Examples
    --------
    >>> size("memory_limit", "1.5GB"), size("memory_limit", "1 KiB")
    (1500000000, 1024)
    """
    if not isinstance(value, str):
        return whole(name, value)
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?))?b\s*", value.lower())
    if found is None:
        raise LogError(f"{name} is a size such as '1GB' or '512MB', not {value!r}")
    digits, prefix, binary = found.groups()
    found_bytes = int(float(digits) * (1024 if binary else 1000) ** " kmgt".index(prefix or " "))
    if not found_bytes:
        raise LogError(f"{name} is a size of at least one byte, not {value!r}")
    return found_bytes


def number(name: str, value: object, *, least: float, most: float = math.inf) -> float:
    """Return a number within its limits; it may be whole or not, but neither infinite nor missing.

    Examples
    --------
    >>> number("q", 0.05, least=0, most=1)
    0.05
    """
    is_number = isinstance(value, int | float) or hasattr(value, "__float__")
    found = float(value) if is_number and not isinstance(value, bool | str) else math.nan  # type: ignore[arg-type]
    if not (least <= found <= most) or math.isinf(found):
        limits = f"of at least {least:g}" if math.isinf(most) else f"from {least:g} to {most:g}"
        raise LogError(f"{name} is a number {limits}, not {value!r}")
    return found


def yes(name: str, value: object) -> bool:
    """Return a yes or no, of Python or numpy.

    Examples
    --------
    >>> yes("every", True)
    True
    """
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return bool(value)
    raise LogError(f"{name} is True or False, not {value!r}")


def one_of(name: str, value: object, options: Sequence[str]) -> str:
    """Return one of some words.

    Examples
    --------
    >>> one_of("order", "strickt", ["ordered", "strict"])
    Traceback (most recent call last):
        ...
    cjmining.errors.LogError: there is no order 'strickt', did you mean 'strict'? It is one of ordered, strict
    """
    if isinstance(value, str) and value in options:
        return str(value)
    hint = (
        f"{nearest(value, options)} It is"
        if isinstance(value, str) and nearest(value, options)
        else "; it is"
    )
    raise LogError(f"there is no {name} {value!r}{hint} one of {', '.join(options)}")


def texts(name: str, value: object, *, of: str = "names") -> tuple[str, ...]:
    """Return a sequence of texts; a single text is refused, since its letters would be taken for them.

    Examples
    --------
    >>> texts("ignore", ["ping"])
    ('ping',)
    """
    if isinstance(value, str):
        raise LogError(f"{name} is a sequence of {of}: write [{value!r}], not {value!r}")
    if not isinstance(value, Iterable):
        raise LogError(f"{name} is a sequence of {of}, not {value!r}")
    listed = list(value)
    wrong = [each for each in listed if not isinstance(each, str)]
    if wrong:
        raise LogError(
            f"{name} is a sequence of {of}, which are texts; it has {shorten(map(repr, wrong), 3)}"
        )
    return tuple(str(each) for each in listed)


def duration(name: str, value: object, *, least: timedelta = timedelta(0)) -> timedelta:
    """Return a duration written as "2d" or given as a timedelta, at most a hundred years.

    Examples
    --------
    >>> duration("within", "36h")
    datetime.timedelta(days=1, seconds=43200)
    """
    from cjmining.documents import parse_duration  # needs pydantic and yaml, which a log does without

    try:
        found = parse_duration(value)
    except (ValueError, OverflowError) as problem:
        raise LogError(f"{name} is a duration such as '2d' or '30m': {problem}") from problem
    if not least <= found <= LONGEST:
        limits = "at least 0" if not least else f"at least {least}"
        raise LogError(f"{name} is a duration of {limits} and at most a hundred years, not {value!r}")
    return found


def microseconds(length: timedelta) -> int:
    """Return a duration in microseconds.

    Examples
    --------
    >>> microseconds(timedelta(seconds=1))
    1000000
    """
    return length // timedelta(microseconds=1)


def _index(value: object) -> int | None:
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None
