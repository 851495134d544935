"""The page of the command line, made from its own help."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer.main

from cjmining.cli import app

if TYPE_CHECKING:
    import click

_INTRO = """# The command line

`cjmining` runs studies and works with maps: for schedulers, and for those who don't program."""


def pages() -> dict[str, str]:
    """Return the page of the command line."""
    blocks = [_INTRO, *_commands(typer.main.get_command(app), "cjmining")]
    return {"command-line.md": "\n\n".join(blocks) + "\n"}


def _commands(command: click.Command, called: str) -> Iterator[str]:
    """Give a section for each command, those within groups among them."""
    within = getattr(command, "commands", None)
    if within is None:
        yield _section(command, called)
        return
    for name, inner in within.items():
        yield from _commands(inner, f"{called} {name}")


def _section(command: click.Command, called: str) -> str:
    given = [p for p in command.params if p.name != "help"]
    usage = " ".join([called, *(_usage(p) for p in given)])
    rows = "".join(f"| `{_name(p)}` | {getattr(p, 'help', None) or ''} |\n" for p in given)
    table = f"\n\n| | |\n|---|---|\n{rows}" if any(getattr(p, "help", None) for p in given) else ""
    table = table.replace("| | |", "| option | meaning |", 1)
    return f"## {called}\n\n{command.help or ''}\n\n```\n$ {usage}\n```{table}"


def _usage(param: click.Parameter) -> str:
    name = _name(param)
    if not name.startswith("-"):
        return name if param.required else f"[{name}]"
    return f"[{name}]" if getattr(param, "is_flag", False) else f"[{name} ...]"


def _name(param: click.Parameter) -> str:
    return max(param.opts, key=len) if param.param_type_name == "option" else str(param.name).upper()
