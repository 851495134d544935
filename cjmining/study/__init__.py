"""A study: its file, a run, and what changed since the last one."""

from cjmining.study.form import option_names, source_kinds
from cjmining.study.one_map import MapResult
from cjmining.study.run import StudyResult, run_study

__all__ = ["MapResult", "StudyResult", "option_names", "run_study", "source_kinds"]
