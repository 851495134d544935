"""The measured figures as Markdown."""

from __future__ import annotations

import itertools
import math

from benchmarks.discovery.operations import OPERATIONS

OURS = "cjmining"
HEAD = "| events | engine | time | CPU time | times ours | times the floor | peak memory | added by it |"


def of(result: dict) -> str:
    """Return a table an operation, and one of how times grow and what a second core gives."""
    parts = [_operation(name, sizes) for name, sizes in result["operations"].items()]
    return "\n\n".join(
        ["### Discovery beside its peers", *parts, _growth(result["operations"]), _ending(result)]
    )


def _operation(name: str, sizes: dict) -> str:
    lines = [f"#### {name}", "", HEAD, f"|{'---:|'}---|{'---:|' * 6}"]
    lines += [
        _row(found, sizes[size], engine)
        for size in sizes
        for engine, found in sizes[size].items()
        if engine != "floor"
    ]
    apart = OPERATIONS[name].apart
    notes = [f"{', '.join(apart)}: answers another question, and is not compared."] if apart else []
    return "\n".join([*lines, *([""] if notes else []), *notes])


def _row(found: dict, engines: dict, engine: str) -> str:
    ours, floor = engines[OURS], engines["floor"]
    cells = [
        f"{found['events']:,}",
        engine,
        _time(found["seconds"]),
        _time(found["cpu"]),
        "" if engine == OURS else _times(found["seconds"] / ours["seconds"]),
        _times(found["seconds"] / floor["seconds"]),
        f"{found['peak_mb']:,.0f} MB",
        "" if found["grown_mb"] is None else f"{found['grown_mb']:,.0f} MB",
    ]
    return f"| {' | '.join(cells)} |"


def _growth(operations: dict) -> str:
    """How our times grow with the events, and what they are on one core."""
    lines = [
        "#### Growth and cores",
        "",
        "| operation | events | time | growth | CPU growth | one core / two | best peer |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    for name, sizes in operations.items():
        before = None
        for engines in sizes.values():
            ours = engines[OURS]
            lines.append(f"| {' | '.join(_growth_cells(name, ours, before, engines))} |")
            before = ours
    return "\n".join(lines)


def _growth_cells(name: str, ours: dict, before: dict | None, engines: dict) -> list[str]:
    peers = {
        engine: found["seconds"]
        for engine, found in engines.items()
        if engine not in ("floor", *OPERATIONS[name].apart) and not engine.startswith(OURS)
    }
    best = min(peers, key=peers.__getitem__) if peers else None
    return [
        name,
        f"{ours['events']:,}",
        _time(ours["seconds"]),
        _exponent("seconds", ours, before),
        _exponent("cpu", ours, before),
        "" if ours["one_core"] is None else f"{ours['one_core'] / ours['seconds']:.2f} x",
        "" if best is None else f"{best}: {_times(peers[best] / ours['seconds'])}",
    ]


def _exponent(what: str, ours: dict, before: dict | None) -> str:
    if before is None:
        return ""
    steps = math.log(ours["events"] / before["events"])
    return f"n^{math.log(ours[what] / before[what]) / steps:.2f}"


def _ending(result: dict) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    absent = "" if _has_retentioneering(result["operations"]) else " retentioneering was not measured."
    return (
        f"{result['machine']}; {versions}. Load when this began: {result['load']:.1f}; it took "
        f"{result['minutes']:.0f} minutes.{absent}"
    )


def _has_retentioneering(operations: dict) -> bool:
    sizes = itertools.chain.from_iterable(each.values() for each in operations.values())
    return any("retentioneering" in engines for engines in sizes)


def _time(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} x" if ratio >= 100 else f"{ratio:.2g} x"
