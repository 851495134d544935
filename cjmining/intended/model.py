"""The intended map: the journey a business plans, as frozen values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow as pa

    from cjmining.kernels.automaton import Automaton
    from cjmining.kernels.outcomes import WalkRules

Actor = Literal["customer", "company"]
Order = Literal["sequence", "choice", "any"]
Measure = Literal["wait_s", "duration_s", "satisfaction"]
Ending = Literal["goal", "exit", "silence"]

NEVER_US = -1
"""Patience that never ends, as the kernels write it."""


@dataclass(frozen=True)
class Expectation:
    """A promise with a number: `measure` at most or at least so much, for a share of the events."""

    measure: Measure
    at_most: float | None = None
    at_least: float | None = None
    share: float = 1.0


@dataclass(frozen=True)
class Touchpoint:
    """A planned touchpoint of a stage."""

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

    @property
    def planned_actor(self) -> Actor:
        """Who is meant to do it: as the map says, else the customer."""
        return self.actor or "customer"


@dataclass(frozen=True)
class Stage:
    """A step of the map that groups touchpoints.

    `next` names the stages that a finished one leads to (none: the map may end here); `patience` is its own
    (a duration or "never"), or None where the map's holds. `patience_us` is the one in force, in
    microseconds, -1 for never; the map fills it in.
    """

    stage: str
    owner: str | None = None
    motivation: str | None = None
    order: Order = "sequence"
    touchpoints: tuple[Touchpoint, ...] = ()
    optional: bool = False
    patience: timedelta | Literal["never"] | None = None
    within: timedelta | None = None
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
    one_of, missing. All of them must hold. `value` is the net value of one conversion.
    """

    persona: str
    where: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    value: float | None = None


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
    patience : timedelta or None
        The customer's silence that counts as having left; None is never.
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
    text, path : str
        The YAML it was read from, and where that lay.
    """

    map: str
    goal: tuple[str, ...]
    stages: tuple[Stage, ...]
    exits: tuple[Exit, ...] = ()
    patience: timedelta | None = None
    horizon: timedelta = timedelta(days=30)
    ignore: tuple[str, ...] = ()
    new_journey_after: tuple[Ending, ...] = ("goal", "exit", "silence")
    personas: tuple[Persona, ...] = ()
    remarks: tuple[str, ...] = field(default=(), compare=False)
    text: str = field(default="", compare=False, repr=False)
    path: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        resolved = tuple(
            dataclasses.replace(stage, patience_us=self._patience_in_force(stage)) for stage in self.stages
        )
        object.__setattr__(self, "stages", resolved)

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
    def patience_us(self) -> int:
        """The map's patience in microseconds; -1 is never."""
        return _microseconds(self.patience)

    @property
    def horizon_us(self) -> int:
        """The horizon in microseconds."""
        return _microseconds(self.horizon)

    @cached_property
    def automaton(self) -> Automaton:
        """The map compiled to a finite automaton, whose edges lie in written order."""
        from cjmining.intended.automaton import compile_automaton

        return compile_automaton(self.stages, self.goal)

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

        Raises
        ------
        LogError
            If `customers` has attributes, but not one that a persona asks for.
        """
        from cjmining.intended.personas import personas_of

        return personas_of(self.personas, customers)

    def with_patience(self, factor: float) -> IntendedMap:
        """Return the same map with every finite patience (the map's and the stages') times `factor`.

        Parameters
        ----------
        factor : float
            Above 0.
        """
        if not factor > 0:
            raise ValueError(f"factor must be above 0, not {factor}")
        stages = tuple(
            dataclasses.replace(stage, patience=stage.patience * factor)
            if isinstance(stage.patience, timedelta)
            else stage
            for stage in self.stages
        )
        patience = None if self.patience is None else self.patience * factor
        return dataclasses.replace(self, stages=stages, patience=patience)

    def __str__(self) -> str:
        from cjmining.intended.view import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from cjmining.intended.view import as_html

        return as_html(self)

    def _patience_in_force(self, stage: Stage) -> int:
        if stage.patience == "never":
            return NEVER_US
        return _microseconds(stage.patience if isinstance(stage.patience, timedelta) else self.patience)


def _microseconds(duration: timedelta | None) -> int:
    return NEVER_US if duration is None else duration // timedelta(microseconds=1)
