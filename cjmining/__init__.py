"""Customer-journey mining: where customers leave the journey you intend, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.lazily import make_lazy

__version__ = "0.1.0"

_HOMES = {
    "Audience": "cjmining.dropout.audience",
    "CjminingError": "cjmining.errors",
    "Comparison": "cjmining.discovery.comparison.compare",
    "Conformance": "cjmining.conformance",
    "Coverage": "cjmining.conformance.coverage",
    "Difference": "cjmining.conformance.difference",
    "Discovery": "cjmining.discovery",
    "Explanation": "cjmining.explaining",
    "Funnel": "cjmining.discovery.funnels.funnel",
    "Paths": "cjmining.discovery.paths.paths",
    "Drivers": "cjmining.dropout.drivers",
    "Incidence": "cjmining.dropout.incidence",
    "DropOutScan": "cjmining.dropout.scan",
    "FoundPersonas": "cjmining.discovery.personas.result",
    "FoundJourneys": "cjmining.discovery.journeys.find",
    "IntendedMap": "cjmining.intended",
    "JourneyLog": "cjmining.log",
    "LifetimeValue": "cjmining.dropout.value",
    "LogError": "cjmining.errors",
    "MapError": "cjmining.errors",
    "MarkovChains": "cjmining.discovery.markov",
    "NearestJourneys": "cjmining.discovery.variants.nearest",
    "Partings": "cjmining.discovery.variants.partings",
    "Reconciliation": "cjmining.conformance.reconciliation",
    "Representatives": "cjmining.discovery.variants.representatives",
    "SettledPatience": "cjmining.dropout.patience",
    "Scenario": "cjmining.dropout.scenario",
    "SourceError": "cjmining.errors",
    "StudyError": "cjmining.errors",
    "Variants": "cjmining.discovery.variants.variants",
    "WonBack": "cjmining.dropout.won_back",
    "audience": "cjmining.dropout.audience",
    "check": "cjmining.conformance.check",
    "compare": "cjmining.discovery.comparison.compare",
    "coverage": "cjmining.conformance.coverage",
    "difference": "cjmining.conformance.difference",
    "discover": "cjmining.discovery",
    "drivers": "cjmining.dropout.drivers",
    "export": "cjmining.report.workbook",
    "funnel": "cjmining.discovery.funnels.funnel",
    "paths": "cjmining.discovery.paths.paths",
    "find_personas": "cjmining.discovery.personas.find",
    "find_journeys": "cjmining.discovery.journeys.find",
    "incidence": "cjmining.dropout.incidence",
    "ingest": "cjmining.ingest",
    "lifetime_value": "cjmining.dropout.value",
    "nearest_journey": "cjmining.discovery.variants.nearest",
    "partings": "cjmining.discovery.variants.partings",
    "markov": "cjmining.discovery.markov",
    "Matches": "cjmining.discovery.matches",
    "matches": "cjmining.discovery.matches",
    "read_log": "cjmining.log",
    "read_map": "cjmining.intended",
    "read_personas": "cjmining.intended.personas",
    "report": "cjmining.report",
    "run_study": "cjmining.study",
    "scan": "cjmining.dropout.scan",
    "settle_patience": "cjmining.dropout.patience",
    "sketch_map": "cjmining.discovery.sketch",
    "variants": "cjmining.discovery.variants.variants",
    "what_if": "cjmining.dropout.what_if",
    "won_back": "cjmining.dropout.won_back",
}
_MODULES = {
    "engines": "cjmining.engine",
    "patterns": "cjmining.patterns",
    "plot": "cjmining.plot",
    "simulate": "cjmining.simulate",
    "sources": "cjmining.ingest.sources",
}

if TYPE_CHECKING:
    from cjmining import engine as engines  # noqa: F401 -- cj.engines
    from cjmining import patterns as patterns
    from cjmining import plot as plot
    from cjmining import simulate as simulate
    from cjmining.conformance import Conformance as Conformance
    from cjmining.conformance import Coverage as Coverage
    from cjmining.conformance.check import check as check
    from cjmining.conformance.coverage import coverage as coverage
    from cjmining.conformance.difference import Difference as Difference
    from cjmining.conformance.difference import difference as difference
    from cjmining.conformance.reconciliation import Reconciliation as Reconciliation
    from cjmining.discovery import Discovery as Discovery
    from cjmining.discovery import discover as discover
    from cjmining.discovery.comparison.compare import Comparison as Comparison
    from cjmining.discovery.comparison.compare import compare as compare
    from cjmining.discovery.funnels.funnel import Funnel as Funnel
    from cjmining.discovery.funnels.funnel import funnel as funnel
    from cjmining.discovery.journeys.find import FoundJourneys as FoundJourneys
    from cjmining.discovery.journeys.find import find_journeys as find_journeys
    from cjmining.discovery.markov import MarkovChains as MarkovChains
    from cjmining.discovery.markov import markov as markov
    from cjmining.discovery.matches import Matches as Matches
    from cjmining.discovery.matches import matches as matches
    from cjmining.discovery.paths.paths import Paths as Paths
    from cjmining.discovery.paths.paths import paths as paths
    from cjmining.discovery.personas.find import find_personas as find_personas
    from cjmining.discovery.personas.result import FoundPersonas as FoundPersonas
    from cjmining.discovery.sketch import sketch_map as sketch_map
    from cjmining.discovery.variants.nearest import NearestJourneys as NearestJourneys
    from cjmining.discovery.variants.nearest import nearest_journey as nearest_journey
    from cjmining.discovery.variants.partings import Partings as Partings
    from cjmining.discovery.variants.partings import partings as partings
    from cjmining.discovery.variants.representatives import Representatives as Representatives
    from cjmining.discovery.variants.variants import Variants as Variants
    from cjmining.discovery.variants.variants import variants as variants
    from cjmining.dropout.audience import Audience as Audience
    from cjmining.dropout.audience import audience as audience
    from cjmining.dropout.drivers import Drivers as Drivers
    from cjmining.dropout.drivers import drivers as drivers
    from cjmining.dropout.incidence import Incidence as Incidence
    from cjmining.dropout.incidence import incidence as incidence
    from cjmining.dropout.patience import SettledPatience as SettledPatience
    from cjmining.dropout.patience import settle_patience as settle_patience
    from cjmining.dropout.scan import DropOutScan as DropOutScan
    from cjmining.dropout.scan import scan as scan
    from cjmining.dropout.scenario import Scenario as Scenario
    from cjmining.dropout.value import LifetimeValue as LifetimeValue
    from cjmining.dropout.value import lifetime_value as lifetime_value
    from cjmining.dropout.what_if import what_if as what_if
    from cjmining.dropout.won_back import WonBack as WonBack
    from cjmining.dropout.won_back import won_back as won_back
    from cjmining.errors import CjminingError as CjminingError
    from cjmining.errors import LogError as LogError
    from cjmining.errors import MapError as MapError
    from cjmining.errors import SourceError as SourceError
    from cjmining.errors import StudyError as StudyError
    from cjmining.ingest import ingest as ingest
    from cjmining.ingest import sources as sources
    from cjmining.intended import IntendedMap as IntendedMap
    from cjmining.intended import read_map as read_map
    from cjmining.intended.personas import read_personas as read_personas
    from cjmining.log import JourneyLog as JourneyLog
    from cjmining.log import read_log as read_log
    from cjmining.report import report as report
    from cjmining.report.workbook import export as export
    from cjmining.study import run_study as run_study

__all__ = sorted([*_HOMES, *_MODULES, "__version__"])  # noqa: PLE0605 -- the names are the keys above


make_lazy(__name__)
