"""Who is who by hand: the rules of docs/identity.md over plain Python sets, one identifier at a time."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import combinations

from cjmining.ingest.kinds import kind_of

Identifier = tuple[str, str]
PERSONS = 2


def tier_of(kind: str) -> int:
    about = kind_of(kind)
    if about.of == "case" or (about.of == "person" and not about.reaches):
        return 0
    return (
        {"email": 1, "phone": 2}[kind]
        if about.of == "person"
        else {"link": 3, "account": 4, "device": 5}[about.of]
    )


def most(counts: list[int], devices: bool = False) -> float:
    """Above how many an identifier is seen with improbably many."""
    n = len(counts)
    quarter = sorted(counts)[math.floor(0.75 * (n - 1))] if n >= 20 else 1
    cap = 10 if quarter <= 10 else 3 * quarter
    seen = sum(min(count, cap) for count in counts)
    limit = 1 - math.log(1000 * n) / math.log((seen - n + 1) / (seen + 5))
    limit = max(3, min(limit, 10) if quarter <= 10 else limit)
    return max(100, 10 * limit) if devices else limit


class Groups:
    """Union and find."""

    def __init__(self) -> None:
        self.above: dict[Identifier, Identifier] = {}

    def root(self, one: Identifier) -> Identifier:
        while (above := self.above.setdefault(one, one)) != one:
            one = above
        return one

    def join(self, one: Identifier, other: Identifier) -> None:
        self.above[self.root(one)] = self.root(other)

    def copy(self) -> Groups:
        made = Groups()
        made.above = dict(self.above)
        return made


class ByHand:
    def __init__(
        self, sets: list[frozenset[Identifier]], certain: list[tuple[Identifier, Identifier]] = ()
    ) -> None:
        self.near: dict[Identifier, set[Identifier]] = defaultdict(set)
        for each in sets:
            for one in each:
                self.near[one] |= each - {one}
        self.certain = list(certain)
        self.refused: dict[Identifier, str] = {}
        self.groups = Groups()
        self.placed: set[Identifier] = set()
        self._refuse_crowded()
        for tier in range(6):
            self._add(tier)

    def customers(self) -> set[frozenset[Identifier]]:
        found = defaultdict(set)
        for one in self.placed:
            found[self.groups.root(one)].add(one)
        return {frozenset(each) for each in found.values()}

    def _refuse_crowded(self) -> None:
        counts: dict[tuple[str, str], dict[Identifier, int]] = defaultdict(dict)
        for one, others in self.near.items():
            for kind in {kind for kind, _ in others}:
                counts[one[0], kind][one] = sum(other[0] == kind for other in others)
        spared = {one for pair in self.certain for one in pair}
        for (kind, other), of_each in counts.items():
            if kind_of(kind).of in {"account", "case"} or kind_of(other).of not in {"person", "device"}:
                continue
            limit = most(list(of_each.values()), kind_of(other).of == "device")
            for one, count in of_each.items():
                if count > limit and one not in spared:
                    self.refused[one] = "shared by too many"

    def _add(self, tier: int) -> None:
        own = {one for one in self.near if tier_of(one[0]) == tier and one not in self.refused}
        among = [(a, b) for a in own for b in self.near[a] if b in own]
        touches = {one: {self.groups.root(b) for b in self.near[one] if b in self.placed} for one in own}
        features = self._features(tier, touches)
        together = {one: {one} for one in own}
        if tier == 4:
            accounts = Groups()
            for a, b in among:
                accounts.join(a, b)
            together = {a: {b for b in own if accounts.root(a) == accounts.root(b)} for a in own}
        crowd = {a: set().union(*(touches[b] for b in together[a])) for a in own}
        gone = {a for a in own if alike(crowd[a], features)}
        for attempt in range(4):
            self.refused |= dict.fromkeys(
                gone, "shared by too many" if tier == 1 and attempt else "shared by several customers"
            )
            own -= gone
            among = [(a, b) for a, b in among if a in own and b in own]
            groups = self.groups.copy()
            for a, b in [*among, *(self.certain if tier == 0 else [])]:
                groups.join(a, b)
            for a in own:
                for root in touches[a]:
                    groups.join(a, root)
            bad = self._bad(tier, groups, features)
            spoilt = {a for a in own if groups.root(a) in bad}
            if attempt == 0:
                gone = {a for a in spoilt if len(touches[a]) > 1}
            else:
                among = [(a, b) for a, b in among if groups.root(a) not in bad]
                gone = {a for a in spoilt if not touches[a]}
            if not bad or attempt == 2:
                break
        self.groups = groups
        self.placed |= own

    def _features(self, tier: int, touches: dict[Identifier, set[Identifier]]) -> dict[Identifier, set[str]]:
        """What each group has that no two groups to be joined may both have."""
        found: dict[Identifier, set[str]] = defaultdict(set)
        for one in self.placed:
            of, below = kind_of(one[0]).of, tier_of(one[0])
            if tier == 4 and below <= 2:
                found[self.groups.root(one)].add("a person")
            elif of != "case" and below <= {1: 0, 2: 0, 3: 1, 5: 2}.get(tier, -1):
                found[self.groups.root(one)].add(one[0])
        if tier == 1:
            alone = {root for roots in touches.values() if len(roots) == 1 for root in roots}
            return {root: kinds for root, kinds in found.items() if root in alone}
        return found

    def _bad(self, tier: int, groups: Groups, features: dict[Identifier, set[str]]) -> set[Identifier]:
        inside = defaultdict(set)
        for one in self.placed:
            inside[groups.root(one)].add(self.groups.root(one))
        if tier != 1:
            return {root for root, roots in inside.items() if alike(roots, features)}
        bad = set()
        for kind in {kind for kind, _ in self.placed if kind_of(kind).of == "person"}:
            having = {self.groups.root(one) for one in self.placed if one[0] == kind}
            counts = {root: len(roots & having) for root, roots in inside.items() if roots & having}
            limit = most(list(counts.values())) if counts else 0
            bad |= {root for root, count in counts.items() if count > limit}
        return bad


def alike(roots: set[Identifier], features: dict[Identifier, set[str]]) -> bool:
    """Whether two of the groups have a feature in common."""
    return any(features.get(a, set()) & features.get(b, set()) for a, b in combinations(sorted(roots), 2))
