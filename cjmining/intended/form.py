"""The form of a map file: which keys it has and what may stand there (pydantic models)."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

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
Share = Annotated[float, BeforeValidator(_share, json_schema_input_type=float)]


def _patience(value: object) -> timedelta | str:
    if value == "never":
        return "never"
    if value == "auto":
        raise ValueError("patience 'auto' is not supported yet; give a duration such as 14d, or never")
    return parse_duration(value, otherwise=", or never")


Patience = Annotated[
    Any,
    BeforeValidator(_patience),
    WithJsonSchema({"type": "string", "pattern": r"^(never|\d+(\.\d+)? ?[smhdw])$"}),
]


class Form(BaseModel):
    """Base: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ExpectationForm(Form):
    """A promise with a number."""

    measure: Measure
    at_most: Number | None = None
    at_least: Number | None = None
    share: Share = 1.0

    @model_validator(mode="after")
    def _says_something(self) -> ExpectationForm:
        if self.at_most is None and self.at_least is None:
            raise ValueError("an expectation needs at_most or at_least")
        if self.at_most is not None and self.at_least is not None and self.at_most < self.at_least:
            raise ValueError(f"at_least {self.at_least:g} lies above at_most {self.at_most:g}")
        for bound in (self.at_most, self.at_least):
            if self.measure == "satisfaction" and bound is not None and not 0 <= bound <= 1:
                raise ValueError(f"satisfaction runs from 0 (worst) to 1 (best), found {bound:g}")
            if bound is not None and bound < 0:
                raise ValueError(f"{self.measure} is never below 0, found {bound:g}")
        return self


class TouchpointForm(Form):
    """A planned touchpoint."""

    touchpoint: Word
    channels: Words = ()
    optional: bool = False
    repeat: bool = False
    recorded: bool = True
    actor: Actor | None = None
    emotion: Annotated[StrictInt, Field(ge=-2, le=2)] | None = None
    moment_of_truth: bool = False
    pain_points: Words = ()
    opportunities: Words = ()
    expect: tuple[ExpectationForm, ...] = ()


class StageForm(Form):
    """A step of the map; `next` left out means the stage that follows."""

    stage: Word
    owner: Word | None = None
    motivation: Word | None = None
    order: Order = "sequence"
    touchpoints: Annotated[tuple[TouchpointForm, ...], Field(min_length=1)]
    optional: bool = False
    patience: Patience | None = None
    within: Duration | None = None
    next: Words | None = None
    returns_to: Words = ()


class ExitForm(Form):
    """A touchpoint that ends the journey without the goal."""

    touchpoint: Word
    by: Actor = "customer"


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
    return value


def _plain(value: object) -> object:
    if not isinstance(value, str | int | float | bool | date):
        raise ValueError("expected one value: text, a number, true or false")  # noqa: TRY004 -- as above
    return value


Bound = Annotated[Any, BeforeValidator(_bound), WithJsonSchema({"type": ["number", "string"]})]
Plain = Annotated[Any, BeforeValidator(_plain), WithJsonSchema({"type": ["number", "string", "boolean"]})]


class ConditionForm(Form):
    """What must hold of one attribute; a plain value means equals, a list means one_of."""

    at_least: Bound | None = None
    at_most: Bound | None = None
    above: Bound | None = None
    below: Bound | None = None
    equals: Plain | None = None
    one_of: Annotated[tuple[Plain, ...], Field(min_length=1)] | None = None
    missing: bool | None = None

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


class PersonaForm(Form):
    """A named group of customers, by rules over their attributes."""

    persona: Word
    where: dict[str, Annotated[ConditionForm, BeforeValidator(_condition)]] = Field(min_length=1)
    needs: Words = ()
    value: Number | None = None


class MapForm(Form):
    """A whole map file."""

    map: Word
    goal: Annotated[Words, Field(min_length=1)]
    exits: tuple[ExitForm, ...] = ()
    patience: Patience
    horizon: Duration = timedelta(days=30)
    ignore: Words = ()
    new_journey_after: tuple[Ending, ...] = ("goal", "exit", "silence")
    stages: Annotated[tuple[StageForm, ...], Field(min_length=1)]
    personas: tuple[PersonaForm, ...] = ()


RESERVED_PERSONAS: tuple[Literal["other"], Literal["unknown"]] = ("other", "unknown")
"""Names of those whom no persona fits, and of those of whom too little is known."""
