"""Personas that the behaviour itself shows: a mixture of Markov chains over customers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa

from cjmining.discovery import personas_tables as tables
from cjmining.discovery.personas_counts import Behaviour, Cells, Reading, behaviour_of
from cjmining.discovery.personas_fit import Membership, Model, fit, members
from cjmining.discovery.personas_number import CRITERIA, SAMPLE, Choice, choose, criteria_of, data_of
from cjmining.discovery.personas_stability import Stability, stability_of
from cjmining.discovery.personas_traits import descriptions, shares_of, traits
from cjmining.errors import LogError, nearest
from cjmining.log import expect_log
from cjmining.results import Result
from cjmining.schema import UNKNOWN

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

NUMBERS = (1, 8)
"""How many personas are tried where nothing else is asked for."""


def find_personas(
    log: JourneyLog,
    *,
    number: int | tuple[int, int] | None = None,
    level: str = "touchpoint",
    ignore: Sequence[str] = (),
    intended: IntendedMap | None = None,
    attributes: Sequence[str] = (),
    criterion: str | None = None,
    starts: int = 5,
    seed: int = 0,
    sample: int | None = None,
    stability: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> FoundPersonas:
    """Find groups of customers who behave alike: a mixture of Markov chains, and how many there are.

    A persona is a first-order chain: how journeys begin, what follows what, how they end. All journeys of a
    customer are of one persona. Only what customers do themselves counts: being sent a newsletter is no
    behaviour (at level "stage", where a journey is at counts whoever moved it). Journeys tagged as open go on
    after the data, so that no end is counted for them; without the tag `outcome` every journey has an end.

    Parameters
    ----------
    log : JourneyLog
        Best split into journeys: several journeys of a customer are what tells personas from journeys that
        merely have a memory.
    number : int or tuple of int, optional
        How many personas; or the smallest and the largest number to choose from, by default 1 to 8. Larger
        numbers aren't tried after two in a row that are no better.
    level : {"touchpoint", "touchpoint@channel", "channel", "stage"}
        What a step of a journey is.
    ignore : sequence of str
        Touchpoints that are no part of the journey, such as `intended.ignore`.
    intended : IntendedMap, optional
        The map whose stages are the steps at level "stage".
    attributes : sequence of str
        Attributes of customers as context: each combination of their values has its own weights of the
        personas. They help to tell whose persona a customer is, but make none: see Notes.
    criterion : {"bic", "icl"}, optional
        By what the number is chosen. By default "bic" where enough customers have several journeys for these
        to be asked, else "icl": see Notes.
    starts : int
        From how many starts the mixture is fitted; the best is taken.
    seed : int
        Makes starts, sample and halves repeatable.
    sample : int, optional
        On how many customers the number is chosen, and the stability stated; by default 10,000. The personas
        themselves are always fitted to all customers.
    stability : int
        In how many replicates of a bootstrap over customers the personas are looked for again.
    progress : callable, optional
        Called with what is being done and the share done.

    Returns
    -------
    FoundPersonas
        The personas, what sets them apart, who they are, and how far to trust that.

    Raises
    ------
    LogError
        If nobody took a step, more personas are asked for than customers differ, or an argument names
        nothing.

    Notes
    -----
    Expectation and maximisation over sparse counts. Probabilities are posterior modes: each persona has, at
    each step, seen one step of everybody's before it sees its own customers, and one customer is spread over
    the weights of each group.

    The number. What makes a persona is that customers differ, not that a journey has a memory; but a mixture
    of first-order chains fits memory too, and BIC then splits any log that is long enough. So customers with
    several journeys are asked (at least 30 in each of two halves): the mixture is fitted to one half, and in
    the other it says by how much a customer's journeys are likelier together than each by itself. A number
    counts only where that gain is above that of every smaller number that counts (one-sided, p below .05);
    among those, the criterion decides. Where customers have one journey each, kinds of journeys can't be told
    from kinds of customers: there ICL decides, which asks for groups that are clearly apart and so isn't
    misled by memory. Both miss personas that hardly differ; docs/discovery/personas.md says how large they
    must be.

    References
    ----------
    Cadez, Heckerman, Meek, Smyth, White (2003), doi:10.1023/A:1024992613384; Biernacki, Celeux, Govaert
    (2000), Assessing a mixture model for clustering with the integrated completed likelihood,
    doi:10.1109/34.865189; Dayton and Macready (1988), doi:10.1080/01621459.1988.10478584 (attributes).

    Examples
    --------
    Six customers who either search and call, or see an ad and leave, twice each:

    >>> import cjmining as cj
    >>> import pandas as pd
    >>> ways = {"search": ["search", "call", "order"], "ad": ["ad", "shop", "ad"]}
    >>> rows = [
    ...     (customer, f"{customer}-{attempt}", step)
    ...     for customer in range(6)
    ...     for attempt in range(2)
    ...     for step in ways["ad" if customer == 5 else "search"]
    ... ]
    >>> log = cj.JourneyLog.from_events(pd.DataFrame({
    ...     "customer": [row[0] for row in rows],
    ...     "timestamp": pd.to_datetime(range(len(rows)), unit="h", utc=True),
    ...     "touchpoint": [row[2] for row in rows],
    ...     "native_journey": [row[1] for row in rows],
    ... }))
    >>> found = cj.find_personas(log, number=2)
    >>> found.personas[["persona", "customers", "journeys"]]
                                     persona  customers  journeys
    0  Persona 1: begins with search, call          5        10
    1       Persona 2: begins with ad, shop          1         2
    """
    expect_log(log, "find_personas")
    _expect_arguments(number, criterion, starts, sample, stability)
    if isinstance(attributes, str):
        raise LogError(f"attributes is a sequence of names: write [{attributes!r}], not {attributes!r}")
    reading = Reading(level, tuple(ignore), intended, tuple(attributes))
    behaviour = behaviour_of(log, reading, verb="find_personas")
    if not len(behaviour.customers.number):
        raise LogError(
            f"nobody in this log took a step at level {level!r} themselves: there is no behaviour to compare"
        )
    few = _sampled(behaviour, SAMPLE if sample is None else sample, seed)
    choice = None
    if isinstance(number, int):
        wanted = number
    else:
        choice = choose(
            few, number or NUMBERS, criterion=criterion, starts=starts, seed=seed, progress=progress
        )
        wanted = choice.number
    model = _fitted(behaviour, wanted, starts, seed)
    again = None
    if stability:
        again = stability_of(few, model, replicates=stability, starts=starts, seed=seed)
    return _found(log, reading, behaviour, model, _Account(choice, again, few))._made_of(log)


class _Account(NamedTuple):
    """How the number was chosen, and how stable the personas are, on which customers."""

    choice: Choice | None
    stability: Stability | None
    few: Behaviour


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
    customers: pd.DataFrame
    transitions: pd.DataFrame
    criteria: pd.DataFrame
    stability: pd.DataFrame
    quality: pd.DataFrame
    _found: _Found = field(repr=False)

    _tables = ("personas", "traits", "customers", "transitions", "criteria", "stability", "quality")
    _of_persons: ClassVar[tuple[str, ...]] = ("customers",)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the personas, by falling number of customers."""
        return self._found.names

    def assign(self, log: JourneyLog) -> JourneyLog:
        """Return a log whose customers have the attribute `persona` by these chains.

        Parameters
        ----------
        log : JourneyLog
            The log that the personas were found in, or another of the same kind. What the model never saw (a
            new touchpoint, a step that never followed another) says nothing of a persona; a combination of
            attributes that it never saw has the weights of all customers together.

        Returns
        -------
        JourneyLog
            Customers of whose own steps the model knows none are "unknown".

        Raises
        ------
        LogError
            If customers of the log lack an attribute that the model asks for.

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
        return log.with_personas(_Assigned(self._found, log))

    def _summary(self) -> str:
        told = self.personas[self.personas["persona"] != UNKNOWN]
        customers, journeys = int(told["customers"].sum()), int(told["journeys"].sum())
        how = "as given" if self.criterion == "given" else f"by {self.criterion.upper()}"
        word = "persona" if self.number == 1 else "personas"
        return (
            f"FoundPersonas: {self.number} {word} ({how}) among {customers:,} customers "
            f"with {journeys:,} journeys"
        )


class _Found(NamedTuple):
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
        counts = read.customers.counts._replace(group=group[read.customers.counts.group])
        return read.customers.number, members(counts, self.model._replace(log_mixing=log_mixing))


class _Assigned(NamedTuple):
    """Names the personas of a log's customers, as `JourneyLog.with_personas` asks."""

    found: _Found
    log: JourneyLog

    def personas_of(self, customers: pa.Table) -> pa.Array:
        """Return the persona of each row, as a dictionary array."""
        number, member = self.found.members(self.log)
        codes = np.full(customers.num_rows, len(self.found.names), np.int32)
        codes[np.searchsorted(customers.column("customer").to_numpy(), number)] = member.persona
        words = pa.array([*self.found.names, UNKNOWN], pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(codes), words)


