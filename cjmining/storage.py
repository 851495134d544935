"""A log on disk: a folder of Parquet files and a manifest.

The folder is written under a temporary name and renamed, so that a reader never sees half a log.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cjmining.errors import LogError
from cjmining.schema import FORMAT_VERSION

MANIFEST = "manifest.json"


def write_folder(
    path: Path,
    blocks: Sequence[pa.Table],
    tables: Mapping[str, pa.Table],
    about: Mapping[str, Any],
    *,
    overwrite: bool,
) -> None:
    """Write event blocks, small tables and the manifest into the folder `path`."""
    if path.exists() and not overwrite:
        raise LogError(f"{path} exists already; pass overwrite=True to replace it, or choose another folder")
    if path.exists() and not (path / MANIFEST).is_file():
        raise LogError(f"{path} is not a log (it has no {MANIFEST}), so it will not be replaced")
    draft = path.with_name(f".{path.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    files = {}
    for number, block in enumerate(blocks):
        files[f"events-{number:05d}.parquet"] = _write(draft / f"events-{number:05d}.parquet", block)
    for name, table in tables.items():
        files[f"{name}.parquet"] = _write(draft / f"{name}.parquet", table)
    manifest = {"format": "cjmining log", "version": FORMAT_VERSION, **about, "files": files}
    (draft / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    _swap(draft, path)


def _swap(draft: Path, path: Path) -> None:
    """Put the finished folder in place of an earlier one; two renames, so the gap is as short as can be."""
    old = path.with_name(f".{path.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        path.rename(old)
    draft.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def _write(path: Path, table: pa.Table) -> dict[str, Any]:
    pq.write_table(table, path, compression="zstd")
    return {"rows": table.num_rows, "bytes": path.stat().st_size, "sha256": _digest(path)}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_folder(path: Path) -> tuple[pa.Table, dict[str, pa.Table], dict[str, Any]]:
    """Return the events, the small tables and the manifest of the log in the folder `path`."""
    manifest = _read_manifest(path)
    tables = {Path(name).stem: _read(path / name, entry) for name, entry in manifest["files"].items()}
    blocks = [tables.pop(name) for name in sorted(tables) if name.startswith("events-")]
    return pa.concat_tables(blocks, promote_options="default"), tables, manifest


def _read_manifest(path: Path) -> dict[str, Any]:
    file = path / MANIFEST
    if not file.is_file():
        raise LogError(f"{path} is not a log: it has no {MANIFEST}. JourneyLog.write makes such a folder.")
    try:
        manifest: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise LogError(f"{file} is damaged: {problem}. Write the log again.") from problem
    if manifest.get("format") != "cjmining log" or "files" not in manifest:
        raise LogError(f"{file} does not describe a log of this library")
    if manifest.get("version") != FORMAT_VERSION:
        raise LogError(
            f"{path} has version {manifest.get('version')} of the log's format, this library reads "
            f"version {FORMAT_VERSION}; write the log again with this version"
        )
    return manifest


def _read(path: Path, entry: Mapping[str, Any]) -> pa.Table:
    if not path.is_file():
        raise LogError(f"the log lacks its file {path.name}; write it again")
    if _digest(path) != entry["sha256"]:
        raise LogError(f"{path} is damaged: its checksum differs from the manifest's; write the log again")
    return pq.read_table(path)
