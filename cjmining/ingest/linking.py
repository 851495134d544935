"""From sets of identifiers to customers, with guards that find by themselves what is no link.

A pure function of the sets: neither their order nor their number matters, nor what the values are, so that
hashes do as well as the values themselves. Identifiers are laid on in tiers, the surest first: numbers of
persons, addresses, telephone numbers, orders and tickets, accounts, devices. In each tier an identifier is
judged by what the tiers before it found, never by others of its own, so nothing depends on an order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from cjmining.ingest.normal import MALFORMED, PLACEHOLDER

if TYPE_CHECKING:
    from cjmining.ingest.kinds import Kind

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int16]
Codes = npt.NDArray[np.int8]
Small = npt.NDArray[np.int32]
"""Places of identifiers, numbers of sets and customers, of which there are tens of millions."""

SHARED: Final = "shared by too many"
SEVERAL: Final = "shared by several customers"
REASONS: Final = ("", PLACEHOLDER, MALFORMED, SHARED, SEVERAL)
"""Why an identifier is no link, by its code; 0 is one that is."""
_SHARED, _SEVERAL = REASONS.index(SHARED), REASONS.index(SEVERAL)

NOBODY, SEVERAL_CUSTOMERS = -1, -2
"""Customers of sets without one: none of the identifiers is a link; those that are belong to several."""

SHARED_BY: Final = 10
"""No identifier is seen with more persons' identifiers of one kind than this, unless that is common."""
_DEVICES_BY: Final = 100
_FEWEST: Final = 3
_ONCE_IN: Final = 1000
_ENOUGH: Final = 20
_PIECE: Final = 1 << 20
"""How many pairs are looked at at once, where what is found of each takes more room than the pair."""
CUTS: Final = 2
"""How often a tier's links are cut: first those to what was there, then those between its own."""
_TIERS: Final = 6
_NUMBER, _ADDRESS, _PHONE, _LINK, _ACCOUNT, _DEVICE = range(_TIERS)
_BELOW: Final[dict[int, tuple[int, ...]]] = {
    _NUMBER: (),
    _ADDRESS: (_NUMBER,),
    _PHONE: (_NUMBER,),
    _LINK: (_NUMBER, _ADDRESS),
    _DEVICE: (_NUMBER, _ADDRESS, _PHONE),
}
"""Tiers of identifiers of whose kinds two customers may not both have one, to be joined in a tier."""


@dataclass(frozen=True)
class Identifiers:
    """What is known of identifiers beside the sets in which they are seen.

    Parameters
    ----------
    kinds : sequence of Kind
        What there is.
    kind : int8 array
        Of each identifier, its place in `kinds`. Customers are numbered in the order of their first one.
    refusal : int8 array
        Why its value alone makes an identifier no link, as a code into `REASONS`; 0 where it may be one.
    same, other : int32 arrays
        Pairs of identifiers that a system says are one.
    cluster : int64 array, optional
        Of each identifier, the cluster that a table from elsewhere puts it in; -1 for none.
    """

    kinds: Sequence[Kind]
    kind: Codes
    refusal: Codes
    same: Small
    other: Small
    cluster: Ints | None = None

    @property
    def tier(self) -> Codes:
        """Of each identifier, the tier in which it is laid on."""
        return np.array([_tier(kind) for kind in self.kinds], np.int8)[self.kind]


@dataclass(frozen=True)
class Sets(Identifiers):
    """Identifiers, and the sets in which records show them.

    Parameters
    ----------
    set, node : int32 arrays
        Which set has which identifier, each pair once, sorted.
    """

    set: Small = field(kw_only=True)
    node: Small = field(kw_only=True)


@dataclass(frozen=True)
class Linked:
    """Whose identifiers and sets are.

    Attributes
    ----------
    customer : int32 array
        Of each identifier; -1 for one that is no link.
    refusal : int8 array
        Of each identifier, why it is none, as a code into `REASONS`.
    set : int32 array
        The sets, each once, sorted.
    set_customer : int32 array
        Of each set; `NOBODY` or `SEVERAL_CUSTOMERS` where it has none.
    """

    customer: Small
    refusal: Codes
    set: Small
    set_customer: Small


