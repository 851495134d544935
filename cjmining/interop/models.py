"""A model that pm4py's inductive miner discovers, shown beside the map."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cjmining import asked
from cjmining.errors import LogError
from cjmining.intended.follows import Pair, pairs_of, planned_pairs
from cjmining.interop.logs import to_event_log
from cjmining.interop.nets import behaviour_of
from cjmining.interop.peer import pm4py_module
from cjmining.log import expect_log, expect_map
from cjmining.results import Result

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.discovery import Discovery
    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog

KINDS: Final = ("planned and modelled", "planned only", "modelled only", "in neither")


@dataclass(frozen=True, eq=False)
class Model:
    """A model that pm4py discovered.

    Attributes
    ----------
    tree : pm4py.objects.process_tree.obj.ProcessTree
        What the inductive miner returned.
    noise : float
        The share of rarer behaviour it was told to pass over.
    """

    tree: Any
    noise: float

    @cached_property
    def net(self) -> tuple[Any, Any, Any]:
        """The model as pm4py's functions take it: net, initial marking, final marking."""
        net: tuple[Any, Any, Any] = pm4py_module("pm4py.convert").convert_to_petri_net(self.tree)
        return net

    def __repr__(self) -> str:
        return f"Model: {self.tree}"


def discover_model(log: JourneyLog, *, noise: float = 0.2, ignore: Sequence[str] = ()) -> Model:
    """Let pm4py's inductive miner discover a model of the journeys.

    Parameters
    ----------
    log : JourneyLog
        The log.
    noise : float
        From 0 (the model allows every journey of the log) to 1: which rarer behaviour is passed over.
    ignore : sequence of str
        Touchpoints that are no part of the journey, such as `intended.ignore`.

    Returns
    -------
    Model
        `.net` is what pm4py's functions take, `.tree` the process tree; `model_beside_map` takes it as it is.

    Raises
    ------
    LogError
        If `log` is none, `noise` isn't a number from 0 to 1, `ignore` no sequence of texts, or no event is
        left.
    ImportError
        If pm4py is not installed.

    References
    ----------
    Leemans, Fahland, van der Aalst (2013), doi:10.1007/978-3-642-38697-8_17; with noise (2014),
    doi:10.1007/978-3-319-06257-0_6.

    Examples
    --------
    >>> import cjmining as cj
    >>> model = discover_model(cj.simulate.shop(50, seed=1).log, noise=0.2)
    >>> net, initial_marking, final_marking = model.net
    """
    expect_log(log, "cjmining.interop.discover_model")
    noise = asked.number("noise", noise, least=0, most=1)
    ignored = asked.texts("ignore", ignore, of="touchpoints")
    events = to_event_log(log)
    events = events[~events["concept:name"].isin(ignored)]
    if events.empty:
        raise LogError("the log has no events to discover a model from")
    discovery = pm4py_module("pm4py.discovery")
    tree = discovery.discover_process_tree_inductive(events, noise_threshold=noise, multi_processing=False)
    return Model(tree, noise)


def model_beside_map(
    model: Any,  # noqa: ANN401 -- a Model, or what pm4py calls a model, which has no types
    intended: IntendedMap,
    *,
    found: Discovery | None = None,
) -> ModelBesideMap:
    """Say what may directly follow what by a model, by the map, and by both.

    Parameters
    ----------
    model : Model, process tree, or (net, initial marking, final marking)
        What `discover_model` returned, or a model of pm4py.
    intended : IntendedMap
        The map.
    found : Discovery, optional
        What `cj.discover` returned: how often each really follows, all groups together, and what follows
        though neither has it. What the map ignores is left out.

    Returns
    -------
    ModelBesideMap
        `.pairs` and `.account`; `cj.plot.model_beside_map` draws it.

    Raises
    ------
    LogError
        If one of them is something else.
    MapError
        If a net is unbounded, has no complete run, or more than 10,000 markings: pass what `discover_model`
        returned, or pm4py's process tree, which have no such limit.
    ImportError
        If pm4py is not installed.

    Notes
    -----
    A pair stands where some complete run of the model, or some way that the map plans, has the one directly
    after the other; what no system records is passed over. A pair that both have may still belong to
    different ways: this tells where the two differ, not that they are the same.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(50, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> model = discover_model(shop.log, ignore=intended.ignore)
    >>> sorted(model_beside_map(model, intended).pairs["kind"].unique())
    ['modelled only', 'planned and modelled', 'planned only']
    """
    expect_map(intended, "cjmining.interop.model_beside_map")
    planned = planned_pairs(intended)
    modelled = _modelled(model, intended.ignore)
    counts = None if found is None else _counts(found, set(intended.ignore))
    return ModelBesideMap(intended, counts is not None, *_tables(planned, modelled, counts))


