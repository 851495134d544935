"""Runs over damaged exports, and what must hold after each.

A batch puts several exports below one folder, damages single records in most files and writes others in
another way, and demands of the log: every file's records counted as a plain reader counts them, nothing but
damaged records quarantined, and the events and customers of the same export without what was quarantined. A
series damages one file after the other as a whole: the ledger closes, or a SourceError names the file.
"""

from __future__ import annotations

import importlib
import pkgutil
import random
import shutil
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import cjmining as cj
from cjmining.errors import SourceError
from cjmining.ingest.readers import Dialect, Records
from tests.ingest import exports
from tests.ingest.fuzz.local import AT_MOST_ONE, LOCAL, OFTEN, Piece
from tests.ingest.fuzz.parts import Parts, take_apart
from tests.ingest.fuzz.whole import BOM, HARMFUL, HARMLESS, Whole

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source

SECONDS = 5.0
"""More CPU time than this no small export may take."""
_OWN = ("customer", "sequence", "event_id", "journey")
"""Columns that depend on a record's number or on which others there are."""


@dataclass
class Found:
    """What runs tried and found."""

    tried: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    """Cases that ended in a SourceError."""
    problems: list[str] = field(default_factory=list)

    @property
    def cases(self) -> int:
        return self.tried.total()

    def add(self, other: Found) -> None:
        self.tried += other.tried
        self.refused += other.refused
        self.problems += other.problems


def module_names() -> list[str]:
    """The sources that have a writer of exports."""
    names = [each.name for each in pkgutil.iter_modules(exports.__path__)]
    return [name for name in names if hasattr(_module(name), "write")]


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"tests.ingest.exports.{name}")


def run_batch(
    name: str, seed: int, root: Path, *, n_files: int = 8, most: int = 20, share: float = 1 / 3
) -> Found:
    """Damage up to a share of the records in exports of 5 to `most` records that are read at once."""
    module, rng = _module(name), random.Random(f"{name} batch {seed}")  # noqa: S311
    found = Found()
    batch = _Batch(module, rng, root, share)
    batch.write(1 if _reads_one(module) else n_files, most)
    valid = _valid(module, batch.whole, found)
    if valid is None:
        return found
    found.problems += [f"a valid record is quarantined: {line}" for line in valid.quarantined_lines[:3]]
    batch.damage(valid)
    found.tried += batch.tried
    hurt = _observed(batch, found)
    if hurt is None:
        return found
    for file in batch.files:
        found.problems += _file_problems(file, hurt)
    if not found.problems:
        batch.write_rest(hurt)
        found.problems += _differences(hurt, observe(module.read(batch.rest)))
    return found


def run_series(name: str, seed: int, root: Path, *, n: int = 10) -> Found:
    """Damage one file of a small export as a whole, `n` times."""
    module, rng = _module(name), random.Random(f"{name} series {seed}")  # noqa: S311
    found, whole, hurt = Found(), root / "whole" / "b0", root / "hurt"
    whole.mkdir(parents=True)
    module.write(whole, random.Random(rng.random()), rng.randint(5, 9))  # noqa: S311
    valid = _valid(module, whole.parent, found)
    if valid is None:
        return found
    files = {path: take_apart(path, valid.records.get(f"b0/{path.name}", 0)) for path in _files(whole)}
    while found.cases < n:
        path = rng.choice(sorted(files))
        damage = rng.choice(sorted(HARMFUL))
        made = HARMFUL[damage](rng, files[path])
        if made is None:
            continue
        found.tried[damage] += 1
        shutil.rmtree(hurt, ignore_errors=True)
        shutil.copytree(whole.parent, hurt)
        (hurt / "b0" / path.name).unlink()
        (hurt / "b0" / made.name).write_bytes(made.data)
        problems = _series_problems(module, hurt, path, made, valid, found)
        found.problems += [f"{damage} of {path.name}: {problem}" for problem in problems]
    return found


def _valid(module: ModuleType, folder: Path, found: Found) -> Observed | None:
    """Read the undamaged export; None where that can't be, which is a problem unless nobody is in it."""
    try:
        return observe(module.read(folder))
    except Exception as problem:  # noqa: BLE001 -- whatever it is, it is a finding
        if "no events are left" not in str(problem):
            found.problems.append(f"the valid export can't be read:\n{_last(traceback.format_exc())}")
        return None


