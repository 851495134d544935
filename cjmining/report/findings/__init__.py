"""Findings: what the results say, in plain sentences with stable names."""

from cjmining.report.findings.compare import compare_findings
from cjmining.report.findings.derive import derive_findings
from cjmining.report.findings.finding import Finding

__all__ = ["Finding", "compare_findings", "derive_findings"]
