"""Results to facts (a plain dict) to one HTML page."""

from cjmining.report.findings import Finding, compare_findings, derive_findings
from cjmining.report.groundwork import Groundwork, lay_groundwork
from cjmining.report.leaving import Leaving, look_into
from cjmining.report.page import report

__all__ = [
    "Finding",
    "Groundwork",
    "Leaving",
    "compare_findings",
    "derive_findings",
    "lay_groundwork",
    "look_into",
    "report",
]
