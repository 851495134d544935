"""The measured figures as a Markdown table, and the README that such tables stand in."""

from __future__ import annotations

from pathlib import Path

from benchmarks.conformance import MERGED, UNMERGED

README = Path(__file__).with_name("README.md")


def of(result: dict) -> str:
    """Return one table for one size of log, a row an engine and task."""
    sizes = result["sizes"]
    lines = [
        f"### {sizes['events']:,} events, {sizes['journeys']:,} journeys, {sizes['customers']:,} customers",
        "",
        "| task | engine | work | median time | CPU time | rate | times ours | peak memory |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for task, engines in result["tasks"].items():
        ours = next(iter(engines.values()))
        for name, found in engines.items():
            cells = [
                task,
                name,
                _work(found, sizes, task),
                _time(found["seconds"]),
                _time(found["cpu"]) if "cpu" in found else "",
                _rate(found, sizes, task),
                "" if name.startswith("cjmining") else _times(_cost(found, sizes) / _cost(ours, sizes)),
                f"{found['peak_mb']:,.0f} MB",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    every, three = (sizes[name] / sizes["events"] for name in ("bytes_all_columns", "bytes_three_columns"))
    memory = (
        f"A log holds {every:.0f} bytes an event in all its columns, "
        f"{three:.0f} in customer, timestamp and touchpoint."
    )
    load = (
        f"Load when this began: {result['load']:.1f}. On an idle machine it is below 0.5; under load "
        "every engine has less than its two cores, and ratios hold better than times."
    )
    alignments = [
        _alignments(task, engines) for task, engines in result["tasks"].items() if _is_alignment(task)
    ]
    skipped = [f"Not measured: {task}, because {why}." for task, why in result.get("skipped", {}).items()]
    return "\n".join([*lines, "", *alignments, *skipped, *([""] if alignments else []), memory, "", load])


def put(text: str, mark: str, path: Path = README) -> None:
    """Write a text into a README, between `<!-- mark -->` and `<!-- end of mark -->`."""
    before, start, rest = path.read_text(encoding="utf-8").partition(f"<!-- {mark} -->\n")
    _, end, after = rest.partition(f"<!-- end of {mark} -->")
    path.write_text(f"{before}{start}\n{text}\n\n{end}{after}", encoding="utf-8")


def _is_alignment(task: str) -> bool:
    return task.startswith("alignments")


def _alignments(task: str, engines: dict) -> str:
    """Say how the moves compare with costs alone, and what memory they take."""
    moves = engines["cjmining, one thread"]
    parts = [
        f"{moves['cpu'] / engines[name]['cpu']:.2f} x {words}"
        for name, words in (
            (MERGED, "the CPU time of costs alone"),
            (UNMERGED, "that of costs alone for every journey by itself"),
        )
    ]
    held = moves.get("bytes_an_event")
    memory = f"; {held:.0f} bytes an event from codes to moves" if held else ""
    return f"* {task}, one thread: moves take {' and '.join(parts)}{memory}."


def _cost(found: dict, sizes: dict) -> float:
    """Seconds an event, or a journey where a sample of those was the work."""
    return found["seconds"] / (found["units"] or sizes["events"])


def _work(found: dict, sizes: dict, task: str) -> str:
    if _is_alignment(task):
        return f"{found['units'] or sizes['journeys']:,} journeys"
    return f"{found['units'] or sizes['events']:,} events"


def _rate(found: dict, sizes: dict, task: str) -> str:
    if _is_alignment(task):
        return f"{1000 * found['seconds'] / (found['units'] or sizes['journeys']):.4g} ms a journey"
    return f"{1 / _cost(found, sizes) / 1e6:.3g} million events/s"


def _time(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} x" if ratio >= 100 else f"{ratio:.2g} x"
