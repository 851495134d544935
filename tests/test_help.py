"""`help()` teaches: every public name says what it does, takes, gives, raises, with an example that runs."""

from __future__ import annotations

import dataclasses
import inspect
import re
from functools import cached_property
from types import ModuleType

import pytest

import cjmining as cj
from cjmining.results import Result

MODULES = [cj.plot, cj.plot.data, cj.sources, cj.simulate]
SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.MULTILINE)
RAISES = re.compile(r"^\s+raise |\bexpect_\w+\(|\basked\.\w+\(", re.MULTILINE)


def public() -> dict[str, object]:
    """Return every public function and class by the name under which it is reached."""
    named = {name: getattr(cj, name) for name in cj.__all__}
    for module in MODULES:
        short = module.__name__.removeprefix("cjmining.")
        named |= {f"{short}.{name}": getattr(module, name) for name in module.__all__}
    return {
        name: thing
        for name, thing in named.items()
        if not isinstance(thing, ModuleType) and (inspect.isfunction(thing) or inspect.isclass(thing))
    }


PUBLIC = public()
FUNCTIONS = {name: thing for name, thing in PUBLIC.items() if inspect.isfunction(thing)}
CLASSES = {name: thing for name, thing in PUBLIC.items() if inspect.isclass(thing)}
RESULTS = {name: thing for name, thing in CLASSES.items() if issubclass(thing, Result)}
HANDLES = {**RESULTS, "JourneyLog": cj.JourneyLog, "IntendedMap": cj.IntendedMap}
"""What one holds in a notebook, and completes with the tabulator."""


def sections(thing: object) -> dict[str, str]:
    """Return the sections of a docstring by their headings; the summary is under ""."""
    text = inspect.getdoc(thing) or ""
    cut = SECTION.split(text)
    return {"": cut[0].strip(), **dict(zip(cut[1::2], cut[2::2], strict=True))}


def entries(section: str) -> set[str]:
    """Return the names that a section of a docstring describes."""
    heads = [line.split(" : ")[0] for line in section.splitlines() if line and not line[0].isspace()]
    return {name.strip("* ") for head in heads for name in head.split(",")}


def parameters(thing: object) -> list[str]:
    return [name for name in inspect.signature(thing).parameters if name not in {"self", "cls"}]


def members(kind: type) -> dict[str, object]:
    """Return the public members of a class that it or a class of ours defines."""
    named = {name: inspect.getattr_static(kind, name) for name in dir(kind) if not name.startswith("_")}
    return {name: member for name, member in named.items() if not isinstance(member, type)}


def methods(kinds: dict[str, type]) -> list:
    return [
        pytest.param(getattr(kind, name), id=f"{called}.{name}")
        for called, kind in kinds.items()
        for name, member in members(kind).items()
        if inspect.isfunction(member) or isinstance(member, classmethod | staticmethod)
    ]


@pytest.mark.parametrize("name", PUBLIC)
def test_the_first_line_is_a_sentence(name):
    first = sections(PUBLIC[name])[""].split("\n\n")[0]
    assert first.endswith((".", ":")), first
    assert first[0].isupper() or first[0] in "`0123456789"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_what_it_takes_gives_and_raises(name):
    function = FUNCTIONS[name]
    said = sections(function)
    assert set(parameters(function)) <= entries(said.get("Parameters", ""))
    if inspect.signature(function).return_annotation not in {None, "None"}:
        assert said.get("Returns", said.get("Yields", "")).strip()
    if RAISES.search(inspect.getsource(function)):
        assert said.get("Raises", "").strip(), f"{name} raises, and doesn't say what"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_an_example_that_runs(name):
    example = sections(FUNCTIONS[name]).get("Examples", "")
    lines = [line for line in example.splitlines() if line.startswith(">>> ")]
    assert [line for line in lines if "+SKIP" not in line and "import" not in line], example


@pytest.mark.parametrize("name", [name for name in CLASSES if name.startswith(("sources.", "simulate."))])
def test_a_source_says_what_it_takes_with_an_example(name):
    said = sections(CLASSES[name])
    assert set(parameters(CLASSES[name])) <= entries(said.get("Parameters", said.get("Attributes", "")))


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_says_what_each_attribute_is(name):
    kind = RESULTS[name]
    described = entries(sections(kind).get("Attributes", ""))
    fields = {field.name for field in dataclasses.fields(kind) if not field.name.startswith("_")}
    assert fields <= described
    properties = {
        called for called, member in members(kind).items() if isinstance(member, property | cached_property)
    }
    assert not {called for called in properties - described if not inspect.getdoc(getattr(kind, called))}
    assert set(kind._tables) <= described | properties


@pytest.mark.parametrize("method", methods(HANDLES))
def test_a_method_says_what_it_takes_and_gives(method):
    said = sections(method)
    first = said[""].split("\n\n")[0]
    assert first.endswith((".", ":")), first
    assert set(parameters(method)) <= entries(said.get("Parameters", "")), "a parameter isn't described"


@pytest.mark.parametrize("name", ["discovr", "sources.Salesforec", "plot.jurney_map"])
def test_a_misspelt_name_is_corrected(name):
    package, _, wrong = name.rpartition(".")
    with pytest.raises(AttributeError, match="did you mean"):
        getattr(getattr(cj, package) if package else cj, wrong)
