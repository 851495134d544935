"""Results to facts (a plain dict) to one HTML page."""

from cjmining.report.finding import Finding
from cjmining.report.findings import compare_findings, derive_findings
from cjmining.report.page import report

__all__ = ["Finding", "compare_findings", "derive_findings", "report"]
