"""The reference: a page for each part, a page for each name, made from the code."""

from __future__ import annotations

import inspect

from docs.assemble.names import (
    MODULE_TITLES,
    PARTS,
    Part,
    first_sentence,
    is_class,
    members,
    module_names,
    present_modules,
    thing,
)

_MODULE_INTROS = {
    "sources": "One class a system. :doc:`/sources/index` says what each reads.",
    "plot": "Pictures of results: they draw what a result holds and compute nothing. "
    ":doc:`/gallery` shows them.",
    "plot.data": "The same numbers as tables: each figure of :doc:`plot` has its twin here.",
    "patterns": "A small language for paths; `JourneyLog.where` and `cj.matches` take it as text. "
    ":doc:`/discovery/patterns` works it through.",
    "simulate": "A shop whose truth is known: to learn with, and to hold estimates against.",
    "engines": "Who works on the blocks of a log: :meth:`JourneyLog.on <cjmining.JourneyLog.on>` takes one.",
    "interop": "Maps, logs, graphs and models for pm4py, networkx and XES. :doc:`/exchange` works "
    "it through.",
}


def pages() -> dict[str, str]:
    """Return the pages of the reference by their places."""
    parts = [*PARTS, *map(_module_part, present_modules())]
    made = {f"api/{part.file}.rst": _part_page(part) for part in parts}
    for part in parts:
        made |= {f"api/{_file(name)}.rst": _name_page(name) for name in part.names}
    return made | {"api/index.rst": _index(parts)}


def _module_part(module: str) -> Part:
    names = tuple(f"{module}.{name}" for name in module_names(module))
    return Part(module, MODULE_TITLES[module], _MODULE_INTROS[module], names)


def _file(name: str) -> str:
    """Return the file of a name: apart for classes, since some disks take `Paths` and `paths` for one."""
    return f"{'class' if is_class(name) else 'verb'}/{name.lower()}"


def _title(text: str, under: str = "=") -> str:
    return f"{text}\n{under * len(text)}\n"


def _index(parts: list[Part]) -> str:
    blocks = [
        _title("API reference"),
        (
            "Everything public, by what it is for. `import cjmining as cj`; verbs are functions "
            "that take a log or a "
            "result first, results are values whose tables are pandas DataFrames.\n"
        ),
        ".. toctree::\n   :hidden:\n\n" + "".join(f"   {part.file}\n" for part in parts),
    ]
    for part in parts:
        blocks += [f":doc:`{part.title} <{part.file}>`", "   " + _listed(part) + "\n"]
    return "\n".join(blocks)


def _listed(part: Part) -> str:
    return ", ".join(f":py:obj:`{_short(name)} <cjmining.{name}>`" for name in part.names)


def _part_page(part: Part) -> str:
    rows = "".join(
        f"   * - :py:obj:`{_short(name)} <cjmining.{name}>`\n     - {first_sentence(name)}\n"
        for name in part.names
    )
    tree = "".join(f"   {_file(name)}\n" for name in part.names)
    return "\n".join(
        [
            _title(part.title),
            part.intro + "\n",
            f".. list-table::\n   :widths: 30 70\n   :class: names\n\n{rows}",
            f".. toctree::\n   :hidden:\n\n{tree}",
        ]
    )


def _short(name: str) -> str:
    """Return a name as one writes it."""
    if name.startswith("conformance."):
        return name.rpartition(".")[2]  # met as what a method returns, never imported
    return name if name.startswith(("interop.", "intended.")) else f"cj.{name}"


def _name_page(name: str) -> str:
    value = thing(name)
    home, _, last = f"cjmining.{name}".rpartition(".")
    lines = [_title(_short(name)), f".. currentmodule:: {home}\n"]
    if inspect.isclass(value):
        lines.append(f".. autoclass:: {last}")
        if found := members(value):
            lines.append(
                f"   :members: {', '.join(found)}\n   :inherited-members:\n   :member-order: bysource"
            )
    elif callable(value):
        lines.append(f".. autofunction:: {last}")
    else:
        lines.append(f".. autodata:: {last}\n   :no-value:")
    return "\n".join(lines) + "\n"
