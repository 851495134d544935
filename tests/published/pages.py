"""Pages of documentation whose code is run and whose tables are what it shows.

A page is Markdown. Its ```python blocks run in order, as the cells of a notebook. A block that is followed by
`<!-- shown -->` and `<!-- end -->` shows the value of its last line between the two, as a table or as text.

    python -m tests.published.pages docs/readings/helpdesk.md helpdesk.xes.gz=/where/it/lies.xes.gz

writes what a page shows into it.
"""

from __future__ import annotations

import ast
import os
import re
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from cjmining.report import words

_BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?:\n(?P<head><!-- shown -->\n)(?P<shown>.*?)(?P<foot><!-- end -->\n))?",
    re.DOTALL | re.MULTILINE,
)
_DIFFERENCES = ("difference", "lower", "upper")
_SHARES = ("fitness", "target", "lower", "upper")


class Page(NamedTuple):
    """A page as it is when its code has run: its text, and the names its code defined."""

    text: str
    names: dict[str, Any]


def run(path: Path, files: dict[str, Path]) -> Page:
    """Run the code of a page beside it, with `files` for the names that it reads, and show what it shows."""
    names: dict[str, Any] = {}
    text = path.read_text(encoding="utf-8")
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            shown = _BLOCK.sub(lambda block: _run_block(block, files, names), text)
    finally:
        os.chdir(before)
    return Page(shown, names)


def prose(text: str) -> str:
    """Return what a page says outside its code and what that shows, in lines joined."""
    return " ".join(_BLOCK.sub("", text).split())


def _run_block(block: re.Match[str], files: dict[str, Path], names: dict[str, Any]) -> str:
    code = block["code"]
    for name, path in files.items():
        code = code.replace(f'"{name}"', repr(str(path)))
    value = _value(code, names)
    if block["head"] is None:
        return block[0]
    return block[0].replace(block["head"] + block["shown"], f"{block['head']}{_as_text(value)}\n")


def _value(code: str, names: dict[str, Any]) -> Any:
    *first, last = ast.parse(code).body
    if not isinstance(last, ast.Expr):
        exec(code, names)  # noqa: S102 -- the project's own pages
        return None
    exec(compile(ast.Module(first, []), "page", "exec"), names)  # noqa: S102
    return eval(compile(ast.Expression(last.value), "page", "eval"), names)  # noqa: S307


def _as_text(value: Any) -> str:
    if not isinstance(value, pd.DataFrame):
        return "\n".join(f"> {line}".rstrip() for line in str(value).splitlines())
    differs = "difference" in value.columns
    rows = [
        [_cell(name, value[name].iloc[row], differs) for name in value.columns] for row in range(len(value))
    ]
    rules = ["---:" if pd.api.types.is_numeric_dtype(value[name]) else "---" for name in value.columns]
    heads = [str(name).replace("_", " ") for name in value.columns]
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, rules, *rows])


def _cell(column: str, value: Any, differs: bool) -> str:
    """Write a cell as people write it: shares in percent, differences of shares in percentage points."""
    if words.missing(value):
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, pd.Timestamp):
        return words.day(value)
    if differs and column in _DIFFERENCES:
        return f"{100 * value:+.1f}"
    if "share" in column or column in _SHARES:
        return words.percent(value)
    return f"{value:,.0f}" if abs(value) >= 10 or float(value).is_integer() else f"{value:.2g}"


if __name__ == "__main__":
    page = Path(sys.argv[1])
    given = {name: Path(where) for name, where in (each.split("=", 1) for each in sys.argv[2:])}
    page.write_text(run(page, given).text, encoding="utf-8")
