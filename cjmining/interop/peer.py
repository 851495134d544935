"""Where pm4py comes in: it is an extra, licensed under AGPL-3.0, and imported by this package alone."""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType


def pm4py_module(module: str) -> ModuleType:
    """Import a module of pm4py, which greets on import; this library never prints."""
    import importlib

    silence = io.StringIO()
    try:
        with (
            contextlib.redirect_stdout(silence),
            contextlib.redirect_stderr(silence),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            return importlib.import_module(module)
    except ModuleNotFoundError as problem:
        if not str(problem.name).startswith("pm4py"):
            raise
        raise ImportError(
            "this exchange needs pm4py (AGPL-3.0), which is not installed: pip install 'cjmining[pm4py]'"
        ) from None
