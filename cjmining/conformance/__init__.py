"""Actual against intended: outcomes, alignment, deviations, drop-out."""

from cjmining.conformance.check import check
from cjmining.conformance.coverage import Coverage, coverage
from cjmining.conformance.result import Conformance

__all__ = ["Conformance", "Coverage", "check", "coverage"]
