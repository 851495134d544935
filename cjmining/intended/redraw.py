"""A behaviour drawn as a journey map, where it is one: a stage a touchpoint, or the words why it is none."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from cjmining.errors import MapError
from cjmining.intended.behaviour import Behaviour
from cjmining.intended.checks import MAX_ANY
from cjmining.intended.reader import parse_map
from cjmining.intended.writing import Names, to_yaml

if TYPE_CHECKING:
    from cjmining.intended.model import IntendedMap

_MEMORY = (
    "a journey map has no such memory: what may follow a touchpoint depends on that touchpoint alone. Give "
    "the touchpoint two names where it means two things, or draw it twice"
)


def redraw(
    behaviour: Behaviour,
    head: Mapping[str, Any],
    *,
    what: str = "the model",
    drawn: Mapping[str, int] | None = None,
    owners: Mapping[str, str] | None = None,
) -> IntendedMap:
    """Draw a behaviour as an intended map, and prove that the map allows exactly the same.

    Parameters
    ----------
    behaviour : Behaviour
        What may happen, the goal included.
    head : mapping
        The map's own keys as in a map file: map, goal, patience, ...
    what : str
        What the model is called in messages: "the net".
    drawn : mapping, optional
        How often the model itself draws a touchpoint, where more than once: so many stages may name it.
    owners : mapping, optional
        Who answers for a touchpoint; a stage is theirs who answer for all of it.

    Returns
    -------
    IntendedMap
        With a stage for each touchpoint. Those that may stand in for each other are a `choice`; at most five
        that may come in any order are an `any` stage. Its `text` is the map file.

    Raises
    ------
    MapError
        If the behaviour is no journey map's; the message says where and why.

    Examples
    --------
    >>> behaviour = Behaviour.of(0, {0: [("seen", 1)], 1: [("paid", 2), ("sent", 3)], 2: [("sent", 3)]})
    >>> print(redraw(behaviour, {"map": "Till", "goal": ["sent"], "patience": "7d"}).text)
    map: Till
    goal: [sent]
    patience: 7d
    stages:
    - stage: seen
      touchpoints:
      - {touchpoint: seen}
      next: [paid, sent]
    - stage: paid
      touchpoints:
      - {touchpoint: paid}
    - stage: sent
      touchpoints:
      - {touchpoint: sent}
    <BLANKLINE>
    """
    problem: MapError | None = None
    for reading in _readings(behaviour, drawn or {}):
        for blocks in _ways_to_group(reading.behaviour):
            try:
                intended, silent = _drawn(reading, blocks, head, what, owners or {})
            except MapError as found:
                problem = problem or found
                continue
            allowed = Behaviour.of_automaton(intended.automaton, silent)
            if allowed == behaviour:
                return intended
            problem = problem or _unlike(behaviour, allowed, what)
    raise problem or MapError(f"{what} lets nothing happen: there is nothing to draw")


class _Reading(NamedTuple):
    """A behaviour in which touchpoints that mean several things have a symbol for each, and their names."""

    behaviour: Behaviour
    name_of: Mapping[str, str]


def _readings(behaviour: Behaviour, drawn: Mapping[str, int]) -> Iterator[_Reading]:
    """Yield the behaviour as it is, then with those touchpoints told apart that the model draws so often."""
    yield _Reading(behaviour, {name: name for name in behaviour.names})
    several = {name for name, to in behaviour.targets.items() if 1 < len(to) <= drawn.get(name, 1)}
    for apart in (several.difference(*next(_ways_to_group(behaviour))), several):
        if apart:
            yield _told_apart(behaviour, apart)


def _told_apart(behaviour: Behaviour, names: Collection[str]) -> _Reading:
    """Give touchpoints a symbol for each state that they lead to."""

    def symbol(name: str, to: int) -> str:
        return f"{name}\0{to}" if name in names else name

    steps = {
        state: [(symbol(name, to), to) for name, to in step.items()]
        for state, step in enumerate(behaviour.steps)
    }
    name_of = {symbol(name, to): name for step in behaviour.steps for name, to in step.items()}
    return _Reading(Behaviour.of(0, steps), name_of)


@dataclass(frozen=True, eq=False)
class _Node:
    """What becomes a stage: its touchpoints, and the nodes that may follow it."""

    names: tuple[str, ...]
    order: str = "sequence"
    optional: frozenset[str] = frozenset()
    repeat: frozenset[str] = frozenset()
    following: frozenset[str] = frozenset()


def _ways_to_group(behaviour: Behaviour) -> Iterator[list[frozenset[str]]]:
    """Yield the sets of touchpoints to try in any order: those that surely need it, then more, then fewer."""
    remembered = {name for name, to in behaviour.targets.items() if len(to) > 1}
    swaps = behaviour.swaps
    possible = {pair for pair in swaps if pair & remembered}
    tries = [_connected({pair for pair in swaps if pair <= remembered}), _connected(possible)]
    tries += [[pair] for pair in sorted(possible, key=sorted)]
    yield from (blocks for number, blocks in enumerate(tries) if blocks not in tries[:number])


def _connected(pairs: set[frozenset[str]]) -> list[frozenset[str]]:
    groups: list[frozenset[str]] = []
    for pair in sorted(pairs, key=sorted):
        meeting = [group for group in groups if group & pair]
        groups = [group for group in groups if not group & pair] + [pair.union(*meeting)]
    return sorted(groups, key=sorted)


def _drawn(
    reading: _Reading,
    blocks: list[frozenset[str]],
    head: Mapping[str, Any],
    what: str,
    owners: Mapping[str, str],
) -> tuple[IntendedMap, tuple[str, ...]]:
    """Draw the map that the behaviour would have if it is one; also what it names that is never seen."""
    behaviour, name_of = reading
    goals = frozenset(symbol for symbol, name in name_of.items() if name in head["goal"])
    nodes = _alternatives(behaviour, blocks, goals, what)
    nodes += [_in_any_order(behaviour, block, what) for block in blocks]
    node_of = {name: node for node in nodes for name in node.names}
    first = list(dict.fromkeys(node_of[name] for name in behaviour.steps[0]))
    ordered = _in_order(first, node_of)
    silent: tuple[str, ...] = ()
    begins_optional = _skippable_first(ordered, behaviour, node_of, goals)
    if len(first) > 1 and not begins_optional:
        start = _unused("start", tuple(name_of.values()))
        silent = (start,)
        begin = _Node((start,), following=frozenset(behaviour.steps[0]))
        ordered, node_of = [begin, *ordered], node_of | {start: begin}
        name_of = {**name_of, start: start}
    stages = _stages(
        ordered, node_of, name_of, silent, owners, optional_first=len(first) > 1 and begins_optional
    )
    return parse_map(to_yaml({**head, "stages": stages}), name=f"{head['map']}.yaml"), silent


def _alternatives(
    behaviour: Behaviour, blocks: list[frozenset[str]], goals: frozenset[str], what: str
) -> list[_Node]:
    """Return a node a touchpoint; those allowed at the same points and with the same to follow share one."""
    targets, in_blocks = behaviour.targets, frozenset().union(*blocks)
    alike: dict[tuple[object, ...], list[str]] = {}
    for name in behaviour.names:
        if name in in_blocks:
            continue
        if len(targets[name]) > 1:
            raise _remembers(behaviour, in_blocks, what)
        allowed = tuple(state for state, step in enumerate(behaviour.steps) if name in step)
        alike.setdefault((*targets[name], allowed, name in goals), []).append(name)
    return [
        _Node(
            tuple(names),
            "choice" if len(names) > 1 else "sequence",
            following=frozenset(behaviour.steps[next(iter(targets[names[0]]))]),
        )
        for names in alike.values()
    ]


def _remembers(behaviour: Behaviour, in_blocks: frozenset[str], what: str) -> MapError:
    """Say where what may follow depends on more than the touchpoint before."""
    ways, targets = behaviour.shortest_ways, behaviour.targets
    for name in sorted(targets, key=lambda name: (name in in_blocks, name)):
        states = sorted(targets[name], key=lambda state: (len(ways[state]), ways[state]))
        for one in states:
            for other in states:
                only = [n for n in behaviour.steps[one] if n not in behaviour.steps[other]]
                if only:
                    return MapError(
                        f"after '{name}' {what} allows '{only[0]}' if the journey went "
                        f"{_way(behaviour, one, name)}, but not if it went "
                        f"{_way(behaviour, other, name)}: {_MEMORY}"
                    )
    return MapError(f"{what} remembers more than the last touchpoint: {_MEMORY}")


def _way(behaviour: Behaviour, state: int, last: str) -> str:
    """Name the shortest way to a state whose last touchpoint is `last`."""
    ways = behaviour.shortest_ways
    before = min(
        (ways[q] for q, step in enumerate(behaviour.steps) if step.get(last) == state),
        key=lambda way: (len(way), way),
    )
    shown = [*before, last]
    return f"'{', '.join(['...', *shown[-6:]] if len(shown) > 6 else shown)}'"


def _in_any_order(behaviour: Behaviour, block: frozenset[str], what: str) -> _Node:
    """Return a node for touchpoints in any order: which may be left out, which repeated, what follows."""
    names = tuple(sorted(block))
    apart = next((p for p in _pairs(names) if frozenset(p) not in behaviour.swaps), None)
    if apart:
        third = next(name for name in names if name not in apart)
        raise MapError(
            f"'{apart[0]}' and '{apart[1]}' keep an order in {what} while '{third}' may come before, between "
            "or after them; a stage of a map is in order or in any order. Put one touchpoint into each "
            "parallel branch, or draw the branches one after the other"
        )
    if len(names) > MAX_ANY:
        raise MapError(
            f"{what} lets {len(names)} touchpoints come in any order ({', '.join(names)}); a stage of a map "
            f"holds at most {MAX_ANY}. Split them into stages that follow each other"
        )
    entry = _entry(behaviour, block)
    full = None if entry is None else behaviour.after(names, entry)
    if entry is None or full is None:
        raise _remembers(behaviour, block, what)
    outside = frozenset(behaviour.steps[full]) - block
    optional = frozenset(
        name
        for name in names
        if (at := behaviour.after([n for n in names if n != name], entry)) is not None
        and not outside.isdisjoint(behaviour.steps[at])
    )
    repeat = frozenset(name for name in names if behaviour.after((name, name), entry) is not None)
    again = frozenset(behaviour.steps[full]) & block - repeat
    return _Node(names, "any", optional, repeat, outside | again)


def _pairs(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    yield from ((a, b) for a in names for b in names if a < b)


def _entry(behaviour: Behaviour, block: frozenset[str]) -> int | None:
    """Return the first state in which none of a block is done: all of it is allowed, none led there."""
    entered = {to for step in behaviour.steps for name, to in step.items() if name not in block} | {0}
    open_ = (q for q in sorted(entered) if block <= set(behaviour.steps[q]))
    return next(open_, None)


def _in_order(first: list[_Node], node_of: Mapping[str, _Node]) -> list[_Node]:
    """Return the nodes so that each comes after all that lead to it, loops back apart (reverse postorder)."""
    seen: set[_Node] = set()
    done: list[_Node] = []

    def visit(node: _Node) -> None:
        seen.add(node)
        for follower in _followers(node, node_of)[::-1]:
            if follower not in seen:
                visit(follower)
        done.append(node)

    for node in first[::-1]:
        if node not in seen:
            visit(node)
    return done[::-1]


def _followers(node: _Node, node_of: Mapping[str, _Node]) -> list[_Node]:
    """Return the nodes that may follow one, each once, by name."""
    return list(dict.fromkeys(node_of[name] for name in sorted(node.following)))


def _skippable_first(
    ordered: list[_Node], behaviour: Behaviour, node_of: Mapping[str, _Node], goals: frozenset[str]
) -> bool:
    """Say whether journeys begin in the first node or, skipping it, just where it leads to."""
    if not ordered:
        return False
    first = ordered[0]
    is_entered_later = any(name in node.following for node in ordered[1:] for name in first.names)
    skipped = {node_of[name] for name in behaviour.steps[0]} - {first}
    leads_to = {*_followers(first, node_of)} - {first}
    return skipped == leads_to and not is_entered_later and goals.isdisjoint(first.names)


def _unused(name: str, names: Sequence[str]) -> str:
    while name in names:
        name = f"({name})"
    return name


def _stages(
    ordered: list[_Node],
    node_of: Mapping[str, _Node],
    name_of: Mapping[str, str],
    silent: Sequence[str],
    owners: Mapping[str, str],
    *,
    optional_first: bool,
) -> list[dict[str, Any]]:
    """Write the nodes as the stages of a map file; a way to what stands above is a way back."""
    titles = _titles(ordered, name_of)
    places = {node: place for place, node in enumerate(ordered)}
    stages = []
    for place, node in enumerate(ordered):
        followers = _followers(node, node_of)
        on = sorted(places[f] for f in followers if places[f] > place)
        back = sorted(places[f] for f in followers if places[f] <= place)
        repeats_alone = back[-1:] == [place] and len(node.names) == 1
        back = back[:-1] if repeats_alone else back
        stage: dict[str, Any] = {"stage": titles[node]}
        if len(owner := {owners.get(name_of[name], "") for name in node.names}) == 1 and all(owner):
            stage["owner"] = owner.pop()
        if node.order != "sequence":
            stage["order"] = node.order
        if optional_first and place == 0:
            stage["optional"] = True
        repeat = node.repeat | (frozenset(node.names) if repeats_alone else frozenset())
        stage["touchpoints"] = [
            {"touchpoint": name_of[name]}
            | ({"optional": True} if name in node.optional else {})
            | ({"repeat": True} if name in repeat else {})
            | ({"recorded": False} if name in silent else {})
            for name in node.names
        ]
        if on != [place + 1] and (on or place + 1 < len(ordered)):
            stage["next"] = [titles[ordered[p]] for p in on]
        if back:
            stage["returns_to"] = [titles[ordered[p]] for p in back]
        stages.append(stage)
    return stages


def _titles(ordered: Sequence[_Node], name_of: Mapping[str, str]) -> dict[_Node, str]:
    """Name the stages by their touchpoints; of stages with the same the second is 2."""
    titles = Names(" ")
    return {
        node: titles.of(
            (" or " if node.order == "choice" else ", ").join(name_of[name] for name in node.names)
        )
        for node in ordered
    }


def _unlike(behaviour: Behaviour, drawn: Behaviour, what: str) -> MapError:
    """Say what the map that comes nearest would allow and the model doesn't, or the other way round."""
    if any(len(to) > 1 for to in behaviour.targets.values()):
        return _remembers(behaviour, frozenset(), what)
    way = behaviour.difference(drawn) or ()
    allows, other = (
        (what, "the map that comes nearest")
        if behaviour.after(way) is not None
        else ("the map that comes nearest", what)
    )
    return MapError(f"{what} is no journey map: {allows} allows '{', '.join(way)}' and {other} doesn't")
