"""Templates filled in: facts and pictures in their places, texts from data escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markupsafe import Markup


def fill_in(template: str, facts: Mapping[str, Any]) -> str:
    """Return a template of this folder with its facts in their places, texts escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("cjmining.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["bound"] = _bound
    environment.filters["emphasise"] = _emphasise
    environment.filters["key_number"] = _key_number
    return environment.get_template(template).render(facts).lstrip()


_KEY_NUMBERS = (
    re.compile(r"[<>]?[\d.,]+\N{NO-BREAK SPACE}% \([^)]*%\)"),
    re.compile(r"[\d.,]+ times \([^)]*\)|about [a-z ]+ as often"),
    re.compile(r"[A-Z]{3} [\d,]+"),
    re.compile(r"[<>]?[\d.,]+\N{NO-BREAK SPACE}%"),
)


def _emphasise(text: str) -> Markup:
    """Set off the number that a finding is about."""
    from markupsafe import Markup, escape

    said = str(escape(_bound(text)))
    key = str(escape(_key_number(text)))
    return Markup(said.replace(key, f"<strong>{key}</strong>", 1) if key else said)  # noqa: S704 -- escaped above


def _key_number(text: str) -> str:
    """Return the number that a sentence is about: one with limits, else an amount, else a share."""
    said = _bound(text)
    return next((found[0] for pattern in _KEY_NUMBERS if (found := pattern.search(said))), "")


def _bound(text: str) -> str:
    """Keep a number and its per cent sign on one line."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")
