"""The house rules, held against every public name."""

from __future__ import annotations

import dataclasses
import inspect
from types import ModuleType

import pytest

import cjmining as cj
from cjmining.results import Result

VERBS = [
    "audience",
    "check",
    "compare",
    "coverage",
    "difference",
    "discover",
    "drivers",
    "export",
    "find_journeys",
    "find_personas",
    "funnel",
    "incidence",
    "ingest",
    "lifetime_value",
    "markov",
    "matches",
    "nearest_journey",
    "partings",
    "paths",
    "read_log",
    "read_map",
    "read_personas",
    "report",
    "run_study",
    "scan",
    "settle_patience",
    "sketch_map",
    "variants",
    "what_if",
    "won_back",
]
PLOTS = [
    "difference",
    "flow",
    "heat_map",
    "incidence",
    "journey_map",
    "journey_maps",
    "model_beside_map",
    "scan",
    "slide",
    "story",
    "transitions",
    "variants",
]
SOURCES = ["GA4", "XES", "AmazonConnect", "Customers", "MarketingCloud", "Salesforce", "Table"]


def public_functions() -> list[tuple[str, object]]:
    named = [(name, getattr(cj, name)) for name in VERBS]
    named += [(f"plot.{name}", getattr(cj.plot, name)) for name in PLOTS]
    named += [(f"sources.{name}", getattr(cj.sources, name)) for name in SOURCES]
    named += [("simulate.shop", cj.simulate.shop), ("simulate.null_shop", cj.simulate.null_shop)]
    return named


def test_every_public_name_exists_and_is_documented():
    for name in cj.__all__:
        thing = getattr(cj, name)
        if name != "__version__":
            assert inspect.getdoc(thing), f"{name} has no docstring"


def test_what_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match="cjmining has no 'nonsense'"):
        _ = cj.nonsense


@pytest.mark.parametrize("name", ["ingest", "report"])
def test_verbs_that_share_their_name_with_a_package_stay_verbs(name):
    __import__(f"cjmining.{name}")
    assert callable(getattr(cj, name))
    assert not isinstance(getattr(cj, name), ModuleType)


@pytest.mark.parametrize(
    ("name", "function"), public_functions(), ids=lambda x: x if isinstance(x, str) else ""
)
def test_public_functions_follow_the_house_rules(name, function):
    target = function.__init__ if inspect.isclass(function) else function
    parameters = [p for p in inspect.signature(target).parameters.values() if p.name != "self"]
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    assert len(positional) <= 3, f"{name} takes more than three positional parameters"
    for parameter in parameters:
        assert parameter.name not in {"parameters", "kwargs"}, f"{name} hides its options"
        assert parameter.annotation is not parameter.empty, f"{name}: {parameter.name} is not annotated"


@pytest.mark.parametrize(
    ("name", "function"), public_functions(), ids=lambda x: x if isinstance(x, str) else ""
)
def test_docstrings_are_numpydoc_with_an_example(name, function):
    text = inspect.getdoc(function) or ""
    assert text.splitlines()[0].endswith("."), f"{name}: the first line is one sentence"
    assert "Parameters\n----------" in text, f"{name}: parameters are documented"
    assert "Examples\n--------" in text, f"{name}: there is a runnable example"
    for parameter in inspect.signature(function).parameters:
        assert parameter in text, f"{name}: {parameter} is not documented"


@pytest.mark.parametrize(
    "result",
    [
        cj.Discovery,
        cj.Matches,
        cj.Comparison,
        cj.Conformance,
        cj.Coverage,
        cj.Difference,
        cj.Drivers,
        cj.DropOutScan,
        cj.Funnel,
        cj.FoundPersonas,
        cj.FoundJourneys,
        cj.Incidence,
        cj.Paths,
        cj.Scenario,
        cj.LifetimeValue,
        cj.MarkovChains,
        cj.NearestJourneys,
        cj.Partings,
        cj.Representatives,
        cj.Variants,
        cj.Reconciliation,
    ],
)
def test_results_are_frozen_values_with_tables(result):
    assert issubclass(result, Result)
    assert dataclasses.is_dataclass(result)
    assert result.__dataclass_params__.frozen
    assert result._tables


def test_errors_form_one_tree():
    for error in (cj.SourceError, cj.MapError, cj.LogError, cj.StudyError):
        assert issubclass(error, cj.CjminingError)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda log: cj.check("log", log), "check takes a JourneyLog first, not str"),
        (lambda log: cj.check(log, "map.yaml"), r"cj\.read_map\('map\.yaml'\)"),
        (lambda log: cj.coverage(log, None), "coverage takes an intended map, not NoneType"),
        (lambda _: cj.discover(None), "discover takes a JourneyLog first, not NoneType"),
    ],
)
def test_verbs_say_what_they_take(call, words):
    with pytest.raises(cj.LogError, match=words):
        call(cj.simulate.shop(100, seed=1).log)