class Limits:
    """How many numbers of persons of one kind may be joined by addresses: more than usual are too many.

    What is usual is found from all identifiers: here they are at hand.
    """

    def of(self, round_: int, kind: str, counts: Ints) -> float:  # noqa: ARG002 -- what others go by
        """Return the limit of a kind of numbers.

        Parameters
        ----------
        round_ : int
            How often what joined too many was cut before.
        kind : str
            Of the numbers.
        counts : int64 array
            By a number of numbers, how many have as many that are joined to each other.
        """
        return improbable(counts, devices=False)

    def goes_on(self, found: bool) -> bool:
        """Say whether another round is needed, where some or none were found to join too many."""
        return found


class LimitsOfAll(Limits):
    """Limits for a part of the identifiers: they are those of all parts, found round by round.

    Parameters
    ----------
    known : sequence of mapping
        The limit of each kind, of the rounds that all parts have gone through.

    Attributes
    ----------
    counts : dict
        By kind, what the limits of the next round are to be found from. What comes after it is for nothing.
    """

    def __init__(self, known: Sequence[Mapping[str, float]]) -> None:
        self._known = known
        self.counts: dict[str, Ints] = {}

    def of(self, round_: int, kind: str, counts: Ints) -> float:
        """Return the limit, none if it isn't known yet."""
        if round_ < len(self._known):
            return self._known[round_][kind]
        if round_ == len(self._known):
            self.counts[kind] = counts
        return np.inf

    def goes_on(self, found: bool) -> bool:  # noqa: ARG002 -- another part may have found some
        """Go through all rounds; where nothing is cut the next finds the same."""
        return True


def link(sets: Sets) -> Linked:
    """Find the customers behind sets of identifiers.

    Returns
    -------
    Linked
        Customers are numbered in the order of their first identifier.
    """
    customer, refusal = join(sets, *pairs(sets.set, sets.node))
    found, whose = customers_of_sets(sets.set, sets.node, customer, sets.tier)
    return Linked(customer, refusal, found, whose)


def join(
    identifiers: Identifiers, one: Small, other: Small, limits: LimitsOfAll | None = None
) -> tuple[Small, Codes]:
    """Find the customers behind identifiers of which `one` and `other` are seen together.

    With `limits`, these are some of the identifiers, with all that links lead to, and what is seen with
    improbably many is refused already.

    Returns
    -------
    tuple
        Of each identifier its customer, -1 for one that is no link; and why it is none, a code of `REASONS`.
    """
    linking = _Linking(identifiers, one, other, limits or Limits())
    if limits is None:
        linking.refuse_improbable()
    for tier in (_NUMBER, _ADDRESS, _PHONE, _LINK, _ACCOUNT, _DEVICE):
        linking.add(tier)
    return _numbered(linking.label, linking.refusal == 0), linking.refusal


