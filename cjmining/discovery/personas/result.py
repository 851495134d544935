"""The result of finding personas: its tables, and the chains that name customers of any log."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from cjmining import asked
from cjmining.discovery.personas import tables
from cjmining.discovery.personas.counts import Cells, Reading, behaviour_of
from cjmining.discovery.personas.fit import Membership, Model, members
from cjmining.errors import LogError
from cjmining.grouping import PERIODS
from cjmining.log import expect_log
from cjmining.results import Result
from cjmining.schema import EVENTS, JOURNEYS, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.log import JourneyLog

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]


@dataclass(frozen=True, repr=False, eq=False)
class FoundPersonas(Result):
    """Personas that behaviour shows, by falling number of customers.

    A customer is of the persona that most likely made all their journeys. Whoever took no step of their own
    is "unknown".

    Attributes
    ----------
    number : int
        How many personas there are.
    level : str
        What a step is.
    ignore : tuple of str
        The touchpoints that were left out.
    attributes : tuple of str
        The attributes whose combinations have their own weights.
    criterion : str
        By what the number was chosen: "bic", "icl" or "given".
    notes : tuple of str
        What a reader should know before trusting the number.
    personas : pandas.DataFrame
        One row a persona: persona (its name, made of the two largest differences), customers, journeys,
        share_of_customers (of all customers of the log), probability (how sure on average: of being of this
        persona), entropy (how unsure on average, bits; 0 is certain), description (what sets it apart most:
        steps whose share of customers differs by at least half a standard deviation).
    traits : pandas.DataFrame
        What is more or less frequent in a persona than in all others: persona (by its name), kind ("begins
        with", "does" or "ends with", in any of a customer's journeys), step (which), customers (of the
        persona who do so), share_of_customers (of the persona), elsewhere (customers of all other personas
        who do so), share_elsewhere (of those customers), ratio (of the two shares), apart (their difference
        in standard deviations; rows are sorted by its size), q (of no difference, Benjamini-Hochberg over the
        table; it tells what sets the personas apart, not that there are any, since they were made from these
        counts).
    customers : pandas.DataFrame
        One row a customer of the log: customer (by number), persona (by its name), probability (of being of
        it), second_best (the persona that is next), second_probability (of being of that).
    transitions : pandas.DataFrame
        The chain of each persona: persona (by its name), from_step ("(start)" is the beginning), to_step
        ("(end)" is the end), customers (of the persona who do so), count (how often they do so), probability
        (of going to to_step from from_step, by the model).
    criteria : pandas.DataFrame
        One row a number tried: number (of personas), customers (on whom it was chosen), log_likelihood
        (natural logarithm), parameters (free ones), bic and icl (smaller is better), entropy (how unsure all
        customers' personas are together, natural logarithm; icl is bic + 2 x entropy), further_journey_bits
        (by how many bits a journey is told better from the customer's other journeys, among customers left
        out of the fit), further_journey_p (p value of that being no more than by any smaller number that
        counts), belongs_together (whether the number counts, as every number does where too few customers
        have several journeys), chosen (whether it was taken).
    stability : pandas.DataFrame
        One row a persona; empty without replicates: persona (by its name), customers (on whom it was stated),
        replicates (of the bootstrap), jaccard (mean likeness to the most similar persona of a replicate, 0 to
        1), share_recovered (of replicates with at least .75), share_dissolved (of replicates with at most
        .5), adjusted_rand (agreement of all personas, mean over replicates: 1 the same, 0 by chance).
    quality : pandas.DataFrame
        Entropic relevance, bits a journey that has ended, fewer being better: told_by (one chain for all, or
        those of the personas), personas (how many chains), journeys (that have ended), share_fitting (of
        journeys that the model can make), selector_bits (saying whether it can), naming_bits (naming the
        persona of the journey), step_bits (telling its steps), bits_per_journey (all three).
    """

    number: int
    level: str
    ignore: tuple[str, ...]
    attributes: tuple[str, ...]
    criterion: str
    notes: tuple[str, ...]
    personas: pd.DataFrame
    traits: pd.DataFrame
    transitions: pd.DataFrame
    criteria: pd.DataFrame
    stability: pd.DataFrame
    quality: pd.DataFrame
    _everybody: Ints
    _customers: Ints
    _member: Membership
    _chains: Chains

    _tables = ("personas", "traits", "customers", "transitions", "criteria", "stability", "quality")
    _late = _of_persons = ("customers",)

    @cached_property
    def customers(self) -> pd.DataFrame:
        """A row a customer of the log; made when it is first asked for."""
        return self._make("customers")

    def _make(self, name: str, rows: int | None = None) -> pd.DataFrame:  # noqa: ARG002 -- the only one
        everybody, member = self._everybody[:rows], self._member
        some = int(np.searchsorted(self._customers, everybody[-1:], side="right").sum())
        return tables.customers(
            everybody, self._customers[:some], member._replace(member=member.member[:some]), self.names
        )

    def _n_rows(self, name: str) -> int:  # noqa: ARG002 -- the only one
        return len(self._everybody)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the personas, by falling number of customers."""
        return self._chains.names

    def assign(self, log: JourneyLog, *, name: str = "persona", overwrite: bool = False) -> JourneyLog:
        """Return a log whose customers have their persona by these chains as an attribute.

        Parameters
        ----------
        log : JourneyLog
            The log that the personas were found in, or another of the same kind. What the model never saw (a
            new touchpoint, a step that never followed another) says nothing of a persona; a combination of
            attributes that it never saw has the weights of all customers together.
        name : str
            What the attribute is called, for every verb's `by`.
        overwrite : bool
            Whether an attribute of that name, such as personas by rules, is replaced.

        Returns
        -------
        JourneyLog
            Customers of whose own steps the model knows none are "unknown".

        Raises
        ------
        LogError
            If customers of the log lack an attribute that the model asks for, have one called `name` that
            isn't to be replaced, or `name` is empty or means something else in the log.

        Examples
        --------
        >>> import cjmining as cj
        >>> log = cj.simulate.shop(200, seed=1).log
        >>> found = cj.find_personas(log, number=2)
        >>> named = found.assign(cj.simulate.shop(100, seed=2).log)
        >>> set(named.customers["persona"]) <= {*found.names, "unknown"}
        True
        """
        expect_log(log, "assign")
        _expect_name(log, name, overwrite=asked.yes("overwrite", overwrite))
        personas = self._chains.personas_of(log)
        kept = [column for column in log._customers.column_names if column != name]
        customers = log._customers.select(kept).append_column(name, personas)
        return replace(log, _customers=customers, _cache={})

    def _summary(self) -> str:
        told = self.personas[self.personas["persona"] != UNKNOWN]
        customers, journeys = int(told["customers"].sum()), int(told["journeys"].sum())
        how = "as given" if self.criterion == "given" else f"by {self.criterion.upper()}"
        word = "persona" if self.number == 1 else "personas"
        return (
            f"FoundPersonas: {self.number} {word} ({how}) among {customers:,} customers "
            f"with {journeys:,} journeys"
        )

    def __repr__(self) -> str:
        lines = [_line(row) for row in self.personas.head(_SHOWN).to_dict("records")]
        if len(self.personas) > _SHOWN:
            lines.append(f"  and {len(self.personas) - _SHOWN:,} more in .personas")
        return "\n".join([self._summary(), *lines, *(f"  note: {note}" for note in self.notes)])


class Chains(NamedTuple):
    """What `assign` needs of what was found."""

    reading: Reading
    cells: Cells
    groups: tuple[str, ...]
    model: Model
    names: tuple[str, ...]
    overall: Floats
    """The weights of the personas over all customers, for groups that the model never saw."""

    def members(self, log: JourneyLog) -> tuple[Ints, Membership]:
        """Return the customers of a log of whom the model knows something, and their personas."""
        read = behaviour_of(log, self.reading, known=self.cells, verb="assign")
        mixing = np.exp(self.model.log_mixing)
        place = {name: number for number, name in enumerate(self.groups)}
        everybody = len(self.groups)
        group = np.array([place.get(name, everybody) for name in read.groups], np.int32)
        log_mixing = np.log(np.vstack([mixing, self.overall]))
        customers = read.customers._replace(group=group[read.customers.group])
        return customers.number, members(customers, self.model._replace(log_mixing=log_mixing))

    def personas_of(self, log: JourneyLog) -> pa.Array:
        """Return the persona of each customer of a log, as a dictionary array."""
        number, member = self.members(log)
        everybody = log._customers.column("customer").to_numpy()
        codes = np.full(len(everybody), len(self.names), np.int32)
        codes[np.searchsorted(everybody, number)] = member.persona
        return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array([*self.names, UNKNOWN], pa.string()))


def _expect_name(log: JourneyLog, name: object, *, overwrite: bool) -> None:
    if not isinstance(name, str) or not name.strip():
        raise LogError(f"name is what the attribute is called, such as 'persona', not {name!r}")
    if name in (*JOURNEYS.names, *EVENTS.names, *log.dimensions, *log.tags, *PERIODS):
        raise LogError(f"an attribute can't be called {name!r}: that means something else in this log")
    if name in log.attributes and not overwrite:
        raise LogError(
            f"customers have the attribute {name!r} already: give another name, such as "
            "name='found_persona', or overwrite=True to replace it"
        )


def _line(row: Mapping[Hashable, Any]) -> str:
    of_all = f"{row['customers']:,} customers ({100 * row['share_of_customers']:.0f} % of all)"
    return f"  {row['persona']}: {of_all}, {row['journeys']:,} journeys; {row['description']}"


_SHOWN = 12
"""Personas that a terminal shows."""
