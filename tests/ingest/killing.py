"""Ingestions that are killed, at random moments and at every point: `python -m tests.ingest.killing 200`.

Two exports take turns at one path. Whenever an ingestion was killed, the log there must be the earlier one or
the new one, whole; and the same ingestion, run again, must leave the very bytes that an undisturbed one does,
and nothing beside them. The same holds for the second of two deliveries to one log.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

Contents = dict[str, str]
_POINTS = 29
"""That writing a log over an earlier one passes at most; a run that passes fewer isn't killed."""


def kill_often(times: int, seed: int = 1) -> int:
    """Kill so many ingestions; return how many of them had replaced the log already."""
    _import_all()
    rng = random.Random(seed)  # noqa: S311 -- nothing secret
    with tempfile.TemporaryDirectory(prefix="cjmining-killing-") as name:
        folder = Path(name)
        wanted, seconds = [], []
        for export in (0, 1):
            _write_export(folder, export)
            undisturbed = folder / f"undisturbed-{export}"
            seconds.append(_timed(lambda export=export, log=undisturbed: _ingest(folder, log, export)))
            wanted.append(_contents(undisturbed))
        path = folder / "logs" / "shop.log"
        path.parent.mkdir()
        done = 0
        for i in range(times):
            export = i % 2
            earlier = _contents(path) if path.exists() else None
            _kill(lambda export=export: _ingest(folder, path, export), rng, i, max(seconds))
            done += _check_left(path, earlier, wanted[export])
            _run(lambda export=export: _ingest(folder, path, export))
            _expect(_contents(path) == wanted[export], f"kill {i}: another log came of a second run")
            _expect(list(path.parent.iterdir()) == [path], f"kill {i}: something was left beside the log")
            if rng.random() < 0.1:
                shutil.rmtree(path)
    return done


def kill_deliveries(times: int, seed: int = 1) -> int:
    """Kill so many second deliveries to a log; return how many of them had replaced it already."""
    _import_all()
    rng = random.Random(seed)  # noqa: S311 -- nothing secret
    with tempfile.TemporaryDirectory(prefix="cjmining-killing-") as name:
        folder = Path(name)
        first, both = folder / "first", folder / "both"
        for export in (0, 1):
            _write_export(folder, export)
        _run(lambda: _ingest(folder, first, 0, add=True))
        shutil.copytree(first, both)
        seconds = _timed(lambda: _ingest(folder, both, 1, add=True))
        earlier, wanted = _contents(first), _contents(both)
        path = folder / "logs" / "shop.log"
        done = 0
        for i in range(times):
            shutil.rmtree(path.parent, ignore_errors=True)
            shutil.copytree(first, path)
            _kill(lambda: _ingest(folder, path, 1, add=True), rng, i, seconds)
            if _check_left(path, earlier, wanted):
                done += 1  # a third delivery would be one more
                continue
            _run(lambda: _ingest(folder, path, 1, add=True))
            _expect(_contents(path) == wanted, f"kill {i}: another log came of a second run")
            _expect(list(path.parent.iterdir()) == [path], f"kill {i}: something was left beside the log")
    return done


def _import_all() -> None:
    """Import what an ingestion needs once, so that what is killed is the ingestion, and not imports."""
    import duckdb  # noqa: F401
    import pandas as pd  # noqa: F401
    import phonenumbers  # noqa: F401
    import pyarrow.parquet as pq  # noqa: F401
    import scipy.sparse.csgraph  # noqa: F401

    import cjmining.ingest.run  # noqa: F401


def _write_export(folder: Path, export: int) -> None:
    rng = random.Random(export)  # noqa: S311 -- nothing secret
    lines = ["SubscriberKey,EventDate,SendID\n"]
    for _ in range(4000 + 2000 * export):
        moment = f"3/{rng.randint(1, 28)}/2026 1:02:{rng.randint(0, 59):02d} AM"
        lines.append(f"p{rng.randint(0, 500)}@example.org,{moment},{rng.randint(0, 20)}\n")
    file = folder / f"export-{export}" / "Sent.csv"
    file.parent.mkdir()
    file.write_text("".join(lines), encoding="utf-8")


def _ingest(folder: Path, path: Path, export: int, *, add: bool = False) -> None:
    import cjmining as cj

    source = cj.sources.MarketingCloud(folder / f"export-{export}")
    cj.ingest(source, path=path, memory_limit="200MB", add=add)


def _timed(what: Callable[[], None]) -> float:
    start = time.perf_counter()
    _run(what)
    return time.perf_counter() - start


def _kill(what: Callable[[], None], rng: random.Random, i: int, seconds: float) -> None:
    """Kill it, by turns at one of the points that writing a log passes and after a while."""
    if i % 2:
        _kill_at(what, rng.randrange(_POINTS))
    else:
        _kill_after(what, rng.uniform(0, 0.9 * seconds))


def _kill_at(what: Callable[[], None], point: int) -> None:
    from cjmining import storage

    def run() -> None:
        left = point

        def reached(_: str) -> None:
            nonlocal left
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

        storage._reached = reached
        what()

    _run(run, may_die=True)


def _kill_after(what: Callable[[], None], seconds: float) -> None:
    child = _fork(what)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _check_left(path: Path, earlier: Contents | None, wanted: Contents) -> bool:
    """Expect one whole log, or none where there was none; return whether it is the new one."""
    if not path.exists():
        _expect(earlier is None, "the earlier log is gone")
        return False
    _run(lambda: _read_all(path))
    found = _contents(path)
    is_new = found["manifest.json"] == wanted["manifest.json"]
    whole = wanted if is_new else earlier
    _expect(whole is not None and whole.items() <= found.items(), "the log is neither of the two")
    return is_new


def _read_all(path: Path) -> None:
    import cjmining as cj

    for table in cj.read_log(path).to_arrow().values():
        table.validate(full=True)


def _contents(path: Path) -> Contents:
    files = [file for file in path.rglob("*") if file.is_file()]
    return {str(f.relative_to(path)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def _run(what: Callable[[], None], *, may_die: bool = False) -> None:
    _, status = os.waitpid(_fork(what), 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    _expect(status == 0 or (may_die and killed), f"a child ended with {status}")


def _fork(what: Callable[[], None]) -> int:
    """Do something in a child that starts with everything imported; this process never runs any of it."""
    child = os.fork()
    if child:
        return child
    try:
        what()
    except BaseException:  # noqa: BLE001 -- whatever it is, the child must not go on as this process
        import traceback

        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _expect(fine: bool, otherwise: str) -> None:
    if not fine:
        raise SystemExit(otherwise)


if __name__ == "__main__":
    wanted_kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    for what, kill in (("ingestions", kill_often), ("deliveries", kill_deliveries)):
        replaced = kill(wanted_kills, *map(int, sys.argv[2:]))
        sys.stdout.write(f"{wanted_kills} {what} killed; {replaced} of them had replaced the log already\n")
