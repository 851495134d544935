"""Whether what is pickled now is for executors, which need less than a file would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_SHIPPED: ContextVar[bool] = ContextVar("shipped", default=False)


def shipped() -> bool:
    """Say whether what is pickled now is sent to executors."""
    return _SHIPPED.get()


@contextmanager
def shipping() -> Iterator[None]:
    """Pickle for executors for a while."""
    token = _SHIPPED.set(True)
    try:
        yield
    finally:
        _SHIPPED.reset(token)
