"""How the page writes numbers of its tables that its sentences don't have."""

from __future__ import annotations

from typing import Any

from cjmining.report import words


def q_text(q: Any) -> str:  # noqa: ANN401
    """Write a q or p with three decimals."""
    if words.missing(q):
        return words.NOTHING
    return "<0.001" if q < 0.001 else f"{q:.3f}"