def _series_problems(
    module: ModuleType, hurt: Path, path: Path, made: Whole, valid: Observed, found: Found
) -> list[str]:
    start = time.process_time()
    try:
        seen = observe(module.read(hurt))
    except SourceError as refusal:
        found.refused += 1
        named = path.name.split(".")[0] in str(refusal)
        return [] if named else [f"the refusal doesn't name the file: {str(refusal)[:300]}"]
    except BaseException:  # noqa: BLE001 -- a panic of a reader in Rust is no Exception
        return [_last(traceback.format_exc())]
    problems = []
    if (took := time.process_time() - start) > SECONDS:
        problems.append(f"it took {took:.1f} s")
    counts = {name: n for name, n in seen.records.items() if name.startswith(f"b0/{made.name}")}
    if made.records is not None and sum(counts.values()) != made.records:
        problems.append(f"{made.records} records expected, the ledger has {counts}")
    for name, n in valid.records.items():
        if path.name not in name.split("/") and (seen.records.get(name) != n or seen.quarantined.get(name)):
            problems.append(f"{name} was not damaged but has {seen.records.get(name)} records, not {n}")
    return problems


@dataclass
class Observed:
    """What matters of a log: by file the count of records and those quarantined, and all events."""

    records: Counter[str]
    quarantined: dict[str, set[int]]
    quarantined_lines: list[str]
    customers: Counter[Hashable]
    """Each customer by their events."""


def observe(source: Source) -> Observed:
    """Ingest a source; a table of customers beside a table with one event."""
    if isinstance(source, cj.sources.Customers):
        import pandas as pd

        visit = pd.DataFrame({"who": ["C1"], "when": ["2026-03-01 10:00"]})
        visits = cj.sources.Table(
            visit, name="visits", customer={"who": "user_id"}, timestamp="when", touchpoint="page_viewed"
        )
        log = cj.ingest(visits, customers=source)
    else:
        log = cj.ingest(source)
    ledger = log.ledger
    lines = ledger[(ledger["what"] == "records") & (ledger["source"] == source.name)]
    records: Counter[str] = Counter()
    for line in lines.itertuples():
        records[line.file] += line.count
    quarantined: dict[str, set[int]] = defaultdict(set)
    said = []
    for line in log.quarantine.itertuples():
        quarantined[line.file].add(line.record)
        said.append(f"{line.file} {line.record}: {line.reason}: {str(line.content)[:200]!r}")
    return Observed(records, quarantined, said, _customers(log))


def _customers(log: cj.JourneyLog) -> Counter[Hashable]:
    events = log.events
    columns = [name for name in events.columns if name not in _OWN]
    theirs: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    cells = [[None if value != value else value for value in events[name]] for name in columns]
    for customer, *row in zip(events["customer"], *cells, strict=True):
        theirs[customer].append(tuple(map(str, row)))
    return Counter(tuple(sorted(rows)) for rows in theirs.values())


@dataclass
class _File:
    """One file of a batch, as it was damaged."""

    path: str
    """Below the root of the valid exports."""
    hurt: str
    parts: Parts
    done: list[str]
    pieces: list[Piece] = field(default_factory=list)
    whole: Whole | None = None

    @property
    def records(self) -> list[tuple[int, Piece]]:
        """The pieces that are records, by number."""
        return list(enumerate((piece for piece in self.pieces if piece.data.strip(b"\r\n")), start=1))

    def without(self, numbers: set[int], *, is_latin_1: bool) -> bytes:
        """The file without some records; in UTF-8 where all was taken for latin-1: the rest may not be.

        Taken for latin-1, a mark of UTF-8 within the file is three letters like any others.
        """
        kept = [piece for number, piece in self.records if number not in numbers]
        read = [
            p.data if p.meant is None or (is_latin_1 and p.data.startswith(BOM)) else p.meant for p in kept
        ]
        data = self.parts.with_records(read)
        return self.parts.pack(data.decode("latin-1").encode() if is_latin_1 else data)


