"""Why identifiers are one customer, or why they are not: from the links that a log keeps."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjmining.errors import LogError, nearest
from cjmining.results import Result

if TYPE_CHECKING:
    from cjmining.log import JourneyLog

Ints = npt.NDArray[np.int64]
Identifier = str | tuple[str, str]

COLUMNS = ("identifier", "other", "source", "file", "records", "why")


@dataclass(frozen=True, repr=False, eq=False)
class Explanation(Result):
    """Why identifiers are one customer, or why they are not.

    Attributes
    ----------
    answer : str
        The explanation in a sentence.
    chain : pandas.DataFrame
        Of a customer, for each further identifier the link that brings it in; of two identifiers, the
        shortest chain of links between them. Columns as in `links`.
    links : pandas.DataFrame
        Every link of the identifiers: identifier, other, source, file, records (how many show both), why.
    refused : pandas.DataFrame
        What they were seen with that was no link, with the reason in `why`.
    """

    answer: str
    chain: pd.DataFrame
    links: pd.DataFrame
    refused: pd.DataFrame

    _tables = ("chain", "links", "refused")

    def _summary(self) -> str:
        return self.answer


def explain(log: JourneyLog, customer: int | Identifier, other: Identifier | None = None) -> Explanation:
    """Explain a customer, or why two identifiers are or aren't one; see `JourneyLog.explain`."""
    graph = _Graph(log)
    if other is None:
        return _of_customer(graph, customer)
    if isinstance(customer, int | np.integer):
        raise LogError(
            f"explain takes two identifiers, such as 'ann@shop.de', not a number first ({customer})"
        )
    return _of_two(graph, graph.find(customer), graph.find(other))