class _Linking:
    """Identifiers with the label of their component, as far as they have been laid on.

    The label is the component's least identifier. Pairs are held one way.
    """

    def __init__(self, identifiers: Identifiers, one: Small, other: Small, limits: Limits) -> None:
        n = len(identifiers.kind)
        self.limits = limits
        self.about = identifiers
        self.refusal = identifiers.refusal.copy()
        self.tier = identifiers.tier
        self.label = np.arange(n, dtype=np.int32)
        self.placed = np.zeros(n, bool)
        self.listed = np.zeros(n, bool) if identifiers.cluster is None else identifiers.cluster >= 0
        if identifiers.cluster is not None:
            listed = np.flatnonzero(self.listed)
            self.refusal[listed] = 0
            self.placed[listed] = True
            _, first, which = np.unique(identifiers.cluster[listed], return_index=True, return_inverse=True)
            self.label[listed] = listed[first][which]
        self.one, self.other = one, other
        self.forgotten = 0
        self._forget_refused()

    def refuse_improbable(self) -> None:
        """Refuse what is seen with improbably many identifiers of a kind, by how many is usual."""
        kinds, kind = self.about.kinds, self.about.kind
        spared = self.listed.copy()
        spared[self.about.same], spared[self.about.other] = True, True
        for b, other in enumerate(kinds):
            asked = [a for a, own in enumerate(kinds) if may_be_improbable(own, other)]
            if not asked:
                continue
            degree = self._seen_with(kind == b)
            for a in asked:
                here = (kind == a) & (degree > 0)
                if not here.any():
                    continue
                limit = improbable(np.bincount(degree[here]), devices=other.of == "device")
                self.refusal[here & (degree > limit) & ~spared] = _SHARED
        self._forget_refused()

    def _seen_with(self, those: Bools) -> Small:
        """Count for each identifier with how many of `those` it is seen."""
        degree = np.zeros(len(those), np.int32)
        for one, other in ((self.one, self.other), (self.other, self.one)):
            for start in range(0, len(one), _PIECE):
                near = one[start : start + _PIECE]
                np.add.at(degree, near[those[other[start : start + _PIECE]]], np.int32(1))
        return degree

    def add(self, tier: int) -> None:
        """Lay on the identifiers of a tier: each joins what it is seen with, unless that is several."""
        own = (self.tier == tier) & (self.refusal == 0) & ~self.placed
        if not own.any() and not (tier == _ADDRESS and self.limits.goes_on(found=False)):
            return
        node, label = self._touches(own)
        together = own[self.one] & own[self.other]
        one, other = self.one[together], self.other[together]
        del together
        apart = self._apart(tier, node, label)
        if tier == _ACCOUNT:  # accounts that were merged are one, and stand for the persons of all of them
            group = components(len(own), (one, other))
            conflicting = _conflicting(*_unique_pairs(group[node], label), apart)
            several = _marked(len(own), conflicting)[group] & own
        else:
            several = _marked(len(own), _conflicting(node, label, apart)) & own
        self.refusal[several] = _SEVERAL
        own[several] = False
        keep = own[node]
        node, label = node[keep], label[keep]
        keep = own[one] & own[other]
        one, other = one[keep], other[keep]
        if tier == _NUMBER:
            same, as_other = self._merged(own)
            one, other = np.concatenate((one, same)), np.concatenate((other, as_other))
        self._join(own, (node, label), (one, other), apart, lenient=tier == _ADDRESS)
        self.placed |= own & (self.refusal == 0)
        self._forget_refused()

    def _merged(self, own: Bools) -> tuple[Small, Small]:
        """Return the pairs that a system says are one, by their labels, as far as both may be links."""
        same, other = self.about.same, self.about.other
        there = own | self.placed
        keep = there[same] & there[other]
        return self.label[same[keep]], self.label[other[keep]]

    def _touches(self, own: Bools) -> tuple[Small, Small]:
        """Return (identifier, label): which of a tier's own are seen with which components, each once."""
        found = []
        for one, other in ((self.one, self.other), (self.other, self.one)):
            between = own[one] & self.placed[other]
            found.append((one[between], self.label[other[between]]))
        return _unique_pairs(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    def _join(
        self,
        own: Bools,
        touches: tuple[Small, Small],
        among: tuple[Small, Small],
        apart: tuple[Small, Codes],
        *,
        lenient: bool,
    ) -> None:
        """Join a tier to what it touches; where a chain of links would join what differs, cut it.

        First all links go that would join anything in that chain, then those between the tier's own.
        """
        node, label = touches
        one, other = among
        n = len(self.label)
        for attempt in range(CUTS + 1):
            joined = components(n, (node, label), (one, other))
            where = joined[self.label]
            del joined
            if attempt == CUTS:
                break
            bad = self._too_many(where, attempt) if lenient else _several_of_a_kind(where, apart)
            found = bool(bad.any())
            if not (self.limits.goes_on(found) if lenient else found):
                break
            count = np.bincount(node, minlength=n).astype(np.int32)
            if attempt == 0:
                gone = own & (count > 1) & bad[where]
            else:
                cut = bad[where[one]]
                one, other = one[~cut], other[~cut]
                gone = own & (count == 0) & bad[where]
            self.refusal[gone] = _SHARED if lenient else _SEVERAL
            own &= ~gone
            node, label = node[own[node]], label[own[node]]
            there = own | self.placed
            here = there[one] & there[other]
            one, other = one[here], other[here]
        self.label = np.where(own | self.placed, where, self.label)

    def _apart(self, tier: int, node: Small, label: Small) -> tuple[Small, Codes]:
        """Return (label, feature), sorted: no two labels with one feature are joined in this tier."""
        about = self.about
        if tier == _ACCOUNT:
            labels = self.label[self.placed & (self.tier <= _PHONE)]
            features = np.zeros(len(labels), np.int8)
        else:
            is_case = np.array([kind.of == "case" for kind in about.kinds])
            telling = self.placed & _marked(_TIERS, _BELOW[tier])[self.tier] & ~is_case[about.kind]
            labels, features = self.label[telling], about.kind[telling]
            del telling
        if tier == _ADDRESS:
            alone = _alone(node)
            has_own = _marked(len(self.label), label[alone])[labels]
            labels, features = labels[has_own], features[has_own]
        if self.listed.any():
            listed = self.label[self.listed]
            labels = np.concatenate((labels, listed))
            features = np.concatenate((features, np.full(len(listed), len(about.kinds), np.int8)))
        labels, own = _unique_pairs(labels, features)
        return labels, own.astype(np.int8)

    def _too_many(self, where: Small, round_: int) -> Bools:
        """Say which components would join improbably many with a number of one kind."""
        bad = np.zeros(len(where), bool)
        numbers = self.placed & (self.tier == _NUMBER) & ~self.listed
        for kind, about in enumerate(self.about.kinds):
            own = distinct(self.label[numbers & (self.about.kind == kind)])
            if about.of == "case" or not len(own):
                continue
            counts = np.bincount(where[own], minlength=len(where))
            bad |= counts > self.limits.of(round_, about.name, np.bincount(counts[counts > 0]))
        return bad

    def _forget_refused(self) -> None:
        """Leave out the pairs with an identifier that has been refused since it was last done."""
        refused = int(np.count_nonzero(self.refusal))
        if refused == self.forgotten:
            return
        self.forgotten = refused
        keep = (self.refusal[self.one] == 0) & (self.refusal[self.other] == 0)
        self.one, self.other = self.one[keep], self.other[keep]


def limits_of(parts: Sequence[Mapping[str, Ints]]) -> dict[str, float]:
    """Return the limit of each kind from what `LimitsOfAll` of each part counted.

    Examples
    --------
    >>> import numpy as np
    >>> one, other = {"user_id": np.array([0, 2])}, {"user_id": np.array([0, 0, 1])}
    >>> {kind: round(limit, 1) for kind, limit in limits_of([one, other]).items()}
    {'user_id': 6.3}
    """
    kinds = dict.fromkeys(kind for part in parts for kind in part)
    limits = {}
    for kind in kinds:
        own = [part[kind] for part in parts if kind in part]
        together = np.zeros(max(map(len, own)), np.int64)
        for counts in own:
            together[: len(counts)] += counts
        limits[kind] = improbable(together, devices=False)
    return limits


def may_be_improbable(own: Kind, other: Kind) -> bool:
    """Say whether a kind of identifiers is refused where it is seen with improbably many of another kind."""
    return other.of in ("person", "device") and own.of not in ("account", "case")


def improbable(counts: Ints, *, devices: bool) -> float:
    """Return the number of others above which an identifier is seen with improbably many.

    Going on from d others to d + 1 has some chance, the same for all d: estimated from these very numbers, in
    which outliers count as ten at most. Improbable is what less than one in a thousand such data sets would
    show in any of its identifiers. It is 10 at most, unless a quarter of them have more. A person may have
    left behind many browsers, so of devices it is ten times as many.

    Parameters
    ----------
    counts : int64 array
        By d, how many identifiers are seen with d others; none with 0.
    devices : bool
        Whether the others are devices.

    Examples
    --------
    >>> import numpy as np
    >>> round(improbable(np.array([0, 99_500, 500]), devices=False), 1)
    4.5
    >>> round(improbable(np.array([0, 2, 1]), devices=False), 1)  # 1 - ln(3000) / ln(2 / 9)
    6.3
    """
    up_to = np.cumsum(counts)  # how many have a degree, or less
    n = int(up_to[-1])
    common = float(np.searchsorted(up_to, (3 * (n - 1)) // 4, "right")) if n >= _ENOUGH else 1.0
    most = SHARED_BY if common <= SHARED_BY else 3 * common
    seen = float((np.minimum(np.arange(len(counts)), most) * counts).sum())
    go_on = (seen - n + 1) / (seen + 5)
    limit = 1 - np.log(_ONCE_IN * n) / np.log(go_on)
    if common <= SHARED_BY:
        limit = min(limit, SHARED_BY)
    limit = max(limit, _FEWEST)
    return float(max(10 * limit, _DEVICES_BY) if devices else limit)


def components(n: int, *edges: tuple[Small, Small]) -> Small:
    """Return for each of n nodes the least node of its connected component.

    Each node that is not the least of those it touches joins the least of them, and what has joined is taken
    for one node, until nothing touches anything else: few rounds, in four bytes a node.

    Examples
    --------
    >>> import numpy as np
    >>> components(5, (np.array([4]), np.array([3])), (np.array([3]), np.array([1])))
    array([0, 1, 2, 1, 1], dtype=int32)
    """
    least = np.arange(n, dtype=np.int32)
    for first, second in edges:
        for start in range(0, len(first), _PIECE):
            _join_least(least, first[start : start + _PIECE], second[start : start + _PIECE])
    for start in range(0, n, _PIECE):
        own = least[start : start + _PIECE]
        own[:] = _followed(least, own)
    return least


def _join_least(least: Small, one: Small, other: Small) -> None:
    while True:
        one, other = _followed(least, one), _followed(least, other)
        touching = one != other
        if not touching.any():
            return
        one, other = one[touching], other[touching]
        np.minimum.at(least, np.maximum(one, other), np.minimum(one, other))


def _followed(least: Small, nodes: Small) -> Small:
    """Return what nodes have joined in the end."""
    nodes = least[nodes]
    while True:
        further = least[nodes]
        if np.array_equal(further, nodes):
            return nodes
        nodes = further


def _tier(kind: Kind) -> int:
    if kind.of in ("person", "case"):
        return _NUMBER if not kind.reaches else _PHONE if kind.form == "phone" else _ADDRESS
    return {"link": _LINK, "account": _ACCOUNT, "device": _DEVICE}[kind.of]


def pairs(sets: Small, nodes: Small) -> tuple[Small, Small]:
    """Return which nodes are seen in one set with which later ones, each pair once.

    Parameters
    ----------
    sets, nodes : int32 arrays
        Which set has which node, sorted.

    Examples
    --------
    >>> import numpy as np
    >>> pairs(np.array([0, 0, 0, 1]), np.array([2, 5, 7, 2]))
    (array([2, 2, 5], dtype=int32), array([5, 7, 7], dtype=int32))
    """
    width = int(nodes.max(initial=0)) + 1
    found = []
    apart = 1
    while apart < len(sets) and (together := sets[apart:] == sets[:-apart]).any():
        found.append(codes_of(nodes[:-apart][together], width, nodes[apart:][together]))
        apart += 1
    if not found:
        return np.empty(0, np.int32), np.empty(0, np.int32)
    codes = found[0] if len(found) == 1 else np.concatenate(found)
    del found
    return parts(distinct(codes), width)


def codes_of(first: npt.NDArray[np.integer], width: int, second: npt.NDArray[np.integer]) -> Ints:
    """Write pairs as one number each, in the same order; `width` is more than any second."""
    code: Ints = first.astype(np.int64)
    code <<= width.bit_length()  # which is many times as fast to take apart again as a product
    code |= second
    return code


def parts(codes: Ints, width: int) -> tuple[Small, Small]:
    """Return the pairs that `codes_of` wrote."""
    first, second = np.empty(len(codes), np.int32), np.empty(len(codes), np.int32)
    np.right_shift(codes, width.bit_length(), out=first, casting="unsafe")
    np.bitwise_and(codes, (1 << width.bit_length()) - 1, out=second, casting="unsafe")
    return first, second


def distinct(codes: npt.NDArray[Any]) -> Any:  # noqa: ANN401 -- codes of the same type
    """Return the distinct codes, sorted, in the place of those given; faster than numpy's hashing them."""
    codes.sort()
    n, before = 0, None
    for start in range(0, len(codes), _PIECE):
        piece = codes[start : start + _PIECE]
        begins = _begins(piece)
        begins[0] = before is None or piece[0] != before
        before = piece[-1]
        own = piece[begins]
        codes[n : n + len(own)] = own
        n += len(own)
    return codes[:n]


def _begins(ordered: npt.NDArray[Any]) -> Bools:
    """Say which of sorted numbers differ from the one before."""
    begins = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    return begins


def _alone(ordered: npt.NDArray[Any]) -> Bools:
    """Say which of sorted numbers occur once."""
    begins = _begins(ordered)
    ends = np.ones(len(ordered), bool)
    ends[:-1] = begins[1:]
    return begins & ends


def _marked(n: int, places: npt.ArrayLike) -> Bools:
    marked = np.zeros(n, bool)
    marked[np.asarray(places, np.intp)] = True
    return marked


def _unique_pairs(first: Small, second: npt.NDArray[Any]) -> tuple[Small, Small]:
    if not len(first):
        return first, second
    width = int(second.max()) + 1
    return parts(distinct(codes_of(first, width, second)), width)


def _conflicting(node: Small, label: Small, apart: tuple[Small, Codes]) -> Small:
    """Return the nodes that touch several labels with one feature."""
    labels, features = apart
    if not len(labels) or not len(label):
        return np.empty(0, np.int32)
    begins = np.flatnonzero(_begins(labels))
    width = max(int(labels[-1]), int(label.max())) + 1
    first, count = np.zeros(width, np.int32), np.zeros(width, np.int16)  # of each label's features
    first[labels[begins]] = begins
    count[labels[begins]] = np.diff(begins, append=len(labels))
    del begins
    ends = [*range(_PIECE, len(node), _PIECE), len(node)]
    cuts = [0, *np.searchsorted(node, node[np.array(ends) - 1], "right").tolist()]
    found = [
        _conflicting_here(node[a:b], label[a:b], first, count, features) for a, b in pairwise(cuts) if b > a
    ]
    return np.concatenate(found)


def _conflicting_here(node: Small, label: Small, first: Small, count: Counts, features: Codes) -> Small:
    counts = count[label]
    start = first[label]
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts, dtype=np.int64) - counts - start, counts)
    return _twice(np.repeat(node, counts), features[place])


def _several_of_a_kind(where: Small, apart: tuple[Small, Codes]) -> Bools:
    """Say which components hold several labels with one feature."""
    labels, features = apart
    bad = np.zeros(len(where), bool)
    bad[_twice(where[labels], features)] = True
    return bad


def _twice(owners: Small, features: npt.NDArray[np.integer]) -> Small:
    """Return the owners that have a feature more than once."""
    if not len(owners):
        return owners
    width = int(features.max()) + 1
    codes = codes_of(owners, width, features)
    codes.sort()
    again = codes[1:][codes[1:] == codes[:-1]]
    del codes
    found: Small = distinct(parts(again, width)[0])
    return found


def _numbered(labels: Small, usable: Bools) -> Small:
    """Number the labels, each its component's least identifier, in the order in which they occur first."""
    begins = usable & (labels == np.arange(len(labels), dtype=np.int32))
    number = np.cumsum(begins, dtype=np.int32)
    number -= 1
    customers: Small = number[labels]
    customers[~usable] = NOBODY
    return customers


def customers_of_sets(sets: Small, nodes: Small, customer: Small, tier: Codes) -> tuple[Small, Small]:
    """Return the sets, each once, and each one's customer: whom the surest of its identifiers belong to.

    Parameters
    ----------
    sets, nodes : int32 arrays
        Which set has which identifier, sorted.
    customer : int32 array
        Of each identifier; -1 for one that is no link.
    tier : int8 array
        Of each identifier.
    """
    ends = [*range(_PIECE, len(sets), _PIECE), len(sets)] if len(sets) else []
    cuts = [0, *(int(np.searchsorted(sets, sets[end - 1], "right")) for end in ends)]
    found = [_customers_here(sets[a:b], nodes[a:b], customer, tier) for a, b in pairwise(cuts) if b > a]
    if not found:
        return np.empty(0, np.int32), np.empty(0, np.int32)
    return np.concatenate([part[0] for part in found]), np.concatenate([part[1] for part in found])


def _customers_here(sets: Small, nodes: Small, customer: Small, tier: Codes) -> tuple[Small, Small]:
    first = np.flatnonzero(_begins(sets))
    whose = customer[nodes]
    rank = np.where(whose < 0, np.int8(99), tier[nodes])
    surest = rank == np.repeat(np.minimum.reduceat(rank, first), np.diff(first, append=len(rank)))
    lowest = np.minimum.reduceat(np.where(surest, whose, np.iinfo(np.int32).max), first)
    highest = np.maximum.reduceat(np.where(surest, whose, np.int32(NOBODY)), first)
    return sets[first], np.where(lowest == highest, lowest, np.int32(SEVERAL_CUSTOMERS))
