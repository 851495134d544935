"""From sets of identifiers to customers, with guards that find by themselves what is no link.

A pure function of the sets: neither their order nor their number matters, nor what the values are, so that
hashes do as well as the values themselves. Identifiers are laid on in tiers, the surest first: numbers of
persons, addresses, telephone numbers, orders and tickets, accounts, devices. In each tier an identifier is
judged by what the tiers before it found, never by others of its own, so nothing depends on an order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from cjmining.ingest.normal import MALFORMED, PLACEHOLDER

if TYPE_CHECKING:
    from cjmining.ingest.kinds import Kind

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int8]
Small = npt.NDArray[np.int32]
"""Places of identifiers and numbers of sets: half the memory, of which there are tens of millions."""

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
class Sets:
    """Identifiers, and the sets in which records show them.

    Parameters
    ----------
    kinds : sequence of Kind
        What there is.
    kind : int8 array
        Of each identifier, its place in `kinds`. Customers are numbered in the order of their first one.
    refusal : int8 array
        Why its value alone makes an identifier no link, as a code into `REASONS`; 0 where it may be one.
    set, node : int32 arrays
        Which set has which identifier, each pair once, sorted.
    same, other : int32 arrays
        Pairs of identifiers that a system says are one.
    cluster : int64 array, optional
        Of each identifier, the cluster that a table from elsewhere puts it in; -1 for none.
    """

    kinds: Sequence[Kind]
    kind: Codes
    refusal: Codes
    set: Small
    node: Small
    same: Small
    other: Small
    cluster: Ints | None = None


@dataclass(frozen=True)
class Linked:
    """Whose identifiers and sets are.

    Attributes
    ----------
    customer : int64 array
        Of each identifier; -1 for one that is no link.
    refusal : int8 array
        Of each identifier, why it is none, as a code into `REASONS`.
    set : int32 array
        The sets, each once, sorted.
    set_customer : int64 array
        Of each set; `NOBODY` or `SEVERAL_CUSTOMERS` where it has none.
    """

    customer: Ints
    refusal: Codes
    set: Small
    set_customer: Ints


def link(sets: Sets) -> Linked:
    """Find the customers behind sets of identifiers.

    Returns
    -------
    Linked
        Customers are numbered in the order of their first identifier.
    """
    linking = _Linking(sets)
    linking.refuse_improbable()
    for tier in (_NUMBER, _ADDRESS, _PHONE, _LINK, _ACCOUNT, _DEVICE):
        linking.add(tier)
    customer = _numbered(linking.label, linking.refusal == 0)
    found, whose = _customers_of_sets(sets, customer, linking.tier)
    return Linked(customer, linking.refusal, found, whose)


class _Linking:
    """Identifiers with the label of their component, as far as they have been laid on."""

    def __init__(self, sets: Sets) -> None:
        n = len(sets.kind)
        self.sets = sets
        self.refusal = sets.refusal.copy()
        self.tier = np.array([_tier(kind) for kind in sets.kinds], np.int8)[sets.kind]
        self.label = np.arange(n, dtype=np.int32)
        self.placed = np.zeros(n, bool)
        self.listed = np.zeros(n, bool) if sets.cluster is None else sets.cluster >= 0
        if sets.cluster is not None:
            listed = np.flatnonzero(self.listed)
            self.refusal[listed] = 0
            self.placed[listed] = True
            _, first, which = np.unique(sets.cluster[listed], return_index=True, return_inverse=True)
            self.label[listed] = listed[first][which]
        self.forgotten = np.count_nonzero(self.refusal)
        usable = self.refusal[sets.node] == 0
        self.one, self.other = _pairs(sets.set[usable], sets.node[usable], n)

    def refuse_improbable(self) -> None:
        """Refuse what is seen with improbably many identifiers of a kind, by how many is usual."""
        kinds, kind = self.sets.kinds, self.sets.kind
        kind_of_other = kind[self.other]
        spared = self.listed.copy()
        spared[self.sets.same], spared[self.sets.other] = True, True
        for b, other in enumerate(kinds):
            if other.of not in ("person", "device"):
                continue
            degree = np.bincount(self.one[kind_of_other == b], minlength=len(kind))
            for a, own in enumerate(kinds):
                here = np.flatnonzero((kind == a) & (degree > 0))
                if own.of in ("account", "case") or not len(here):
                    continue
                limit = improbable(degree[here], devices=other.of == "device")
                self.refusal[here[(degree[here] > limit) & ~spared[here]]] = _SHARED
        self._forget_refused()

    def add(self, tier: int) -> None:
        """Lay on the identifiers of a tier: each joins what it is seen with, unless that is several."""
        own = (self.tier == tier) & (self.refusal == 0) & ~self.placed
        if not own.any():
            return
        here = own[self.one]
        one, other = self.one[here], self.other[here]
        between = self.placed[other]
        node, label = _unique_pairs(one[between], self.label[other[between]])
        together = own[other]
        one, other = one[together], other[together]
        apart = self._apart(tier, node, label)
        # accounts that were merged are one, and stand for the persons of all of them
        group = components(len(own), one, other) if tier == _ACCOUNT else np.arange(len(own), dtype=np.int32)
        conflicting = _conflicting(*_unique_pairs(group[node], label), apart)
        several = _marked(len(own), conflicting)[group] & own
        self.refusal[several] = _SEVERAL
        own[several] = False
        keep = own[node]
        node, label = node[keep], label[keep]
        keep = own[one] & own[other]
        one, other = one[keep], other[keep]
        if tier == _NUMBER:
            one = np.concatenate((one, self.sets.same))
            other = np.concatenate((other, self.sets.other))
        self._join(own, (node, label), (one, other), apart, lenient=tier == _ADDRESS)
        self.placed |= own & (self.refusal == 0)
        self._forget_refused()

    def _join(
        self,
        own: Bools,
        touches: tuple[Small, Small],
        among: tuple[Small, Small],
        apart: tuple[Small, Small],
        *,
        lenient: bool,
    ) -> None:
        """Join a tier to what it touches; where a chain of links would join what differs, cut it.

        First all links go that would join anything in that chain, then those between the tier's own.
        """
        node, label = touches
        one, other = among
        n = len(self.label)
        for attempt in range(3):
            joined = components(n, np.concatenate((node, one)), np.concatenate((label, other)))
            where = joined[self.label]
            bad = self._too_many(where) if lenient else _several_of_a_kind(where, apart)
            if attempt == 2 or not bad.any():
                break
            count = np.bincount(node, minlength=n)
            if attempt == 0:
                gone = own & (count > 1) & bad[where]
            else:
                cut = bad[where[one]]
                one, other = one[~cut], other[~cut]
                gone = own & (count == 0) & bad[where]
            self.refusal[gone] = _SHARED if lenient else _SEVERAL
            own &= ~gone
            node, label = node[own[node]], label[own[node]]
            here = own[one] & own[other]
            one, other = one[here], other[here]
        self.label = np.where(own | self.placed, where, self.label)

    def _apart(self, tier: int, node: Small, label: Small) -> tuple[Small, Small]:
        """Return (label, feature), sorted: no two labels with one feature are joined in this tier."""
        sets = self.sets
        placed = np.flatnonzero(self.placed)
        if tier == _ACCOUNT:
            person = placed[self.tier[placed] <= _PHONE]
            labels, features = self.label[person], np.zeros(len(person), np.int8)
        else:
            below = _BELOW[tier]
            is_case = np.array([kind.of == "case" for kind in sets.kinds])[sets.kind[placed]]
            telling = placed[_marked(_TIERS, below)[self.tier[placed]] & ~is_case]
            labels, features = self.label[telling], sets.kind[telling]
        if tier == _ADDRESS:
            alone = np.bincount(node, minlength=len(self.label))[node] == 1
            has_own = _marked(len(self.label), label[alone])[labels]
            labels, features = labels[has_own], features[has_own]
        listed = np.flatnonzero(self.listed)
        labels = np.concatenate((labels, self.label[listed]))
        features = np.concatenate((features, np.full(len(listed), len(sets.kinds), np.int8)))
        return _unique_pairs(labels, features)

    def _too_many(self, where: Small) -> Bools:
        """Say which components would join improbably many with a number of one kind."""
        bad = np.zeros(len(where), bool)
        numbers = np.flatnonzero(self.placed & (self.tier == _NUMBER) & ~self.listed)
        for kind, about in enumerate(self.sets.kinds):
            own = _distinct(self.label[numbers[self.sets.kind[numbers] == kind]])
            if about.of == "case" or not len(own):
                continue
            counts = np.bincount(where[own], minlength=len(where))
            bad |= counts > improbable(counts[counts > 0], devices=False)
        return bad

    def _forget_refused(self) -> None:
        """Leave out the pairs with an identifier that has been refused since it was last done."""
        refused = np.count_nonzero(self.refusal)
        if refused == self.forgotten:
            return
        self.forgotten = refused
        keep = (self.refusal[self.one] == 0) & (self.refusal[self.other] == 0)
        self.one, self.other = self.one[keep], self.other[keep]


def improbable(degrees: Ints, *, devices: bool) -> float:
    """Return the number of others above which an identifier is seen with improbably many.

    Going on from d others to d + 1 has some chance, the same for all d: estimated from these very numbers, in
    which outliers count as ten at most. Improbable is what less than one in a thousand such data sets would
    show in any of its identifiers. It is 10 at most, unless a quarter of them have more. A person may have
    left behind many browsers, so of devices it is ten times as many.

    Examples
    --------
    >>> import numpy as np
    >>> alone = np.ones(100_000, dtype=np.int64)
    >>> alone[:500] = 2
    >>> round(improbable(alone, devices=False), 1)
    4.5
    >>> round(improbable(np.array([1, 1, 2]), devices=False), 1)  # 1 - ln(3000) / ln(2 / 9)
    6.3
    """
    n = len(degrees)
    up_to = np.cumsum(np.bincount(degrees))  # how many have a degree, or less
    common = float(np.searchsorted(up_to, (3 * (n - 1)) // 4, "right")) if n >= _ENOUGH else 1.0
    most = SHARED_BY if common <= SHARED_BY else 3 * common
    seen = float(np.minimum(degrees, most).sum())
    go_on = (seen - n + 1) / (seen + 5)
    limit = 1 - np.log(_ONCE_IN * n) / np.log(go_on)
    if common <= SHARED_BY:
        limit = min(limit, SHARED_BY)
    limit = max(limit, _FEWEST)
    return float(max(10 * limit, _DEVICES_BY) if devices else limit)


def components(n: int, first: Small, second: Small) -> Small:
    """Return for each of n nodes the least node of its connected component."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not len(first):
        return np.arange(n, dtype=np.int32)
    graph = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(n, n))
    labels = connected_components(graph, directed=False)[1]
    least: Small = np.empty(int(labels.max(initial=-1)) + 1, np.int32)
    least[labels[::-1]] = np.arange(n - 1, -1, -1, dtype=np.int32)
    found: Small = least[labels]
    return found