class _Graph:
    """The identifiers of a log by number, with their customers, and the links between them."""

    def __init__(self, log: JourneyLog) -> None:
        identities, links = log.identities, log.links
        if not len(identities):
            raise LogError(
                "explain needs identifiers, and this log holds none: it was ingested with identities='drop', "
                "or not from exports"
            )
        own = pd.MultiIndex.from_arrays([identities["kind"].astype(str), identities["value"]])
        one = pd.MultiIndex.from_arrays([links["kind"].astype(str), links["value"]])
        two = pd.MultiIndex.from_arrays([links["other_kind"].astype(str), links["other_value"]])
        self.names = own.append(one).append(two).unique().sort_values()
        self.customer = np.full(len(self.names), -1, np.int64)
        self.customer[self.names.get_indexer(own)] = identities["customer"].to_numpy()
        self.one: Ints = self.names.get_indexer(one).astype(np.int64)
        self.other: Ints = self.names.get_indexer(two).astype(np.int64)
        self.links = links
        self.is_link = links["refused"].isna().to_numpy()

    def find(self, wanted: Identifier) -> int:
        """Return the number of an identifier, given by its value or as (kind, value)."""
        kinds, values = self.names.get_level_values(0), self.names.get_level_values(1)
        if isinstance(wanted, tuple):
            found = np.flatnonzero((kinds == wanted[0]) & (values == wanted[1]))
        else:
            found = np.flatnonzero(values == wanted)
            if not len(found):
                found = np.flatnonzero(values.str.casefold() == str(wanted).strip().casefold())
        if len(found) == 1:
            return int(found[0])
        if len(found):
            told = ", ".join(repr((kinds[i], values[i])) for i in found.tolist())
            raise LogError(f"several identifiers are {wanted!r}: say which, of {told}")
        value = wanted[1] if isinstance(wanted, tuple) else str(wanted)
        raise LogError(f"the log has no identifier {wanted!r}{nearest(value, values.tolist()[:100_000])}")

    def told(self, node: int) -> str:
        """Name an identifier for people."""
        kind, value = self.names[node]
        return f"{kind} {value}"

    def table(self, rows: Ints, begins: Ints | None = None) -> pd.DataFrame:
        """Return links for people, each told from the identifier that it begins with."""
        some = self.links.iloc[rows]
        one, other = self.one[rows], self.other[rows]
        if begins is not None:
            one, other = begins, one + other - begins
        refused = some["refused"].to_numpy(dtype=object)
        columns = {
            "identifier": [self.told(i) for i in one.tolist()],
            "other": [self.told(i) for i in other.tolist()],
            "source": some["source"].astype(str).to_numpy(dtype=object),
            "file": some["file"].astype(str).to_numpy(dtype=object),
            "records": some["records"].to_numpy(),
            "why": ["seen together" if pd.isna(why) else f"no link: {why}" for why in refused.tolist()],
        }
        return pd.DataFrame(columns, columns=list(COLUMNS))

    def walk(self, start: int, which: npt.NDArray[np.bool_]) -> tuple[Ints, Ints]:
        """Return the identifiers reached from one, nearest first, and before each the one that led there."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import breadth_first_order

        n = len(self.names)
        pair = (self.one[which], self.other[which])
        graph = coo_array((np.ones(len(pair[0]), np.int8), pair), shape=(n, n)).tocsr()
        order, before = breadth_first_order(graph, start, directed=False)
        return order.astype(np.int64), before.astype(np.int64)

    def best(self, one: int, other: int, rows: Ints) -> int:
        """Return the row, of some, that shows two identifiers together in the most records."""
        low, high = min(one, other), max(one, other)
        least = np.minimum(self.one[rows], self.other[rows])
        most = np.maximum(self.one[rows], self.other[rows])
        both = rows[(least == low) & (most == high)]
        return int(both[np.argmax(self.links["records"].to_numpy()[both])])


def _of_customer(graph: _Graph, wanted: int | Identifier) -> Explanation:
    if isinstance(wanted, int | np.integer):
        customer = int(wanted)
        if not (graph.customer == customer).any():
            raise LogError(f"the log has no identifiers of a customer {customer}")
    else:
        node = graph.find(wanted)
        customer = int(graph.customer[node])
        if customer < 0:
            rows = np.flatnonzero((graph.one == node) | (graph.other == node))
            return Explanation(
                answer=f"{graph.told(node)} is nobody's: {_reason(graph, node, rows)}",
                chain=graph.table(rows[:0]),
                links=graph.table(rows[:0]),
                refused=graph.table(rows),
            )
    own = np.flatnonzero(graph.customer == customer)
    touching = np.isin(graph.one, own) | np.isin(graph.other, own)
    linking = touching & graph.is_link
    rows = np.flatnonzero(linking)
    order, before = graph.walk(int(own[0]), linking)
    further = order[1:]
    begins = before[further]
    chain = [graph.best(a, b, rows) for a, b in zip(begins.tolist(), further.tolist(), strict=True)]
    refused = np.flatnonzero(touching & ~graph.is_link)
    n = len(own)
    answer = f"Customer {customer} has {n} identifier{'s' * (n != 1)}"
    if n > 1:
        answer += f", joined by {len(chain)} of {len(rows)} link{'s' * (len(rows) != 1)}"
    if len(refused):
        answer += f"; {len(refused)} {'was' if len(refused) == 1 else 'were'} refused"
    return Explanation(
        answer, graph.table(np.array(chain, np.int64), begins), graph.table(rows), graph.table(refused)
    )


def _of_two(graph: _Graph, one: int, other: int) -> Explanation:
    names = f"{graph.told(one)} and {graph.told(other)}"
    same = graph.customer[one] >= 0 and graph.customer[one] == graph.customer[other]
    which = graph.is_link if same else np.ones(len(graph.one), bool)
    path = _path(graph, one, other, which)
    rows = np.flatnonzero(which)
    chain = np.array([graph.best(a, b, rows) for a, b in pairwise(path)], np.int64)
    refused = chain[~graph.is_link[chain]]
    linked = chain[graph.is_link[chain]]
    if same:
        answer = f"{names} are one customer, {int(graph.customer[one])}"
        answer += f", by {len(chain)} link{'s' * (len(chain) != 1)}" if len(chain) else ""
    elif not len(chain):
        answer = f"{names} were never seen together, nor through others"
    else:
        first = graph.links["refused"].iloc[int(refused[0])] if len(refused) else None
        answer = f"{names} are not one customer" + (f": {first}" if first else "")
    told = graph.table(chain, np.array(path[:-1], np.int64))
    return Explanation(answer, told, graph.table(linked), graph.table(refused))


def _path(graph: _Graph, one: int, other: int, which: npt.NDArray[np.bool_]) -> list[int]:
    """Return the identifiers on a shortest way from one to the other; the one alone if there is none."""
    if not which.any():
        return [one]
    _, before = graph.walk(one, which)
    path = [other]
    while path[-1] != one:
        step = int(before[path[-1]])
        if step < 0:
            return [one]
        path.append(step)
    return path[::-1]


def _reason(graph: _Graph, node: int, rows: Ints) -> str:
    kind, _ = graph.names[node]
    for why in graph.links["refused"].iloc[rows].dropna().tolist():
        if why.startswith(f"{kind} "):
            return str(why)
    return "it was no link"
