"""The intended map: the journey a business plans, as frozen values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from cjmining.errors import MapError, nearest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import pyarrow as pa

    from cjmining.kernels.automaton import Automaton
    from cjmining.kernels.outcomes import WalkRules

Actor = Literal["customer", "company"]
Order = Literal["sequence", "choice", "any"]
Measure = Literal["wait_s", "duration_s", "satisfaction", "response_s", "contacts"]
Ending = Literal["goal", "exit", "silence"]

RESERVED_PERSONAS: tuple[Literal["other"], Literal["unknown"]] = ("other", "unknown")
"""Names of those whom no persona fits, and of those of whom too little is known."""

NEVER_US = -1
"""Patience that never ends, as the kernels write it."""

AUTO_US = -2
"""Patience that is still to be estimated; no kernel ever sees it."""


@dataclass(frozen=True)
class Expectation:
    """A promise with a number: `measure` at most or at least so much, for a share of the events.

    `wait_s`, `duration_s` and `satisfaction` (0 to 1) are those of the touchpoint's events; `response_s` is
    the time in seconds from the touchpoint `after` to this one; `contacts` is how often the touchpoint occurs
    in one journey, and its share is of journeys.
    """

    measure: Measure
    at_most: float | None = None
    at_least: float | None = None
    share: float = 1.0
    after: str | None = None


@dataclass(frozen=True)
class Touchpoint:
    """A planned touchpoint of a stage.

    `rates` names the touchpoints that this one, a survey's answer, judges: its satisfaction counts for the
    last event of one of these before it in the journey.
    """

    touchpoint: str
    channels: tuple[str, ...] = ()
    optional: bool = False
    repeat: bool = False
    recorded: bool = True
    actor: Actor | None = None
    emotion: int | None = None
    moment_of_truth: bool = False
    pain_points: tuple[str, ...] = ()
    opportunities: tuple[str, ...] = ()
    expect: tuple[Expectation, ...] = ()
    rates: tuple[str, ...] = ()

    @property
    def planned_actor(self) -> Actor:
        """Who is meant to do it: as the map says, else the customer."""
        return self.actor or "customer"


@dataclass(frozen=True)
class Stage:
    """A step of the map that groups touchpoints.

    `next` names the stages that a finished one leads to (none: the map may end here); `patience` is its own
    (a duration, "never" or "auto"), or None where the map's holds. `patience_us` is the one in force, in
    microseconds, -1 for never, -2 for auto; the map fills it in.
    """

    stage: str
    owner: str | None = None
    motivation: str | None = None
    order: Order = "sequence"
    touchpoints: tuple[Touchpoint, ...] = ()
    optional: bool = False
    patience: timedelta | Literal["never", "auto"] | None = None
    within: timedelta | None = None
    within_share: float = 1.0
    next: tuple[str, ...] = ()
    returns_to: tuple[str, ...] = ()
    patience_us: int = NEVER_US


@dataclass(frozen=True)
class Exit:
    """A touchpoint that ends a journey without the goal: as dropped (customer) or turned away (company)."""

    touchpoint: str
    by: Actor = "customer"


@dataclass(frozen=True)
class Persona:
    """A named group of customers.

    `where` holds for each attribute its conditions, by operator: at_least, at_most, above, below, equals,
    one_of, missing. All of them must hold. `value` is the net value of one conversion. `stages` are those
    that differ for this persona, each whole: what an override leaves out is as in the stage of the map.
    """

    persona: str
    where: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    value: float | None = None
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True)
class IntendedMap:
    """The planned journey, executable: stages, touchpoints, order, promises, goal and exits.

    Made by `cj.read_map`. See the file format in `docs/map-format.md`.

    Attributes
    ----------
    map : str
        Its name.
    goal : tuple of str
        Any of these touchpoints completes the journey.
    exits : tuple of Exit
        Touchpoints that end it without the goal.
    patience : timedelta or "auto" or None
        The customer's silence that counts as having left; None is never. Where it is "auto",
        `cj.settle_patience` puts a number in its place.
    horizon : timedelta
        Within which drop-out and conversion are stated.
    ignore : tuple of str
        Touchpoints that are no part of the journey at all.
    new_journey_after : tuple of {"goal", "exit", "silence"}
        After which end a customer may begin another journey.
    stages : tuple of Stage
        In the intended order.
    personas : tuple of Persona
        The first that fits is a customer's.
    remarks : tuple of str
        What is legal but looks like a mistake.
    settled : str
        How `cj.settle_patience` put numbers in place of auto, in words; empty where it did not.
    text, path : str
        The YAML it was read from, and where that lay.
    """

    map: str
    goal: tuple[str, ...]
    stages: tuple[Stage, ...]
    exits: tuple[Exit, ...] = ()
    patience: timedelta | Literal["auto"] | None = None
    horizon: timedelta = timedelta(days=30)
    ignore: tuple[str, ...] = ()
    new_journey_after: tuple[Ending, ...] = ("goal", "exit", "silence")
    personas: tuple[Persona, ...] = ()
    remarks: tuple[str, ...] = field(default=(), compare=False)
    settled: str = field(default="", compare=False, repr=False)
    text: str = field(default="", compare=False, repr=False)
    path: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stages", self._with_patience_in_force(self.stages))
        personas = tuple(
            dataclasses.replace(persona, stages=self._with_patience_in_force(persona.stages))
            for persona in self.personas
        )
        object.__setattr__(self, "personas", personas)

    @property
    def name(self) -> str:
        """The name of the map."""
        return self.map

    @property
    def stage_names(self) -> tuple[str, ...]:
        """The stages in the intended order."""
        return tuple(stage.stage for stage in self.stages)

    @property
    def touchpoint_names(self) -> tuple[str, ...]:
        """The touchpoints in written order, each once."""
        return tuple(dict.fromkeys(t.touchpoint for stage in self.stages for t in stage.touchpoints))

    @property
    def every_touchpoint(self) -> tuple[str, ...]:
        """The touchpoints of the map, then those that only stages of personas name, each once."""
        own = (stage for persona in self.personas for stage in persona.stages)
        names = (t.touchpoint for stage in (*self.stages, *own) for t in stage.touchpoints)
        return tuple(dict.fromkeys(names))

    @property
    def patience_us(self) -> int:
        """The map's patience in microseconds; -1 is never, -2 auto."""
        return _microseconds(self.patience)

    @property
    def unsettled(self) -> tuple[str, ...]:
        """Whose patience is auto, and so not settled: the map, its stages, stages of personas.

        Examples
        --------
        >>> from cjmining.intended import parse_map
        >>> till = parse_map("{map: Till, goal: [paid], patience: auto, "
        ...                  "stages: [{stage: Pay, touchpoints: [{touchpoint: paid}]}]}")
        >>> till.unsettled
        ('the map',)
        """
        found = ["the map"] if self.patience == "auto" else []
        found += [f"the stage '{stage.stage}'" for stage in self.stages if stage.patience == "auto"]
        for persona in self.personas:
            of_map = {stage.stage for stage in self.stages if stage.patience == "auto"}
            own = [one.stage for one in persona.stages if one.patience == "auto" and one.stage not in of_map]
            found += [f"the stage '{stage}' for the persona '{persona.persona}'" for stage in own]
        return tuple(found)

    @property
    def horizon_us(self) -> int:
        """The horizon in microseconds."""
        return _microseconds(self.horizon)

    @cached_property
    def automaton(self) -> Automaton:
        """The map compiled to a finite automaton, whose edges lie in written order."""
        from cjmining.intended.automaton import compile_automaton

        return compile_automaton(self.stages, self.goal)

    @cached_property
    def variants(self) -> tuple[IntendedMap, ...]:
        """The map itself, then the map of each persona that has stages of its own, in their order.

        They share everything but what the stages say: the names of the stages and their order are the same. A
        variant is a plain map: its personas have no stages of their own, so that it is its only variant.
        """
        own = (self.for_persona(persona.persona) for persona in self.personas)
        return (self, *(variant for variant in own if variant is not self))

    @cached_property
    def _by_persona(self) -> dict[str, IntendedMap]:
        return {persona.persona: self._varied(persona) for persona in self.personas}

    def for_persona(self, name: str) -> IntendedMap:
        """Return the map as it holds for one persona.

        Parameters
        ----------
        name : str
            A persona of the map, or `other` or `unknown`, for whom the map itself holds.

        Returns
        -------
        IntendedMap
            This very map where nothing differs for the persona.

        Raises
        ------
        MapError
            If the map has no such persona.
        """
        if name in self._by_persona:
            return self._by_persona[name]
        if name in RESERVED_PERSONAS:
            return self
        known = [*self._by_persona, *RESERVED_PERSONAS]
        hint = nearest(name, known) or f"; it has {', '.join(known)}"
        raise MapError(f"the map '{self.map}' has no persona '{name}'{hint}")

    def variant_of(self, customers: pa.Table) -> npt.NDArray[np.int32]:
        """Return for each customer which of the `variants` holds, by the map's own rules for personas.

        Parameters
        ----------
        customers : pyarrow.Table
            A row a customer, with the attributes that the personas ask for.

        Returns
        -------
        numpy.ndarray of int32, shape (n_customers,)
            Positions in `variants`; 0, the map itself, for whom no persona fits or nobody knows.

        Raises
        ------
        LogError
            If `customers` has attributes, but not one that a persona asks for.
        """
        from cjmining.intended.personas import variant_of

        return variant_of(self, customers)

    def walk_rules(self, vocabulary: Sequence[str], actors: Sequence[str]) -> WalkRules:
        """Return what the outcome kernels need to know, for the codes of a log.

        Parameters
        ----------
        vocabulary : sequence of str
            The log's touchpoints, in the order of their codes.
        actors : sequence of str
            The log's actors, in the order of their codes.
        """
        from cjmining.intended.rules import walk_rules

        return walk_rules(self, vocabulary, actors)

    def personas_of(self, customers: pa.Table) -> pa.Array:
        """Return each customer's persona, as a dictionary array aligned with `customers`.

        The first persona that fits; where none does, `unknown` if that depends on an attribute which this
        customer lacks, else `other`.

        Parameters
        ----------
        customers : pyarrow.Table
            A row a customer, a column an attribute.

        Returns
        -------
        pyarrow.Array

        Raises
        ------
        LogError
            If `customers` has attributes, but not one that a persona asks for.
        """
        from cjmining.intended.personas import personas_of

        return personas_of(self.personas, customers)

    def with_patience(self, factor: float) -> IntendedMap:
        """Return the same map with every finite patience (also of stages and personas) times `factor`.

        Parameters
        ----------
        factor : float
            Above 0.
        """
        if not factor > 0:
            raise ValueError(f"factor must be above 0, not {factor}")
        patience = self.patience * factor if isinstance(self.patience, timedelta) else self.patience
        personas = tuple(
            dataclasses.replace(persona, stages=_more_patient(persona.stages, factor))
            for persona in self.personas
        )
        stages = _more_patient(self.stages, factor)
        return dataclasses.replace(self, stages=stages, patience=patience, personas=personas)

    def automaton_table(self) -> pd.DataFrame:
        """Return the automaton as a table, a row an edge, in the order in which the alignment prefers them.

        Returns
        -------
        pandas.DataFrame
            from_state, to_state : states, numbered from 0 (before the map).
            stage : the stage of the touchpoint that the edge carries.
            touchpoint : the touchpoint.
            one_of : whether the stage is a choice, so that what is missing is "one of" its touchpoints.
            returns : whether the edge only leads back (a repeat, or an entry by `returns_to`).
            recorded : whether a system sees the touchpoint.
            passes_goal : whether this edge passes the goal: no edge before it on the way has.
            goal_passed : whether the goal has been passed once the edge is taken.

        Examples
        --------
        >>> from cjmining.intended import parse_map
        >>> till = parse_map("{map: Till, goal: [paid], patience: 2d, "
        ...                  "stages: [{stage: Pay, touchpoints: [{touchpoint: paid}]}]}")
        >>> till.automaton_table()[["from_state", "to_state", "touchpoint", "passes_goal"]].values.tolist()
        [[0, 1, 'paid', True]]
        """
        from cjmining.intended.automaton import automaton_table

        return automaton_table(self)

    def explain(self) -> str:
        """Return the map in words, for a reader who is to say whether it is what was meant."""
        from cjmining.intended.explain import explain

        return explain(self)

    def __repr__(self) -> str:
        from cjmining.intended.view import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from cjmining.intended.view import as_html

        return as_html(self)

    def _varied(self, persona: Persona) -> IntendedMap:
        own = {stage.stage: stage for stage in persona.stages}
        stages = tuple(own.get(stage.stage, stage) for stage in self.stages)
        if stages == self.stages:
            return self
        plain = tuple(dataclasses.replace(other, stages=()) for other in self.personas)
        return dataclasses.replace(self, stages=stages, personas=plain)

    def _with_patience_in_force(self, stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
        return tuple(
            dataclasses.replace(stage, patience_us=self._patience_in_force(stage)) for stage in stages
        )

    def _patience_in_force(self, stage: Stage) -> int:
        if stage.patience == "never":
            return NEVER_US
        return _microseconds(self.patience if stage.patience is None else stage.patience)


def _more_patient(stages: tuple[Stage, ...], factor: float) -> tuple[Stage, ...]:
    return tuple(
        dataclasses.replace(stage, patience=stage.patience * factor)
        if isinstance(stage.patience, timedelta)
        else stage
        for stage in stages
    )


def _microseconds(duration: timedelta | Literal["auto"] | None) -> int:
    if isinstance(duration, timedelta):
        return duration // timedelta(microseconds=1)
    return NEVER_US if duration is None else AUTO_US