def _tier(kind: Kind) -> int:
    if kind.of in ("person", "case"):
        return _NUMBER if not kind.reaches else _PHONE if kind.form == "phone" else _ADDRESS
    return {"link": _LINK, "account": _ACCOUNT, "device": _DEVICE}[kind.of]


def _pairs(sets: Small, nodes: Small, n: int) -> tuple[Small, Small]:
    """Return which nodes are seen with which others, both ways, each pair once."""
    found = []
    apart = 1
    while apart < len(sets):
        together = sets[apart:] == sets[:-apart]
        if not together.any():
            break
        one, other = nodes[:-apart][together], nodes[apart:][together]
        found.append(_codes(np.minimum(one, other), n, np.maximum(one, other)))
        apart += 1
    if not found:
        return np.empty(0, np.int32), np.empty(0, np.int32)
    one, other = _parts(_distinct(np.concatenate(found)), n)
    return np.concatenate((one, other)), np.concatenate((other, one))


def _codes(first: npt.NDArray[np.integer], width: int, second: npt.NDArray[np.integer]) -> Ints:
    """Write pairs as one number each, in the same order; `width` is more than any second."""
    code: Ints = first.astype(np.int64)
    code <<= width.bit_length()  # which is many times as fast to take apart again as a product
    code |= second
    return code


