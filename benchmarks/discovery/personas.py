"""Three personas by a mixture of Markov chains, from five starts: no peer has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.discovery.engines import MILLION, Engine, Operation, Run, same_numbers

if TYPE_CHECKING:
    from benchmarks.discovery.workload import Events

NUMBER, STARTS = 3, 5


def ours(events: Events) -> Run:
    """`cj.find_personas` with a given number."""
    import cjmining as cj
    from benchmarks.discovery.workload import log_of

    log = log_of(events)

    def run() -> dict:
        found = cj.find_personas(log, number=NUMBER, starts=STARTS, seed=0)
        return {"personas": len(found.personas)}

    return run


OPERATION = Operation(
    {"cjmining": Engine(ours, 11 * MILLION)}, floor=("bounds", "touchpoint"), agree=same_numbers
)
