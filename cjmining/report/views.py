"""What the reader can switch between: the results of everyone, and of each group."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cjmining.report import words
from cjmining.report.disclosure import shown_groups

if TYPE_CHECKING:
    from cjmining.conformance import Conformance
    from cjmining.discovery import Discovery


class View(NamedTuple):
    """The results of one group, and its name in them."""

    found: Discovery | None
    check: Conformance
    group: str


def views_of(found: Discovery, check: Conformance, everyone: Discovery) -> list[View]:
    """List what the reader can switch between: everyone first, then each group."""
    views = [View(everyone, check.overall, words.EVERYONE)]
    if check.by is not None:
        same = found if found.by == check.by else None
        views += [View(same, check, group) for group in shown_groups(check)]
    return views
