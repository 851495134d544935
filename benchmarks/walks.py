"""Journeys along a map of a stated number of states, with deviations, as integer codes.

A journey walks the map's automaton at random. Its customer may leave at any step; what is planned may go
unrecorded, and events that aren't planned there come in between: any touchpoint of the map, one that isn't
on it, or the same once more.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

LEAVES, LOST, AD_HOC, OFF_MAP, AGAIN, FAILED, SWAPPED = 0.085, 0.04, 0.04, 0.02, 0.03, 0.01, 0.03
"""Shares of steps."""

MAPS = {
    13: """
map: Thirteen states
goal: [delivered]
patience: 10d
stages:
  - stage: Awareness
    order: choice
    touchpoints: [{touchpoint: ad, repeat: true}, {touchpoint: newsletter}, {touchpoint: friend}]
  - stage: Research
    order: any
    touchpoints: [{touchpoint: viewed, repeat: true}, {touchpoint: compared}]
    returns_to: [Awareness, Research]
  - stage: Checkout
    touchpoints: [{touchpoint: basket}, {touchpoint: address, optional: true}, {touchpoint: paid}]
    returns_to: [Research]
  - stage: Delivery
    touchpoints: [{touchpoint: confirmed}, {touchpoint: shipped}, {touchpoint: delivered}]
""",
    60: """
map: Sixty states
goal: [delivered]
patience: 10d
stages:
  - stage: Awareness
    order: choice
    touchpoints:
      - {touchpoint: ad_social, repeat: true}
      - {touchpoint: ad_search, repeat: true}
      - {touchpoint: newsletter}
      - {touchpoint: sms}
      - {touchpoint: letter}
      - {touchpoint: friend}
      - {touchpoint: store_window}
      - {touchpoint: article}
  - stage: Interest
    order: any
    touchpoints:
      - {touchpoint: home}
      - {touchpoint: category, repeat: true}
      - {touchpoint: search, optional: true}
    returns_to: [Awareness, Interest]
  - stage: Research
    order: choice
    touchpoints:
      - {touchpoint: product, repeat: true}
      - {touchpoint: review}
      - {touchpoint: video}
      - {touchpoint: size_guide}
      - {touchpoint: question}
      - {touchpoint: chat, repeat: true}
      - {touchpoint: call}
      - {touchpoint: store_visit}
      - {touchpoint: wish_list}
      - {touchpoint: sample}
    returns_to: [Interest, Research]
  - stage: Comparison
    order: any
    optional: true
    touchpoints:
      - {touchpoint: price}
      - {touchpoint: stock}
      - {touchpoint: shipping, optional: true}
      - {touchpoint: warranty, optional: true}
  - stage: Basket
    touchpoints:
      - {touchpoint: basket_add, repeat: true}
      - {touchpoint: voucher, optional: true}
      - {touchpoint: basket_open}
      - {touchpoint: offer, optional: true}
    returns_to: [Research]
  - stage: Checkout
    touchpoints:
      - {touchpoint: login, optional: true}
      - {touchpoint: address}
      - {touchpoint: delivery_slot, optional: true}
      - {touchpoint: summary}
    returns_to: [Basket]
  - stage: Payment
    order: choice
    touchpoints: [{touchpoint: card}, {touchpoint: transfer}, {touchpoint: wallet}, {touchpoint: invoice}]
  - stage: Delivery
    touchpoints: [{touchpoint: confirmed}, {touchpoint: shipped}, {touchpoint: delivered}]
  - stage: Support
    order: choice
    optional: true
    touchpoints:
      - {touchpoint: rated}
      - {touchpoint: returned}
      - {touchpoint: helped, repeat: true}
      - {touchpoint: asked}
