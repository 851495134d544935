"""What the reader can switch between: the results of everyone, and of each group."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cjmining.report import words
from cjmining.report.disclosure import shown_groups

if TYPE_CHECKING:
    from cjmining.conformance import Conformance
    from cjmining.discovery import Discovery
    from cjmining.dropout.incidence import Incidence
    from cjmining.report.leaving import Leaving


class View(NamedTuple):
    """The results of one group, and its name in them.

    Attributes
    ----------
    found : Discovery or None
        What customers do; None where that is not grouped as the check is.
    check : Conformance
        Actual against intended.
    group : str
        The value of `by` in their tables.
    ends : Incidence or None
        How likely each end is; None where nothing is known of it.
    """

    found: Discovery | None
    check: Conformance
    group: str
    ends: Incidence | None = None


def views_of(found: Discovery, check: Conformance, everyone: Discovery, leaving: Leaving) -> list[View]:
    """List what the reader can switch between: everyone first, then each group."""
    views = [View(everyone, check.overall, words.EVERYONE, leaving.everyone)]
    if check.by is not None:
        same = found if found.by == check.by else None
        views += [View(same, check, group, leaving.ends) for group in shown_groups(check)]
    return views
