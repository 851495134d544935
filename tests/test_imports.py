"""`import cjmining` is light, silent and touches nothing."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ["pandas", "pyarrow", "numpy", "duckdb", "numba", "scipy", "matplotlib", "pydantic", "yaml", "jinja2"]
HEAVY += ["typer", "rich", "phonenumbers", "pm4py", "r4pm", "polars", "openpyxl"]


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_importing_loads_no_heavy_package_and_says_nothing():
    done = run(f"import sys, cjmining; print([p for p in {HEAVY!r} if p in sys.modules])")
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""


def test_the_log_needs_arrow_and_numpy_but_not_pandas():
    later = [p for p in HEAVY if p not in {"pyarrow", "numpy"}]
    done = run(f"import sys, cjmining.log; print([p for p in {later!r} if p in sys.modules])")
    assert done.stdout.strip() == "[]"


def test_reading_a_map_does_not_load_the_kernels_or_the_figures():
    done = run(
        "import sys, cjmining as cj; cj.read_map; "
        "print([p for p in ('numba', 'matplotlib', 'duckdb', 'pandas', 'scipy') if p in sys.modules])"
    )
    assert done.stdout.strip() == "[]"


def test_agpl_pm4py_is_imported_nowhere_in_the_library():
    done = run(
        "import pathlib, cjmining, re; root = pathlib.Path(cjmining.__file__).parent; "
        "print([p.name for p in root.rglob('*.py') if 'interop' not in p.parts "
        "and re.search(r'^\\s*(import|from) pm4py', p.read_text(), re.M)])"
    )
    assert done.stdout.strip() == "[]"