def _parts(codes: Ints, width: int) -> tuple[Small, Small]:
    bits = width.bit_length()
    return (codes >> bits).astype(np.int32), (codes & ((1 << bits) - 1)).astype(np.int32)


def _distinct(codes: npt.NDArray[Any]) -> Any:  # noqa: ANN401 -- codes of the same type
    """Return the distinct codes, sorted, and sort those given; faster than numpy's hashing them."""
    codes.sort()
    return codes[_begins(codes)]


def _begins(ordered: npt.NDArray[Any]) -> Bools:
    """Say which of sorted numbers differ from the one before."""
    begins = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    return begins


def _marked(n: int, places: npt.ArrayLike) -> Bools:
    marked = np.zeros(n, bool)
    marked[np.asarray(places, np.intp)] = True
    return marked


def _unique_pairs(first: Small, second: npt.NDArray[Any]) -> tuple[Small, Small]:
    if not len(first):
        return first, second
    width = int(second.max()) + 1
    return _parts(_distinct(_codes(first, width, second)), width)


def _conflicting(node: Small, label: Small, apart: tuple[Small, Small]) -> Small:
    """Return the nodes that touch several labels with one feature."""
    labels, features = apart
    if not len(labels) or not len(label):
        return np.empty(0, np.int32)
    begin = np.zeros(
        max(int(labels[-1]), int(label.max())) + 2, np.int64
    )  # where each label's features begin
    np.cumsum(np.bincount(labels, minlength=len(begin) - 1), out=begin[1:])
    start = begin[label]
    counts = begin[label + 1] - start
    nodes = np.repeat(node, counts)
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts - start, counts)
    return _twice(nodes, features[place])


