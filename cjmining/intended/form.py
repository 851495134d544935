"""The form of a map file: which keys it has and what may stand there (pydantic models).

The docstrings and descriptions go into the JSON Schema, where editors show them while a map is written.
"""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, WithJsonSchema, model_validator

from cjmining.documents import Duration, parse_duration
from cjmining.intended.model import Actor, Ending, Measure, Order  # noqa: TC001 -- pydantic reads them

Word = Annotated[str, Field(min_length=1)]
Words = tuple[Word, ...]


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        found = "nothing" if value is None else repr(value)
        raise ValueError(f"expected a number, found {found}")
    return float(value)


def _share(value: object) -> float:
    share = _number(value)
    if not 0 < share <= 1:
        hint = f" ({share:g} % is {share / 100:g})" if 1 < share <= 100 else ""
        raise ValueError(f"a share is above 0 and at most 1, found {share:g}{hint}")
    return share


Number = Annotated[float, BeforeValidator(_number, json_schema_input_type=float)]
Share = Annotated[
    float,
    BeforeValidator(_share),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
]


def _patience(value: object) -> timedelta | str:
    if isinstance(value, str) and value in {"never", "auto"}:
        return value
    return parse_duration(value, otherwise=", never or auto")


Patience = Annotated[
    Any,
    BeforeValidator(_patience),
    WithJsonSchema({"type": "string", "pattern": r"^(never|auto|\d+(\.\d+)? ?[smhdw])$"}),
]


