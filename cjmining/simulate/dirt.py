"""What spoils real exports: records told twice, broken ones, placeholders; all counted for the truth."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DUPLICATE = "duplicates"
NEWER = "newer versions"
BAD_DATE = "bad dates"
COLUMNS = "wrong number of columns"
NOT_JSON = "not JSON"
NO_KEY = "missing keys"
PLACEHOLDER = "placeholder identifiers"
DELETED = "deleted records"
LOST = "lost by a tag that was down"
NO_DATE = "missing times"


@dataclass
class Dirt:
    """The dirt of one shop's exports: nothing is spoilt where it is `clean`.

    Attributes
    ----------
    counts : Counter
        How many records of (source, file, kind of dirt).
    records : dict
        How many records each (source, file) holds, broken ones included.
    """

    seed: int
    clean: bool
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    records: dict[tuple[str, str], int] = field(default_factory=dict)

    def note(self, source: str, file: str, kind: str, count: int) -> None:
        """Count dirt that was planted."""
        if count:
            self.counts[source, file, kind] += count

    def written(self, source: str, file: str, records: int) -> None:
        """Note how many records a file has."""
        self.records[source, file] = records

    def some(self, mechanism: str, n: int, count: int) -> list[int]:
        """Choose up to `count` of n records, the same ones in every run; none where all is clean."""
        if self.clean or not n:
            return []
        generator = np.random.default_rng([self.seed, *mechanism.encode()])
        return sorted(generator.choice(n, size=min(count, n), replace=False).tolist())

    def spoil(
        self,
        lines: Sequence[str],
        source: str,
        file: str,
        how: dict[str, tuple[int, Callable[[str], str]]],
    ) -> list[str]:
        """Return the lines with broken copies put in between; the whole ones stay as they are.

        `how` maps a kind of dirt to how many lines it spoils and what it does to one.
        """
        spoilt = list(lines)
        for kind, (count, breaks) in how.items():
            places = self.some(f"{source} {file} {kind}", len(lines), count)
            for place in reversed(places):
                spoilt.insert(place, breaks(lines[place]))
            self.note(source, file, kind, len(places))
        return spoilt

    def repeat(self, lines: Sequence[str], source: str, file: str, count: int) -> list[str]:
        """Return the lines with some of them told twice, word for word."""
        told = list(lines)
        places = self.some(f"{source} {file} again", len(lines), count)
        for place in reversed(places):
            told.insert(place, lines[place])
        self.note(source, file, DUPLICATE, len(places))
        return told

    def account(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return records and dirt by source and file."""
        account: dict[str, dict[str, dict[str, int]]] = {}
        for (source, file), records in sorted(self.records.items()):
            account.setdefault(source, {})[file] = {"records": records}
        for (source, file, kind), count in sorted(self.counts.items()):
            account.setdefault(source, {}).setdefault(file, {})[kind] = count
        return account