""",
}


class Codes(NamedTuple):
    """Journeys as every engine gets them: their events' codes, and where each is aligned to.

    `first` and `last` (exclusive) bound the events that are aligned; `end` is 0 where the goal must have been
    passed and 1 + x where the path ends in symbol x of the automaton, -1 where there is nothing to align.
    `code_symbol`, `never_aligned` and `exits` say by code what the map makes of it.
    """

    code: np.ndarray
    failed: np.ndarray
    first: np.ndarray
    last: np.ndarray
    end: np.ndarray
    code_symbol: np.ndarray
    never_aligned: np.ndarray
    exits: np.ndarray
    names: np.ndarray

    def save(self, folder: Path, map_text: str) -> None:
        """Write the arrays and the map into a folder."""
        folder.mkdir(parents=True)
        for name, array in self._asdict().items():
            np.save(folder / f"{name}.npy", array)
        (folder / "map.yaml").write_text(map_text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Codes:
        """Read what `save` wrote."""
        return cls(*(np.load(folder / f"{name}.npy") for name in cls._fields))


def simulate(map_text: str, events: int, seed: int = 7) -> Codes:
    """Simulate about so many events along a map."""
    from cjmining.intended import parse_map

    automaton = parse_map(map_text).automaton
    rng = np.random.default_rng(seed)
    trial = _walks(automaton, 2_000, np.random.default_rng(seed))
    journeys = max(round(events * 2_000 / len(trial[0])), 1)
    code, failed, sizes = _walks(automaton, journeys, rng)
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    goal = np.isin(code, np.unique(automaton.edge_symbol[_passing(automaton)])) & (failed == 0)
    reached = np.add.reduceat(np.append(goal, 0), bounds[:-1]) * (sizes > 0) > 0
    on_map = np.flatnonzero(code < len(automaton.symbols))
    place = on_map[np.searchsorted(on_map, bounds[1:]) - 1]
    placed = place >= bounds[:-1]
    end = np.where(reached, 0, np.where(placed, 1 + code[place], -1))
    off_map = len(automaton.symbols)
    return Codes(
        code.astype(np.int32),
        failed.astype(np.int8),
        bounds[:-1],
        np.where(reached, bounds[1:], np.where(placed, place + 1, bounds[:-1])),
        end.astype(np.int32),
        np.append(np.arange(off_map), -1).astype(np.int32),
        np.zeros(off_map + 1, np.bool_),
        np.zeros(off_map + 1, np.bool_),
        np.array([*automaton.symbols, "something else"]),
    )


def _passing(automaton) -> np.ndarray:
    return ~automaton.goal_passed[automaton.edge_from] & automaton.goal_passed[automaton.edge_to]


def _walks(automaton, journeys: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Let customers walk, all at once, a step at a time; return codes, failures and sizes of journeys."""
    out_degree = np.bincount(automaton.edge_from, minlength=automaton.n_states)
    first_edge = np.searchsorted(automaton.edge_from, np.arange(automaton.n_states))
    off_map = len(automaton.symbols)
    state, walking = np.zeros(journeys, np.int64), np.arange(journeys)
    owner, codes = [], []

    def happen(who: np.ndarray, what: np.ndarray) -> None:
        owner.append(who)
        codes.append(what)

    for _ in range(60):
        walking = walking[(out_degree[state[walking]] > 0) & (rng.random(len(walking)) > LEAVES)]
        here, draw = state[walking], rng.random(len(walking))
        # Written order has the ways on first: steps back become rarer by the square.
        edge = first_edge[here] + (draw**2 * out_degree[here]).astype(np.int64)
        state[walking] = automaton.edge_to[edge]
        symbol = automaton.edge_symbol[edge].astype(np.int64)
        chance = rng.random(len(walking))
        extra = chance < AD_HOC
        happen(walking[extra], rng.integers(0, off_map, np.count_nonzero(extra)))
        extra = chance > 1 - OFF_MAP
        happen(walking[extra], np.full(np.count_nonzero(extra), off_map))
        recorded = rng.random(len(walking)) > LOST
        happen(walking[recorded], symbol[recorded])
        again = recorded & (rng.random(len(walking)) < AGAIN)
        happen(walking[again], symbol[again])
    owners, code = np.concatenate(owner), np.concatenate(codes)
    order = np.argsort(owners, kind="stable")
    owners, code = owners[order], code[order]
    swap = np.flatnonzero((owners[1:] == owners[:-1]) & (rng.random(len(code) - 1) < SWAPPED))
    swap = swap[np.diff(swap, prepend=-2) > 1]
    code[swap], code[swap + 1] = code[swap + 1], code[swap]
    return code, rng.random(len(code)) < FAILED, np.bincount(owners, minlength=journeys)