class Form(BaseModel):
    """Base: unknown keys are mistakes."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        model_title_generator=lambda model: model.__name__.removesuffix("Form"),
    )


class ExpectationForm(Form):
    """A promise with a number, kept for a share of those it is made to."""

    measure: Measure = Field(
        description="What is measured: wait_s or duration_s (seconds, of the event), satisfaction (0 to 1), "
        "response_s (seconds from the touchpoint in 'after' to this one), contacts (how often this "
        "touchpoint occurs in one journey)."
    )
    at_most: Number | None = Field(None, description="The promise is kept up to and including this number.")
    at_least: Number | None = Field(None, description="The promise is kept from this number on.")
    share: Share = Field(1.0, description="For which share of events (contacts: journeys) it is promised.")
    after: Word | None = Field(
        None, description="For response_s: the touchpoint of the map from which the time runs."
    )

    @model_validator(mode="after")
    def _says_something(self) -> ExpectationForm:
        bounds = [bound for bound in (self.at_most, self.at_least) if bound is not None]
        if not bounds:
            raise ValueError("an expectation needs at_most or at_least")
        if self.at_most is not None and self.at_least is not None and self.at_most < self.at_least:
            raise ValueError(f"at_least {self.at_least:g} lies above at_most {self.at_most:g}")
        for bound in bounds:
            _check_bound(self.measure, bound)
        _check_after(self.measure, self.after)
        return self


def _check_bound(measure: Measure, bound: float) -> None:
    if measure == "satisfaction" and not 0 <= bound <= 1:
        raise ValueError(f"satisfaction runs from 0 (worst) to 1 (best), found {bound:g}")
    if measure == "contacts" and (bound < 1 or not bound.is_integer()):
        raise ValueError(f"contacts are counted: expected a whole number of at least 1, found {bound:g}")
    if bound < 0:
        raise ValueError(f"{measure} is never below 0, found {bound:g}")


def _check_after(measure: Measure, after: str | None) -> None:
    if measure == "response_s" and after is None:
        raise ValueError("response_s needs 'after': the touchpoint from which the time runs")
    if measure != "response_s" and after is not None:
        raise ValueError(f"'after' goes with response_s only, the measure here is {measure}")


class TouchpointForm(Form):
    """A planned touchpoint."""

    touchpoint: Word = Field(description="Its name, as the labels give it; once in a stage.")
    channels: Words = Field((), description="Where it is meant to happen; left out: anywhere.")
    optional: bool = Field(False, description="Whether it may be skipped.")
    repeat: bool = Field(
        False, description="Whether it may occur again: at once; in a stage of any order while that is open."
    )
    recorded: bool = Field(
        True, description="false: no system sees it. It is drawn, free to skip and never missing."
    )
    actor: Actor | None = Field(
        None,
        description="Who does it, whatever the source says; left out: the event's own actor, and planned for "
        "the customer.",
    )
    emotion: Annotated[StrictInt, Field(ge=-2, le=2)] | None = Field(
        None, description="The intended emotion, from -2 to 2."
    )
    moment_of_truth: bool = Field(False, description="Whether much depends on it; for the drawing.")
    pain_points: Words = Field((), description="What hurts there, in words; for the drawing and the page.")
    opportunities: Words = Field((), description="What could be better, in words; for the page.")
    expect: tuple[ExpectationForm, ...] = Field((), description="The promises made here.")
    rates: Words = Field(
        (),
        description="For a survey's answer: the touchpoints it judges. Its satisfaction counts for the last "
        "event of one of these before it in the journey.",
    )


class StageForm(Form):
    """A step of the map, which groups touchpoints."""

    stage: Word = Field(description="Its name, unique in the map.")
    owner: Word | None = Field(None, description="Who answers for it in the company.")
    motivation: Word | None = Field(None, description="What the customer wants there.")
    order: Order = Field(
        "sequence",
        description="sequence: all touchpoints, in order. choice: one of them. any: all, in any order (at "
        "most 5).",
    )
    touchpoints: Annotated[tuple[TouchpointForm, ...], Field(min_length=1)] = Field(
        description="What happens there, in the intended order."
    )
    optional: bool = Field(False, description="Whether the whole stage may be skipped.")
    patience: Patience | None = Field(
        None,
        description="The silence that counts as having left, where it differs from the map's; never; or "
        "auto: estimated for this stage.",
    )
    within: Duration | None = Field(
        None, description="The promised time from entering this stage to entering the next."
    )
    within_share: Share = Field(
        1.0, description="For which share of journeys that time is promised; left out: for all."
    )
    next: Words | None = Field(
        None, description="The stages that may follow; [] ends the map here; left out: the next in the file."
    )
    returns_to: Words = Field((), description="Intended loops back to other stages, or to itself.")


def _without_defaults(schema: dict[str, Any]) -> None:
    """What an override leaves out has no default: it is as in the map."""
    for key in schema["properties"].values():
        key.pop("default", None)
    schema["minProperties"] = 2


class OverrideForm(Form):
    """What differs in a stage of the map for this persona; what is left out is as in the map."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    stage: Word = Field(description="The stage of the map that differs for this persona.")
    owner: Word | None = Field(None, description="Who answers for it, for this persona.")
    motivation: Word | None = Field(None, description="What this persona wants there.")
    order: Order = Field("sequence", description="As for a stage: sequence, choice or any.")
    touchpoints: Annotated[tuple[TouchpointForm, ...], Field(min_length=1)] = Field(
        (),
        description="All touchpoints of the stage for this persona; the list replaces the map's.",
    )
    optional: bool = Field(False, description="Whether this persona may skip the whole stage.")
    patience: Patience | None = Field(
        None, description="This persona's patience there, or never, or auto; null: that of the map."
    )
    within: Duration | None = Field(
        None, description="The time promised to this persona; null: nothing is promised."
    )
    within_share: Share = Field(1.0, description="For which share of their journeys that is promised.")
    next: Words | None = Field(None, description="The stages that may follow for this persona.")
    returns_to: Words = Field((), description="Intended loops back for this persona.")

    @model_validator(mode="after")
    def _overrides_something(self) -> OverrideForm:
        if not self.overridden:
            keys = ", ".join(name for name in OverrideForm.model_fields if name != "stage")
            raise ValueError(f"nothing differs here; give at least one of {keys}")
        return self

    @property
    def overridden(self) -> tuple[str, ...]:
        """The keys that replace the map's, in their written order."""
        return tuple(name for name in OverrideForm.model_fields if name in self.model_fields_set - {"stage"})


class ExitForm(Form):
    """A touchpoint that ends the journey without the goal."""

    touchpoint: Word = Field(description="Its name; it need not be planned in a stage.")
    by: Actor = Field("customer", description="Who ends it: customer (dropped) or company (turned away).")