@dataclass(frozen=True, repr=False, eq=False)
class ModelBesideMap(Result):
    """What may directly follow what by a model, by the map, and by both.

    Attributes
    ----------
    intended : IntendedMap
        The map.
    counted : bool
        Whether it is known how often each really follows.
    pairs : pandas.DataFrame
        from_touchpoint (the one that is left), to_touchpoint (the one that follows), kind ("planned and
        modelled", "planned only", "modelled only"; where counted also "in neither", for what follows
        nevertheless). Where counted also count (how often the second directly follows the first), journeys
        (in which it does so at least once).
    account : pandas.DataFrame
        kind, pairs (how many there are). Where counted also count (transitions of this kind),
        share_of_transitions (of all that were counted).
    """

    intended: IntendedMap
    counted: bool
    pairs: pd.DataFrame
    account: pd.DataFrame

    _tables = ("pairs", "account")

    def _summary(self) -> str:
        numbers = ", ".join(f"{row.pairs} {row.kind}" for row in self.account.itertuples())
        return f"ModelBesideMap: pairs of touchpoints that may directly follow each other: {numbers}"


# What follows what ----------------------------------------------------------------------------------------


def _modelled(model: Any, ignore: Sequence[str]) -> set[Pair]:  # noqa: ANN401
    if isinstance(model, Model):
        model = model.tree
    trees = pm4py_module("pm4py.objects.process_tree.obj")
    if isinstance(model, trees.ProcessTree):
        return set(tree_pairs(model, frozenset(ignore)).pairs)
    nets = pm4py_module("pm4py.objects.petri_net.obj")
    if isinstance(model, tuple) and len(model) == 3 and isinstance(model[0], nets.PetriNet):
        return pairs_of(behaviour_of(*model, ignore, "the model"))
    raise LogError(
        "model_beside_map takes what discover_model returned, a process tree of pm4py, or (net, initial "
        f"marking, final marking), not {type(model).__name__}"
    )


class Follows(NamedTuple):
    """What the runs of a part of a tree begin and end with, have at all, and have in a row."""

    begins: frozenset[str]
    ends: frozenset[str]
    names: frozenset[str]
    pairs: frozenset[Pair]
    empty: bool
    """Whether a run may have nothing."""


_NOTHING: Final = Follows(frozenset(), frozenset(), frozenset(), frozenset(), empty=True)


def tree_pairs(tree: Any, ignore: frozenset[str] = frozenset()) -> Follows:  # noqa: ANN401
    """Return what follows what by a process tree, part by part, however many runs there are.

    Parameters
    ----------
    tree : pm4py.objects.process_tree.obj.ProcessTree
        Of sequences, choices, inclusive choices, parallel parts, interleaved parts and loops.
    ignore : frozenset of str
        Activities that are passed over.
    """
    if tree.operator is None:
        if tree.label is None or tree.label in ignore:
            return _NOTHING
        one = frozenset([str(tree.label)])
        return Follows(one, one, one, frozenset(), empty=False)
    parts = [tree_pairs(child, ignore) for child in tree.children]
    operator = tree.operator.name
    if operator == "SEQUENCE":
        return _in_sequence(parts)
    if operator == "LOOP":
        return _looped(parts)
    if operator not in ("XOR", "OR", "PARALLEL", "INTERLEAVING"):
        raise LogError(f"the process tree has an operator that is not known here: {operator}")
    return _together(parts, operator)


def _in_sequence(parts: Iterable[Follows]) -> Follows:
    whole = _NOTHING
    for part in parts:
        whole = Follows(
            whole.begins | part.begins if whole.empty else whole.begins,
            part.ends | whole.ends if part.empty else part.ends,
            whole.names | part.names,
            whole.pairs | part.pairs | _cross(whole.ends, part.begins),
            whole.empty and part.empty,
        )
    return whole