# how they are found -------------------------------------------------------------------------------------


def _expect_arguments(
    number: object, criterion: str | None, starts: int, sample: int | None, stability: int
) -> None:
    numbers = (number, number) if isinstance(number, int) else number
    if numbers is not None and not _are_numbers(numbers):
        raise LogError(
            f"number is how many personas, or the smallest and the largest to try, such as {NUMBERS}; "
            f"not {number!r}"
        )
    if criterion is not None and criterion not in CRITERIA:
        raise LogError(
            f"there is no criterion {criterion!r}{nearest(str(criterion), CRITERIA)}; "
            f"it is one of {', '.join(CRITERIA)}"
        )
    for name, given, least in (("starts", starts, 1), ("sample", sample, 1), ("stability", stability, 0)):
        if given is not None and (isinstance(given, bool) or not isinstance(given, int) or given < least):
            raise LogError(f"{name} is a whole number of at least {least}, not {given!r}")


def _are_numbers(numbers: object) -> bool:
    return (
        isinstance(numbers, tuple)
        and len(numbers) == 2
        and all(isinstance(each, int) and not isinstance(each, bool) and each >= 1 for each in numbers)
        and numbers[0] <= numbers[-1]
    )


def _sampled(behaviour: Behaviour, sample: int, seed: int) -> Behaviour:
    n = len(behaviour.customers.number)
    if n <= sample:
        return behaviour
    kept = np.zeros(n, np.bool_)
    kept[np.random.default_rng([seed, n, sample]).permutation(n)[:sample]] = True
    return behaviour.of_customers(kept)


