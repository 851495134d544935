"""Templates filled in: facts and pictures in their places, texts from data escaped, styles and script named.

A page carries its own style sheet and script and names them by their hash in its Content-Security-Policy, so
that a browser runs nothing else, whatever the data say.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from cjmining.report.slimming import slim

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

MOST_COLUMNS = 16
"""Widest table that the style sheet knows the columns of."""


def fill_in(template: str, facts: Mapping[str, Any]) -> str:
    """Return a template of this folder with its facts in their places, texts escaped."""
    from markupsafe import Markup

    pictures, looks = slim(facts.get("pictures", {}))
    style, script = style_sheet() + looks, _read("page.js")
    own = {
        "pictures": pictures,
        "style": Markup(style),  # noqa: S704 -- our own
        "script": Markup(script),  # noqa: S704 -- our own
        "style_hash": _hash(style),
        "script_hash": _hash(script),
        "group_slugs": {group["group"]: group["slug"] for group in facts.get("groups", ())},
        "stage_slugs": {stage["name"]: stage["slug"] for stage in facts.get("stages", ())},
    }
    return _environment().get_template(template).render({**facts, **own}).lstrip()


@cache
def style_sheet() -> str:
    """Return the styles of a page: our own, those of the columns of tables, and those of the pictures."""
    from cjmining.plot import svg

    columns = range(1, MOST_COLUMNS + 1)
    numbers = ",".join(f".n{n} :is(td,thead th):nth-child({n})" for n in columns)
    strong = ",".join(f".s{n} td:nth-child({n})" for n in columns)
    drawn = ",".join(f".d{n} :is(td,thead th):nth-child({n})" for n in columns)
    unbroken = ",".join(f".n{n} td:nth-child({n})" for n in columns)
    of_columns = (
        f"@media screen{{:is({unbroken}){{white-space:nowrap}}}}\n"
        f":is({numbers}){{text-align:right;font-variant-numeric:tabular-nums}}\n"
        f":is({strong}){{font-weight:650}}\n"
        f"@media screen and (max-width:40rem){{:is({drawn}){{display:none}}}}\n"
    )
    return "\n" + _read("style.css") + of_columns + svg.rules() + "\n"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("cjmining.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "bound": _bound,
        "emphasise": _emphasise,
        "key_number": _key_number,
        "brief": _brief,
        "column_classes": _column_classes,
    }
    return environment


def _read(name: str) -> str:
    return (files("cjmining.report") / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Return what a Content-Security-Policy calls an element with this text."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


# Tables -----------------------------------------------------------------------------------------------------

_STRONG = frozenset({"share_kept", "verdict", "drop_out_share"})
_PLAIN = re.compile(r"-?[\d,]+")


def _column_classes(columns: list[Mapping[str, Any]]) -> str:
    """Name the columns by place: n those of numbers, s those that matter most, d those of small drawings.

    One word a column in the table's class instead of one in each cell: a third of the page's bytes.
    """
    named = []
    for place, column in enumerate(columns, start=1):
        named += [f"n{place}"] if column["numeric"] else []
        named += [f"s{place}"] if column["key"] in _STRONG else []
        named += [f"d{place}"] if column["key"].endswith("_drawn") else []
    return " ".join(named)


def _brief(cell: Mapping[str, Any]) -> str:
    """Write the number behind a cell to seven digits; nothing where its text is that number."""
    value = cell.get("value")
    if value is None or isinstance(value, str):
        return ""
    if _PLAIN.fullmatch(cell["text"]) and int(cell["text"].replace(",", "")) == value:
        return ""
    whole = isinstance(value, int) or abs(value) >= 1e7
    return str(round(value)) if whole else f"{value:.7g}"


# Sentences --------------------------------------------------------------------------------------------------

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