def _bound(value: object) -> object:
    """A bound of a rule: a number, or a date as text."""
    if isinstance(value, str):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"expected a number or a date such as 2026-01-31, found '{value}'") from None
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("expected a number or a date such as 2026-01-31")  # noqa: TRY004 -- pydantic gathers it
    return _finite(value)


def _plain(value: object) -> object:
    if not isinstance(value, str | int | float | bool | date):
        raise ValueError("expected one value: text, a number, true or false")  # noqa: TRY004 -- as above
    return _finite(value)


def _finite(value: object) -> object:
    """No customer is above, below or equal to a number that is none."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"expected a number, found {value!r}; customers without a value are missing: true")
    return value


Bound = Annotated[Any, BeforeValidator(_bound), WithJsonSchema({"type": ["number", "string"]})]
Plain = Annotated[Any, BeforeValidator(_plain), WithJsonSchema({"type": ["number", "string", "boolean"]})]


class ConditionForm(Form):
    """What must hold of one attribute; a plain value means equals, a list means one_of."""

    at_least: Bound | None = Field(None, description="This number or date, or above.")
    at_most: Bound | None = Field(None, description="This number or date, or below.")
    above: Bound | None = Field(None, description="Above this number or date.")
    below: Bound | None = Field(None, description="Below this number or date.")
    equals: Plain | None = Field(None, description="Exactly this value.")
    one_of: Annotated[tuple[Plain, ...], Field(min_length=1)] | None = Field(
        None, description="One of these values."
    )
    missing: bool | None = Field(None, description="true: the attribute is missing; false: it is known.")

    @model_validator(mode="after")
    def _asks_something(self) -> ConditionForm:
        if not self.model_dump(exclude_none=True):
            raise ValueError(
                "a condition needs one of at_least, at_most, above, below, equals, one_of, missing"
            )
        return self


def _condition(value: object) -> object:
    if isinstance(value, list | tuple):
        return {"one_of": value}
    return {"equals": value} if isinstance(value, str | int | float | bool) else value


Condition = Annotated[
    ConditionForm,
    BeforeValidator(_condition, json_schema_input_type=ConditionForm | Plain | tuple[Plain, ...]),
]


class PersonaForm(Form):
    """A named group of customers, by rules over their attributes."""

    persona: Word = Field(description="Its name, unique in the map.")
    where: dict[str, Condition] = Field(
        min_length=1, description="For attributes of customers, what must hold; all of it must."
    )
    needs: Words = Field((), description="What these customers need, in words.")
    value: Number | None = Field(
        None, description="The net value of one conversion; left out: the observed mean."
    )
    stages: tuple[OverrideForm, ...] = Field(
        (), description="The stages that differ for this persona; none is added, removed or renamed."
    )


class PersonasForm(Form):
    """Personas without a map."""

    personas: Annotated[tuple[PersonaForm, ...], Field(min_length=1)] = Field(
        description="Groups of customers; the first that fits is a customer's."
    )


class MapForm(Form):
    """An intended customer journey, as cjmining reads it."""

    map: Word = Field(description="Its name.")
    goal: Annotated[Words, Field(min_length=1)] = Field(
        description="Touchpoints of the map; each of them completes the journey."
    )
    exits: tuple[ExitForm, ...] = Field((), description="What ends a journey without the goal.")
    patience: Patience = Field(
        description="The customer's silence that counts as having left: a duration such as 14d; never; or "
        "auto: estimated from how long those stayed away who came back."
    )
    horizon: Duration = Field(
        timedelta(days=30),
        description="Within which drop-out and conversion are stated; 30d if left out.",
        json_schema_extra={"default": "30d"},
    )
    ignore: Words = Field((), description="Touchpoints that are as if they had not happened.")
    new_journey_after: tuple[Ending, ...] = Field(
        ("goal", "exit", "silence"),
        description="Which ends may be followed by another journey; [] is one journey a customer.",
    )
    stages: Annotated[tuple[StageForm, ...], Field(min_length=1)] = Field(
        description="In the intended order; journeys begin in the first."
    )
    personas: tuple[PersonaForm, ...] = Field(
        (), description="Groups of customers; the first that fits is a customer's."
    )
