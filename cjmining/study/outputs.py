"""What a run leaves behind: a folder that appears all at once, or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjmining.errors import StudyError
from cjmining.report.writing import as_json

if TYPE_CHECKING:
    import pyarrow as pa

FINDINGS = "findings.json"
PAGE = "report.html"
FACTS = "facts.json"
"""What a page says, beside it."""
TABLES = "tables"
LOG = "log"
WORKBOOK = "findings.xlsx"
MAPS = "maps"
"""Where a study of several maps has a folder for each, with its page and its tables."""
OWN = frozenset({FINDINGS, PAGE, FACTS, TABLES, LOG, MAPS, WORKBOOK})
"""Everything that a run writes; a folder that holds anything else is not overwritten."""

FORMAT_VERSION = 1
"""Version of `findings.json`."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@contextmanager
def replaced_folder(out: Path) -> Iterator[Path]:
    """Give an unfinished folder to write to, which becomes `out` when everything is written.

    A reader sees the earlier result or the new one, never half of one. Where writing fails, the earlier one
    stays.

    Raises
    ------
    StudyError
        If `out` is a file, or holds something that no run wrote.
    """
    check_folder(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".unfinished", dir=out.parent))
    try:
        unfinished.chmod(0o755)
        yield unfinished
        _exchange(unfinished, out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def check_folder(out: Path) -> None:
    """Refuse a folder whose contents a run would destroy, or that can't be written."""
    try:
        _check_contents(out)
        existing = next(parent for parent in out.absolute().parents if parent.exists())
        Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".unfinished", dir=existing)).rmdir()
    except OSError as problem:
        raise StudyError(f"can't write the results to {out}: {problem.strerror}") from None


def _check_contents(out: Path) -> None:
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise StudyError(f"can't write the results to {out}: it is not a folder")
    strange = sorted(entry.name for entry in out.iterdir() if entry.name not in OWN) if out.is_dir() else []
    if strange:
        raise StudyError(
            f"can't write the results to {out}: it holds {', '.join(strange[:3])}"
            f"{' and more' if len(strange) > 3 else ''}, which no earlier run wrote; name a new folder"
        )


def _exchange(unfinished: Path, out: Path) -> None:
    if not out.exists():
        unfinished.rename(out)
        return
    earlier = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".earlier", dir=out.parent))
    out.rename(earlier / out.name)
    try:
        unfinished.rename(out)
    except OSError:
        (earlier / out.name).rename(out)
        raise
    finally:
        shutil.rmtree(earlier, ignore_errors=True)


def read_findings(out: Path) -> dict[str, Any] | None:
    """Return what an earlier run wrote to `findings.json`, or None where there was none.

    Raises
    ------
    StudyError
        If the file is there but is not one that a run wrote.
    """
    path = out / FINDINGS
    if not path.is_file():
        return None
    try:
        earlier = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        earlier = None
    if not _is_result(earlier):
        raise StudyError(
            f"{path} is not the result of an earlier run; move it away, or name another folder with --out"
        )
    return dict(earlier)


def _is_result(content: Any) -> bool:  # noqa: ANN401 -- any JSON
    findings = content.get("findings") if isinstance(content, dict) else None
    return isinstance(findings, list) and all(
        isinstance(finding, dict) and "id" in finding and "text" in finding for finding in findings
    )


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write plain values as JSON that people can read and compare."""
    path.write_text(as_json(content), encoding="utf-8")


def write_tables(folder: Path, tables: Mapping[str, pa.Table]) -> None:
    """Write each table as Parquet and as CSV."""
    import pyarrow.parquet as pq

    folder.mkdir(parents=True)
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
        _write_csv(folder / f"{name}.csv", table)


def _write_csv(path: Path, table: pa.Table) -> None:
    frame = table.to_pandas()
    for name in frame.columns:
        if not _is_number(table.schema.field(name).type):
            frame[name] = [_harmless(value) for value in frame[name]]
    frame.columns = [_harmless(name) for name in frame.columns]
    frame.to_csv(path, index=False, lineterminator="\n", date_format="%Y-%m-%dT%H:%M:%S.%fZ")


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    return any(
        is_kind(kind)
        for is_kind in (types.is_integer, types.is_floating, types.is_boolean, types.is_timestamp)
    )


def _harmless(value: Any) -> Any:  # noqa: ANN401 -- any cell
    """Quote what a spreadsheet would run as a formula.

    Examples
    --------
    >>> _harmless("=HYPERLINK(1)"), _harmless("a=b"), _harmless(None)
    ("'=HYPERLINK(1)", 'a=b', None)
    """
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value
