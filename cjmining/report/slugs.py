"""Names as parts of addresses: plain letters, unique among their like, the same in every run."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from cjmining.report.disclosure import shown_groups

if TYPE_CHECKING:
    from cjmining.conformance import Conformance

EVERYONE = "everyone"
"""Slug of everyone, the first that a reader can switch to."""

LONGEST = 40


def unique_slugs(names: Sequence[str], *, taken: Collection[str] = ()) -> list[str]:
    """Return a slug for each name; names that sound alike, or like one `taken`, are told apart by a hash.

    Examples
    --------
    >>> unique_slugs(["Gen Z", "Après-vente", "A/B", "a b"])
    ['gen-z', 'apres-vente', 'a-b-998d3e', 'a-b-c8687a']
    >>> unique_slugs(["Everyone"], taken=["everyone"])
    ['everyone-da2e5d']
    """
    plain = [_plain(name) for name in names]
    alike = Counter(plain)
    slugs: list[str] = []
    for name, short in zip(names, plain, strict=True):
        clear = short and alike[short] == 1 and short not in taken
        slug = short if clear else "-".join(filter(None, [short, _digest(name)]))
        while slug in slugs or slug in taken:  # one name twice, or one that looks like another's slug
            slug += "-2"
        slugs.append(slug)
    return slugs


def stage_slugs(check: Conformance) -> dict[str, str]:
    """Return the slug of each stage of a check, in the order of the map, what is before the map included."""
    stages = [*check.overall.stages["stage"], *check.stages["stage"]]
    names = list(dict.fromkeys(str(stage) for stage in stages))
    return dict(zip(names, unique_slugs(names), strict=True))


def group_slugs(check: Conformance) -> dict[str, str]:
    """Return the slug of each group that a reader can switch to, in their order, everyone aside."""
    groups = [] if check.by is None else list(shown_groups(check))
    return dict(zip(groups, unique_slugs(groups, taken=[EVERYONE]), strict=True))


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", letters.lower()).strip("-")[:LONGEST].rstrip("-")


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode(errors="replace")).hexdigest()[:6]
