"""Files that appear whole, and a word before anything is worked out where they can't."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cjmining.errors import LogError


def expect_writable(target: Path) -> None:
    """Tell before anything is worked out that a file can't be written."""
    if target.is_dir():
        raise LogError(f"can't write {target}: it is a folder; name a file, such as {target / 'report.html'}")
    if not target.parent.is_dir():
        raise LogError(f"can't write {target}: the folder {target.parent} does not exist")
    try:
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as problem:
        raise LogError(f"can't write {target}: {problem.strerror} in the folder {target.parent}") from None


def write_whole(target: Path, content: bytes) -> None:
    """Write under a temporary name and rename, so that nobody reads half of it."""
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.unfinished")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def as_json(content: Mapping[str, Any]) -> str:
    """Return plain values as JSON that people can read and compare."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_short_json(content: Mapping[str, Any]) -> str:
    """Return plain values as JSON with a line for each smallest dict: many cells make no longer a file."""
    whole = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    return _SMALLEST.sub(lambda found: f"{{{_BREAK.sub(' ', found[1]).strip()}}}", whole) + "\n"


_SMALLEST = re.compile(r"\{\n([^{}\[\]]*)\n\s*\}")
"""A dict without dicts or lists; lines break between values alone, never inside a text."""
_BREAK = re.compile(r"\n\s*")