def _several_of_a_kind(where: Small, apart: tuple[Small, Small]) -> Bools:
    """Say which components hold several labels with one feature."""
    labels, features = apart
    bad = np.zeros(len(where), bool)
    bad[_twice(where[labels], features)] = True
    return bad


def _twice(owners: Small, features: Small) -> Small:
    """Return the owners that have a feature more than once."""
    if not len(owners):
        return owners
    width = int(features.max()) + 1
    codes = _codes(owners, width, features)
    codes.sort()
    again = codes[1:][codes[1:] == codes[:-1]]
    found: Small = _distinct(_parts(again, width)[0])
    return found


def _numbered(labels: Small, usable: Bools) -> Ints:
    """Number the labels in the order in which they occur first."""
    customers = np.full(len(labels), NOBODY, dtype=np.int64)
    own = np.flatnonzero(usable).astype(np.int32)
    first = np.full(len(labels), -1, dtype=np.int32)
    first[labels[own[::-1]]] = own[::-1]  # the last one written, which is the first, stays
    begins = first[labels[own]] == own
    number = np.empty(len(labels), dtype=np.int32)
    number[labels[own[begins]]] = np.arange(begins.sum())
    customers[own] = number[labels[own]]
    return customers


def _customers_of_sets(sets: Sets, customer: Ints, tier: Codes) -> tuple[Small, Ints]:
    """Return each set's customer: whom the surest of its identifiers belong to."""
    first = np.flatnonzero(_begins(sets.set))
    found = sets.set[first]
    whose = customer.astype(np.int32)[sets.node]
    if not len(first):
        return found, whose.astype(np.int64)
    rank = np.where(whose < 0, np.int8(99), tier[sets.node])
    surest = rank == np.repeat(np.minimum.reduceat(rank, first), np.diff(first, append=len(rank)))
    lowest = np.minimum.reduceat(np.where(surest, whose, np.iinfo(np.int32).max), first)
    highest = np.maximum.reduceat(np.where(surest, whose, NOBODY), first)
    return found, np.where(lowest == highest, lowest, SEVERAL_CUSTOMERS).astype(np.int64)
