"""Names that few customers have: a row about one may count many journeys and still be about one person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjmining.engine.local import reduce_blocks
from cjmining.report.disclosure import small_groups
from cjmining.report.small_rows import Cells, Pairs, merged_cells, own_customers, without_rare_names
from cjmining.report.words import EVERYONE, SMALLER

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.conformance import Conformance
    from cjmining.discovery import Discovery
    from cjmining.dropout.incidence import Incidence
    from cjmining.intended import IntendedMap
    from cjmining.log import Block, JourneyLog
    from cjmining.report.leaving import Leaving

    Ints = NDArray[np.int64]

Names = Mapping[str, frozenset[Any]]


class Rare(NamedTuple):
    """Which names fewer than `min_group` customers have, in each group and among everyone.

    Attributes
    ----------
    of : dict of str to dict of str to frozenset
        Group ("all" is everyone) to kind to names. Kinds: touchpoint, channel, native, stage (its touchpoints
        on the map together), place (touchpoint and channel).
    """

    of: Mapping[str, Names]

    def names(self, group: str) -> Names:
        """Return the names that are rare in a group; of one that is not known, those rare among everyone."""
        return self.of.get(group) or self.of.get(EVERYONE, {})


NOTHING_RARE = Rare({})


def find_rare(log: JourneyLog, check: Conformance, min_group: int) -> Rare:
    """Count the customers of every touchpoint, channel, native event and stage, group by group.

    Parameters
    ----------
    log : JourneyLog
        The log that was checked.
    check : Conformance
        Its groups, the small ones merged, are those of the result.
    min_group : int
        What fewer customers have is rare.
    """
    if min_group <= 1:
        return NOTHING_RARE
    groups, members = [EVERYONE], [np.zeros(log.n_journeys, np.int64)]
    if check.by is not None and check._length("journeys") == log.n_journeys:
        codes, labels = log.group(check.by)
        small = small_groups(check, min_group)
        shown = [label for label in labels if label not in small]
        places = {label: len(groups) + place for place, label in enumerate(shown)}
        groups += [*shown, *([SMALLER] if small else [])]
        members.append(np.array([places.get(label, len(groups) - 1) for label in labels], np.int64)[codes])
    return Rare(
        dict(zip(groups, _rare_of(log, check.intended, members, len(groups), min_group), strict=True))
    )


def _rare_of(
    log: JourneyLog, intended: IntendedMap, members: Sequence[Ints], n_groups: int, min_group: int
) -> Iterator[Names]:
    """Yield the rare names of each group, kind by kind; `members` have groups of journeys."""
    kinds = _Kinds.of(log, intended)
    counted = reduce_blocks(
        lambda block: kinds.customers(log, block, members), _merged, log.blocks(), engine=log.engine
    )
    few = {kind: cells.cell[cells.customers < min_group] for kind, cells in counted.items()}
    for group in range(n_groups):
        yield {
            kind: frozenset(
                names[cell % len(names)] for cell in few[kind].tolist() if cell // len(names) == group
            )
            for kind, names in kinds.names.items()
        }


class _Kinds(NamedTuple):
    """What may be rare: the names of each kind; and which touchpoints a stage has, for whichever persona."""

    names: Mapping[str, Sequence[Any]]
    planned: NDArray[np.bool_]

    @classmethod
    def of(cls, log: JourneyLog, intended: IntendedMap) -> _Kinds:
        """Take them from a log and a map."""
        words = {kind: log.vocabulary(kind) for kind in _EVENTS}
        maps = [intended, *(intended.for_persona(each.persona) for each in intended.personas)]
        planned: dict[str, set[str]] = {}
        for part in (stage for each in maps for stage in each.stages):
            planned.setdefault(part.stage, set()).update(each.touchpoint for each in part.touchpoints)
        places = list(product(words["touchpoint"], words["channel"]))
        has = [[word in names for word in words["touchpoint"]] for names in planned.values()]
        return cls({**words, "stage": list(planned), "place": places}, np.array(has, np.bool_))

    def customers(self, log: JourneyLog, block: Block, members: Sequence[Ints]) -> dict[str, Cells]:
        """Count the customers of each name in each group: cell is group times names, plus the name."""
        lengths, customer = np.diff(block.own_bounds(log.bounds)), own_customers(log, block)
        groups = [np.repeat(group[block.journeys], lengths) for group in members]
        own = {kind: log.codes(kind)[block.events].astype(np.int64) for kind in _EVENTS}
        known = (own["touchpoint"] >= 0) & (own["channel"] >= 0)
        own["place"] = np.where(known, own["touchpoint"] * len(self.names["channel"]) + own["channel"], -1)
        pairs = {}
        for kind, codes in own.items():
            cells = [np.where(codes >= 0, group * len(self.names[kind]) + codes, -1) for group in groups]
            pairs[kind] = Pairs.of(np.concatenate(cells), np.tile(customer, len(cells)))
        counted = {kind: each.cells() for kind, each in pairs.items()}
        return {**counted, "stage": self._of_stages(pairs["touchpoint"])}

    def _of_stages(self, touchpoints: Pairs) -> Cells:
        group, code = np.divmod(touchpoints.cell, len(self.names["touchpoint"]))
        of = [
            Pairs.of(group[has[code]] * len(self.planned) + number, touchpoints.customer[has[code]]).cells()
            for number, has in enumerate(self.planned)
        ]
        return merged_cells(of)


_EVENTS = ("touchpoint", "channel", "native")


def _merged(counted: Sequence[Mapping[str, Cells]]) -> dict[str, Cells]:
    """Add what was counted in several blocks."""
    return {kind: merged_cells([each[kind] for each in counted]) for kind in (*_EVENTS, "stage", "place")}


# Withholding them


_COLUMNS = {
    "touchpoint": ("touchpoint", "from_touchpoint", "to_touchpoint"),
    "channel": ("channel",),
    "native": ("native",),
    "stage": ("stage", "from_stage", "to_stage"),
}
_ROWS = (
    *("dropouts", "deviations", "deviations_by_channel", "flows", "expectations_by_week"),
    *("expectations_by_channel", "channels", "handoffs", "standouts"),
)
_STAND = {
    "stages": ("stage",),
    "identified": ("stage",),
    "sensitivity": ("stage", "patience"),
    "touchpoints": ("stage", "touchpoint", "channel"),
    "expectations": ("stage", "touchpoint", "measure", "after", "at_least", "at_most", "target", "verdict"),
}
"""Tables whose rows keep their place on the map: what names them stays, every number of them goes."""


def withhold_rare(check: Conformance, rare: Rare) -> Conformance:
    """Withhold what a check says about names that few customers have, of everyone and of its groups.

    Rows go, but for stages, touchpoints and promises, whose place on the map must stay: their numbers become
    NaN, which is written as few.
    """
    if not rare.of:
        return check
    tables: dict[str, Any] = {name: _without(getattr(check, name), rare) for name in _ROWS}
    tables |= {name: _emptied(getattr(check, name), kept, rare) for name, kept in _STAND.items()}
    everybody = None if check._everybody is None else withhold_rare(check._everybody, rare)
    return replace(check, _everybody=everybody, **tables)


def withhold_rare_channels(found: Discovery, rare: Rare) -> Discovery:
    """Leave rare channels out of the lists of a discovery, whose rows say themselves how many customers."""
    if not rare.of:
        return found
    table = found.touchpoints
    told = [
        ", ".join(each for each in str(text or "").split(", ") if each not in rare.names(str(by))["channel"])
        for by, text in zip(table["by"], table["channels"], strict=True)
    ]
    return replace(found, touchpoints=table.assign(channels=told), _kept=None)


def withhold_rare_leaving(leaving: Leaving, rare: Rare) -> Leaving:
    """Leave out what is said of leaving where it names what few customers have."""
    if not rare.of:
        return leaving
    names = rare.names(EVERYONE)
    named = frozenset().union(*(names[kind] for kind in _COLUMNS))
    ends, places, why = leaving.ends, leaving.places, leaving.why
    if places is not None:
        findings = without_rare_names(places.findings, named).table
        places = replace(places, findings=findings, weeks=_without(places.weeks, rare))
    why = tuple(
        replace(each, drivers=without_rare_names(each.drivers, named).table)
        for each in why
        if each.stage not in names["stage"]
    )
    chances = _chances(ends, rare)
    everyone = chances if leaving.everyone is ends else _chances(leaving.everyone, rare)
    return leaving._replace(ends=chances, everyone=everyone, places=places, why=why)


def _chances(ends: Incidence | None, rare: Rare) -> Incidence | None:
    return None if ends is None else replace(ends, probabilities=_without(ends.probabilities, rare))


def rare_rows(table: pd.DataFrame, rare: Rare) -> NDArray[np.bool_]:
    """Say of each row whether it names what few customers of its group have (of everyone, without groups)."""
    groups = table["by"].astype(str) if "by" in table else None
    few = np.zeros(len(table), np.bool_)
    for group in [EVERYONE] if groups is None else groups.unique():
        mine = np.ones(len(table), np.bool_) if groups is None else (groups == group).to_numpy()
        few |= mine & _names_one(table, rare.names(group))
    return few


def _names_one(table: pd.DataFrame, names: Names) -> NDArray[np.bool_]:
    few = np.zeros(len(table), np.bool_)
    for kind, columns in _COLUMNS.items():
        for column in columns:
            if column in table and names.get(kind):
                few |= table[column].isin(names[kind]).to_numpy()
    if names.get("place") and {"touchpoint", "channel"} <= set(table):
        places = zip(table["touchpoint"], table["channel"], strict=True)
        few |= np.fromiter((place in names["place"] for place in places), np.bool_, len(table))
    if names.get("channel") and {"from", "to", "kind"} <= set(table):
        handed = table["from"].isin(names["channel"]) | table["to"].isin(names["channel"])
        few |= (handed & (table["kind"] == "channel")).to_numpy()
    return few


def _without(table: pd.DataFrame, rare: Rare) -> pd.DataFrame:
    few = rare_rows(table, rare)
    return table[~few].reset_index(drop=True) if few.any() else table


def _emptied(table: pd.DataFrame, kept: tuple[str, ...], rare: Rare) -> pd.DataFrame:
    few = rare_rows(table, rare)
    if not few.any():
        return table
    numbers = [name for name in table.columns if name not in {"by", *kept}]
    emptied = table.assign(**{name: table[name].astype(float).mask(few) for name in numbers})
    return emptied.assign(verdict=emptied["verdict"].mask(few, "")) if "verdict" in emptied else emptied