def _looped(parts: list[Follows]) -> Follows:
    """The first part, then any number of times one of the others between and the first again."""
    body, again = parts[0], _together(parts[1:2], "XOR")
    begins = body.begins | (again.begins if body.empty else frozenset())
    ends = body.ends | (again.ends if body.empty else frozenset())
    pairs = body.pairs | again.pairs | _cross(body.ends, again.begins) | _cross(again.ends, body.begins)
    if again.empty:
        pairs |= _cross(body.ends, body.begins)
    if body.empty:
        pairs |= _cross(again.ends, again.begins)
    once = Follows(begins, ends, body.names | again.names, pairs, body.empty)
    return _in_sequence([once, *parts[2:]])


def _together(parts: list[Follows], operator: str) -> Follows:
    """One of several, or several of them in any order, one after another or mixed."""
    every = Follows(
        frozenset().union(*(part.begins for part in parts)),
        frozenset().union(*(part.ends for part in parts)),
        frozenset().union(*(part.names for part in parts)),
        frozenset().union(*(part.pairs for part in parts)),
        any(part.empty for part in parts) if operator in ("XOR", "OR") else all(part.empty for part in parts),
    )
    if operator == "XOR":
        return every
    between = frozenset[Pair]()
    for place, one in enumerate(parts):
        for other_place, other in enumerate(parts):
            if place != other_place:
                mixed = operator != "INTERLEAVING"
                between |= _cross(one.names if mixed else one.ends, other.names if mixed else other.begins)
    return every._replace(pairs=every.pairs | between)


def _cross(first: Iterable[str], second: Iterable[str]) -> frozenset[Pair]:
    following = list(second)
    return frozenset((a, b) for a in first for b in following)


# Tables ---------------------------------------------------------------------------------------------------


def _counts(found: Discovery, ignored: set[str]) -> dict[Pair, tuple[int, int]]:
    from cjmining.discovery import Discovery

    if not isinstance(found, Discovery):
        raise LogError(
            f"found is the result of cj.discover(log, ignore=intended.ignore), not {type(found).__name__}"
        )
    counts: dict[Pair, tuple[int, int]] = {}
    for row in found.transitions.to_dict("records"):
        pair = str(row["from_touchpoint"]), str(row["to_touchpoint"])
        if not ignored.intersection(pair):
            before = counts.get(pair, (0, 0))
            counts[pair] = before[0] + int(row["count"]), before[1] + int(row["journeys"])
    return counts


def _tables(
    planned: set[Pair], modelled: set[Pair], counts: dict[Pair, tuple[int, int]] | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    import pandas as pd

    both = [planned & modelled, planned - modelled, modelled - planned]
    kind_of = {pair: kind for kind, pairs in zip(KINDS, both, strict=False) for pair in pairs}
    for pair in counts or {}:
        kind_of.setdefault(pair, KINDS[3])
    listed = sorted(kind_of, key=lambda pair: (KINDS.index(kind_of[pair]), pair))
    pairs = pd.DataFrame(
        {
            "from_touchpoint": pd.Series([a for a, _ in listed], dtype="str"),
            "to_touchpoint": pd.Series([b for _, b in listed], dtype="str"),
            "kind": pd.Series([kind_of[pair] for pair in listed], dtype="str"),
        }
    )
    kinds = KINDS if counts is not None else KINDS[:3]
    account = pd.DataFrame(
        {
            "kind": pd.Series(kinds, dtype="str"),
            "pairs": [int((pairs["kind"] == kind).sum()) for kind in kinds],
        }
    )
    if counts is None:
        return pairs, account
    counted = [counts.get(pair, (0, 0)) for pair in listed]
    pairs = pairs.assign(
        count=pd.Series([n for n, _ in counted], dtype="int64"),
        journeys=pd.Series([n for _, n in counted], dtype="int64"),
    )
    number = pairs.groupby("kind")["count"].sum().reindex(list(kinds), fill_value=0).to_numpy()
    total = number.sum()
    return pairs, account.assign(count=number, share_of_transitions=number / total if total else float("nan"))