class _Batch:
    def __init__(self, module: ModuleType, rng: random.Random, root: Path, share: float) -> None:
        self.module, self.rng, self.share = module, rng, share
        self.whole, self.hurt, self.rest = root / "whole", root / "hurt", root / "rest"
        self.files: list[_File] = []
        self.tried: Counter[str] = Counter()

    def write(self, n_files: int, most: int) -> None:
        """Write exports until there are so many files."""
        for i in range(n_files):
            if len(_files(self.whole)) >= n_files:
                break
            folder = self.whole / f"b{i}"
            folder.mkdir(parents=True)
            self.module.write(folder, random.Random(self.rng.random()), self.rng.randint(5, most))  # noqa: S311

    def damage(self, valid: Observed) -> None:
        for path in _files(self.whole):
            name = path.relative_to(self.whole).as_posix()
            parts = take_apart(path, valid.records.get(name, 0))
            file = self._rewritten(name, parts) if self.rng.random() < 0.25 or not parts.records else None
            file = file or self._hurt(name, parts)
            self.files.append(file)
            data = (
                file.whole.data
                if file.whole
                else parts.pack(parts.with_records([p.data for p in file.pieces]))
            )
            _put(self.hurt / file.hurt, data if file.whole or file.pieces else path.read_bytes())

    def _rewritten(self, name: str, parts: Parts) -> _File | None:
        how = self.rng.choice(sorted(HARMLESS))
        made = HARMLESS[how](self.rng, parts)
        if made is None:
            return None
        self.tried[how] += 1
        return _File(name, f"{name.rsplit('/', 1)[0]}/{made.name}", parts, [how], whole=made)

    def _hurt(self, name: str, parts: Parts) -> _File:
        n = len(parts.records)
        chosen = (
            set(self.rng.sample(range(n), k=self.rng.randint(1, max(1, int(n * self.share)))))
            if n > 1
            else set()
        )
        pieces, done = [], []
        for i, record in enumerate(parts.records):
            made = self._local(record, parts, done) if i in chosen else None
            pieces += made or [Piece(record, touched=False)]
        self.tried.update(done)
        return _File(name, name, parts, done, pieces)

    def _local(self, record: bytes, parts: Parts, done: list[str]) -> list[Piece] | None:
        names = sorted({*LOCAL} - {name for name in AT_MOST_ONE if set(AT_MOST_ONE) & {*done}})
        for damage in self.rng.choices(names, [4 if name in OFTEN else 1 for name in names], k=4):
            made = LOCAL[damage](self.rng, record, parts)
            if made:
                done.append(damage)
                return made
        return None

    def write_rest(self, hurt: Observed) -> None:
        """The same exports without what was quarantined."""
        for file in self.files:
            data = (self.whole / file.path).read_bytes()
            if file.pieces:
                is_json = file.parts.form == "json"
                taken_for_latin_1 = Records(
                    self.hurt / file.hurt, Dialect(pattern="."), lines=is_json
                ).guessed
                data = file.without(hurt.quarantined.get(file.hurt, set()), is_latin_1=taken_for_latin_1)
            _put(self.rest / file.path, data)


def _file_problems(file: _File, hurt: Observed) -> Iterator[str]:
    where = f"{file.hurt} ({', '.join(file.done) or 'as it was'})"
    counts = {name: n for name, n in hurt.records.items() if name.startswith(file.hurt)}
    expected = file.whole.records if file.whole else len(file.records) if file.pieces else None
    if expected is not None and sum(counts.values()) != expected:
        yield f"{where}: {expected} records expected, the ledger has {counts}"
    touched = {number for number, piece in file.records if piece.touched}
    for name in counts:
        if wrong := sorted(hurt.quarantined.get(name, set()) - touched):
            said = [line for line in hurt.quarantined_lines if line.startswith(f"{name} {wrong[0]}:")]
            yield f"{where}: undamaged records {wrong} are quarantined: {said}"


def _observed(batch: _Batch, found: Found) -> Observed | None:
    """Ingest the damaged exports; on failure say which files fail alone."""
    start = time.process_time()
    try:
        seen = observe(batch.module.read(batch.hurt))
    except BaseException:  # noqa: BLE001
        said = _last(traceback.format_exc())
        found.problems.append(
            f"{said}\n  fails with: {', '.join(_culprits(batch)) or 'all of them together'}"
        )
        return None
    if (took := time.process_time() - start) > SECONDS + len(batch.files) / 4:
        found.problems.append(f"the batch took {took:.1f} s")
    return seen


def _culprits(batch: _Batch) -> list[str]:
    names = []
    for file in batch.files:
        only = batch.hurt.parent / "only"
        shutil.rmtree(only, ignore_errors=True)
        shutil.copytree(batch.whole, only)
        (only / file.path).unlink()
        _put(only / file.hurt, (batch.hurt / file.hurt).read_bytes())
        try:
            observe(batch.module.read(only))
        except BaseException:  # noqa: BLE001
            names.append(f"{file.hurt} ({', '.join(file.done)})")
    return names


def _differences(hurt: Observed, rest: Observed) -> list[str]:
    problems = [f"still spoilt without what was spoilt: {line}" for line in rest.quarantined_lines[:3]]
    lost, more = rest.customers - hurt.customers, hurt.customers - rest.customers
    if lost or more:
        problems.append(
            f"{lost.total()} customers of the undamaged rest aren't there, {more.total()} others are:\n"
            f"  lost {_shown(lost)}\n  more {_shown(more)}"
        )
    return problems


def _shown(customers: Counter[Hashable]) -> str:
    return str(next(iter(customers), None))[:1_000]


def _reads_one(module: ModuleType) -> bool:
    return getattr(module, "ONE_FILE", False)


def _files(folder: Path) -> Sequence[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _last(said: str) -> str:
    """The end of a traceback: where it was raised, and what."""
    return "\n".join(said.strip().splitlines()[-6:])[:1_500]