def _fitted(behaviour: Behaviour, number: int, starts: int, seed: int) -> Model:
    """Fit to all customers, and put the largest persona first."""
    data = data_of(behaviour)
    if number > len(data.counts.weight):
        raise LogError(
            f"{number:,} personas can't be told apart: there are {len(data.counts.weight):,} different "
            "customers; ask for fewer"
        )
    model = fit(data, number, starts=starts, seed=seed)
    persona = members(behaviour.customers.counts, model).persona
    sizes = np.bincount(persona, minlength=number)
    return model.ordered(np.argsort(-sizes, kind="stable"))


def _found(
    log: JourneyLog, reading: Reading, behaviour: Behaviour, model: Model, account: _Account
) -> FoundPersonas:
    member = members(behaviour.customers.counts, model)
    persona, choice = member.persona, account.choice
    shares = shares_of(behaviour, persona, model.number)
    said = descriptions(shares, behaviour.cells.names, reading.level)
    names = tuple(f"Persona {place}: {each.short}" for place, each in enumerate(said, start=1))
    everybody = log._customers.column("customer").to_numpy()
    nobody = len(everybody) - len(persona)
    of_nobody = int((~np.isin(log.journey_customer, behaviour.customers.number)).sum())
    rows = choice.rows if choice else [criteria_of(behaviour, model)]
    customers = np.bincount(members(account.few.customers.counts, model).persona, minlength=model.number)
    overall = member.probability.mean(axis=0)
    return FoundPersonas(
        number=model.number,
        level=reading.level,
        ignore=reading.ignore,
        attributes=reading.attributes,
        criterion=choice.criterion if choice else "given",
        notes=_notes(behaviour, account, nobody),
        personas=tables.personas(
            behaviour, member, names, [each.whole for each in said], without=np.array([nobody, of_nobody])
        ),
        traits=traits(shares, list(names), behaviour.cells.names),
        customers=tables.customers(behaviour, member, names, everybody),
        transitions=tables.transitions(behaviour, persona, model, names),
        criteria=tables.criteria(rows),
        stability=tables.stability(account.stability, customers, names),
        quality=tables.quality(behaviour, persona, model),
        _found=_Found(reading, behaviour.cells, behaviour.groups, model, names, overall),
    )


def _notes(behaviour: Behaviour, account: _Account, nobody: int) -> tuple[str, ...]:
    notes = []
    if nobody:
        notes.append(f"{nobody:,} customers took no step themselves: they are unknown.")
    choice, n = account.choice, len(behaviour.customers.number)
    if choice:
        notes.append(_note_on_number(choice, n))
        if choice.number == choice.largest and choice.number > 1:
            notes.append(f"{choice.number} is the largest number that was tried: there may be more personas.")
    if account.stability:
        notes.append(f"Stability is that of {len(account.few.customers.number):,} of {n:,} customers.")
    return tuple(notes)


def _note_on_number(choice: Choice, n: int) -> str:
    chosen = f"The number was chosen by {choice.criterion.upper()} on {choice.customers:,} of {n:,} customers"
    if choice.asked:
        return (
            f"{chosen}, among those for which a customer's journeys belong together; at least "
            f"{choice.witnesses:,} customers in each half have several."
        )
    misled = "" if choice.criterion == "icl" else "; BIC may take journeys that have a memory for personas"
    return (
        f"{chosen}. Too few have several journeys to tell kinds of customers from kinds of journeys{misled}."
    )
