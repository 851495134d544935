"""Personas that the behaviour itself shows: a mixture of Markov chains over customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining import asked
from cjmining.discovery.personas import tables
from cjmining.discovery.personas.counts import Behaviour, Reading, behaviour_of
from cjmining.discovery.personas.fit import Model, fit, members
from cjmining.discovery.personas.number import CRITERIA, SAMPLE, Choice, choose, criteria_of, data_of
from cjmining.discovery.personas.result import Chains, FoundPersonas
from cjmining.discovery.personas.stability import Stability, stability_of
from cjmining.discovery.personas.traits import descriptions, shares_of, traits
from cjmining.discovery.words import plural
from cjmining.engine.local import worked_on
from cjmining.errors import LogError
from cjmining.kernels.mixture import hashed
from cjmining.log import expect_log
from cjmining.progress import Progress, during, part, telling

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.engine.local import Engine
    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog

    Ints = NDArray[np.int64]

NUMBERS: Final = (1, 8)
"""How many personas are tried where nothing else is asked for."""
SAMPLES: Final = 55_000_000
"""Makes the hash by which customers are sampled another than those of halves and starts."""
MOST_STARTS: Final = 1_000
MOST_REPLICATES: Final = 10_000
"""More of these would only take time."""


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
    progress: Progress | bool | None = None,
    engine: Engine | None = None,
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
        From how many starts the mixture is fitted; the best is taken. At most 1,000.
    seed : int
        Makes starts, sample and halves repeatable.
    sample : int, optional
        On how many customers the number is chosen, and the stability stated; by default 10,000. The personas
        themselves are always fitted to all customers.
    stability : int
        In how many replicates of a bootstrap over customers the personas are looked for again, at most
        10,000.
    progress : callable or bool, optional
        Called with what is being done and the share of the whole that is done, 0 to 1; True shows a bar.
    engine : cjmining.engines.Spark, optional
        Who works on the log's blocks, the same as ``log.on(engine)``; by default who does so for the log.

    Returns
    -------
    FoundPersonas
        The personas, what sets them apart, who they are, and how far to trust that.

    Raises
    ------
    LogError
        If nobody took a step, more personas are asked for than customers differ, or an argument names
        nothing or is out of its limits.

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
    0  Persona 1: begins with search and call          5        10
    1       Persona 2: begins with ad and shop          1         2
    """
    log = worked_on(log, engine, "find_personas")
    expect_log(log, "find_personas")
    wanted = _numbers(number)
    if criterion is not None:
        asked.one_of("criterion", criterion, CRITERIA)
    starts, seed = asked.whole("starts", starts, most=MOST_STARTS), asked.seed(seed)
    stability = asked.whole("stability", stability, least=0, most=MOST_REPLICATES)
    sample = SAMPLE if sample is None else asked.whole("sample", sample)
    reading = Reading(
        level,
        asked.texts("ignore", ignore, of="touchpoints"),
        intended,
        asked.texts("attributes", attributes),
    )
    with telling(progress, "find_personas") as tell:
        with during(tell, "reading the journeys", 0.0, 0.1):
            behaviour = behaviour_of(log, reading, verb="find_personas")
        if not len(behaviour.customers.number):
            raise LogError(
                f"nobody in this log took a step at level {level!r} themselves: "
                "there is no behaviour to compare"
            )
        few = _sampled(behaviour, sample, seed)
        choice = None
        if not isinstance(wanted, int):
            trying = part(tell, 0.1, 0.7)
            choice = choose(few, wanted, criterion=criterion, starts=starts, seed=seed, progress=trying)
            wanted = choice.number
        tell("fitting the personas", 0.7)
        model = _fitted(behaviour, wanted, starts, seed)
        again = None
        if stability:
            tell("looking for them again", 0.8)
            again = stability_of(few, model, replicates=stability, starts=starts, seed=seed)
        return _found(log, reading, behaviour, model, _Account(choice, again, few))._made_of(log)


class _Account(NamedTuple):
    """How the number was chosen, and how stable the personas are, on which customers."""

    choice: Choice | None
    stability: Stability | None
    few: Behaviour


def _numbers(number: object) -> int | tuple[int, int]:
    """Return the number of personas that is asked for, or the smallest and the largest to choose from."""
    if number is None:
        return NUMBERS
    problem = LogError(
        f"number is how many personas, or the smallest and the largest to try, such as {NUMBERS}; "
        f"not {number!r}"
    )
    try:
        if not isinstance(number, tuple | list):
            return asked.whole("number", number)
        smallest, largest = (asked.whole("number", each) for each in number)
    except (LogError, ValueError):
        raise problem from None
    if smallest > largest:
        raise problem
    return smallest, largest


def _sampled(behaviour: Behaviour, sample: int, seed: int) -> Behaviour:
    n = len(behaviour.customers.number)
    if n <= sample:
        return behaviour
    kept = np.zeros(n, np.bool_)
    kept[np.argsort(hashed(behaviour.customers.number, SAMPLES + seed), kind="stable")[:sample]] = True
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
    sizes = members(behaviour.customers, model).sizes()
    return model.ordered(np.argsort(-sizes, kind="stable"))


def _found(
    log: JourneyLog, reading: Reading, behaviour: Behaviour, model: Model, account: _Account
) -> FoundPersonas:
    member, choice = members(behaviour.customers, model), account.choice
    shares = shares_of(behaviour.cells, member)
    said = descriptions(shares, behaviour.cells.names, reading.level)
    names = tuple(f"Persona {place}: {each.short}" for place, each in enumerate(said, start=1))
    everybody = log._customers.column("customer").to_numpy()
    nobody = len(everybody) - len(member.member)
    of_nobody = int((~np.isin(log.journey_customer, behaviour.customers.number)).sum())
    rows = choice.rows if choice else [criteria_of(behaviour, model)]
    asked_of = members(account.few.customers, model).sizes()
    overall = np.average(member.probability, axis=0, weights=member.different.weight)
    return FoundPersonas(
        number=model.number,
        level=reading.level,
        ignore=reading.ignore,
        attributes=reading.attributes,
        criterion=choice.criterion if choice else "given",
        notes=_notes(behaviour, account, nobody, log.n_journeys - of_nobody - len(behaviour.customer_of)),
        personas=tables.personas(
            behaviour, member, names, [each.whole for each in said], without=np.array([nobody, of_nobody])
        ),
        traits=traits(shares, list(names), behaviour.cells.names),
        transitions=tables.transitions(behaviour.cells, member, model, names),
        criteria=tables.criteria(rows),
        stability=tables.stability(account.stability, asked_of, names),
        quality=tables.quality(behaviour, member.persona, model),
        _everybody=everybody,
        _customers=behaviour.customers.number,
        _member=member,
        _chains=Chains(reading, behaviour.cells, behaviour.groups, model, names, overall),
    )


def _notes(behaviour: Behaviour, account: _Account, nobody: int, without: int) -> tuple[str, ...]:
    notes = []
    if nobody:
        notes.append(f"{plural(nobody, 'customer')} took no step of their own and are unknown.")
    choice, n = account.choice, len(behaviour.customers.number)
    if choice:
        notes.append(_note_on_number(choice, n))
        if choice.number == choice.largest and choice.number > 1:
            notes.append(f"{choice.number} is the largest number that was tried: there may be more personas.")
    if account.stability:
        notes.append(f"Stability is that of {len(account.few.customers.number):,} of {n:,} customers.")
    if without:
        notes.append(
            f"{plural(without, 'journey')} of known customers without a step of their own: counted in no row."
        )
    return (*notes, *behaviour.notes)


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
