"""How journeys ended, and where customers drop out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cjmining.conformance.sensitivity import ranking
from cjmining.report import words
from cjmining.report.cells import (
    Row,
    rows_of,
)
from cjmining.report.findings.finding import Finding, cite, headline, make_finding, numbers_of
from cjmining.schema import BEFORE_THE_MAP

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.conformance import Conformance
    from cjmining.intended import IntendedMap


MOST_PLACES = 3
"""How many places of drop-out are told in sentences; the table has all of them."""


def outcomes_finding(overall: Conformance) -> Iterator[Finding]:
    """Say how all journeys ended."""
    row = first_row(overall.outcomes)
    if row is None or row["journeys"] == 0:
        return
    total = int(row["journeys"])
    parts = [
        f"{words.count(row[column])} ({words.percent(row[column] / total)}) {verb}"
        for column, verb in (
            ("converted", "reached the goal"),
            ("dropped", "dropped out"),
            ("turned_away", "was turned away" if row["turned_away"] == 1 else "were turned away"),
        )
    ]
    text = (
        f"Of {words.plural(total, 'journey')} of {words.plural(int(row['customers']), 'customer')}, "
        f"{words.several(parts)}; {words.count(row['open'])} ({words.percent(row['open'] / total)}) "
        f"{'was' if row['open'] == 1 else 'were'} still open when the data end."
    )
    yield make_finding(
        "outcomes",
        text,
        numbers_of(row, "journeys", "customers", "converted", "dropped", "turned_away", "open"),
        headline=headline(
            f"{words.percent(row['converted'] / total)} of {words.plural(total, 'journey')} reached the goal"
        ),
        cited=[cite("outcomes", "Outcomes"), cite("dropouts", "Drop-outs")],
        refuted_by=(
            "If another record of the same time, such as the orders that finance counts, showed clearly more "
            f"or clearly fewer than {words.plural(int(row['converted']), 'journey')} that reached the goal."
        ),
    )


def largest_drop_outs(check: Conformance, groups: Sequence[str], min_group: int) -> Iterator[Finding]:
    """For each group the stage that loses the largest share of those who reached it."""
    for group in groups:
        row = leading_stage(check.stages, group, min_group)
        if row is None:
            continue
        horizon = words.days(check.intended.horizon)
        share = words.percent(row["drop_out_share"], row["lower"], row["upper"])
        text = (
            f"{share} of the {words.count(row['mature'])} {words.journeys_of(group, check.by)} that reached "
            f"{row['stage']} and could be followed for {horizon} dropped out there in that time; "
            f"{_among_stages(check.stages, group, row, min_group)}"
            f"{_at_other_patience(check, group, row['stage'], min_group)}"
        )
        numbers = numbers_of(
            row, "mature", "dropped_within_horizon", "drop_out_share", "lower", "upper", "entered", "dropped"
        )
        numbers["horizon_s"] = check.intended.horizon.total_seconds()
        of_group = group_of(group, check)
        said = f"{words.percent(row['drop_out_share'])} drop out at {{}}"
        yield make_finding(
            "largest drop-out",
            text,
            numbers,
            headline=headline(said, row["stage"])
            if of_group is None
            else headline(f"{{}}: {said}", words.name_of(group, check.by), row["stage"]),
            cited=[
                cite("stages", "Stages", of_group, stage=row["stage"]),
                cite("sensitivity", "At other patiences", of_group, stage=row["stage"]),
            ],
            refuted_by=_refuting_drop_out(check, group, row, horizon),
            group=of_group,
            stage=row["stage"],
        )


def _refuting_drop_out(check: Conformance, group: str, row: Row, horizon: str) -> str:
    """Say which later observation would contradict a share of drop-out."""
    later = (
        f"If fewer than {words.percent(row['lower'])} of the {words.journeys_of(group, check.by)} that reach "
        f"{row['stage']} in the coming months dropped out there within {horizon}"
    )
    patience = patience_at(check.intended, row["stage"])
    if patience is None:
        return f"{later}."
    return (
        f"{later}, or if most of the {words.count(row['dropped_within_horizon'])} counted as dropped out had "
        f"only paused, and came back after the {words.patience(patience)} of silence that count as leaving."
    )


def patience_at(intended: IntendedMap, stage: str) -> timedelta | None:
    """Return the patience at a stage; None where silence never counts there, or the map has no such stage."""
    own = next((each for each in intended.stages if each.stage == stage), None)
    if own is None or own.patience_us < 0:
        return None
    return timedelta(microseconds=own.patience_us)


def leading_stage(stages: pd.DataFrame, group: str, min_group: int) -> Row | None:
    """Return the stage with the largest drop-out in the horizon, among those that enough journeys reached.

    Ties go to the stage that comes first on the map. Where nobody dropped out anywhere there is none.
    """
    losing = [row for row in _followed(stages, group, min_group) if row["drop_out_share"] > 0]
    return max(losing, key=lambda row: float(row["drop_out_share"]), default=None)


def _followed(stages: pd.DataFrame, group: str, min_group: int) -> list[dict[str, Any]]:
    """Return the stages in which enough journeys of a group could be followed to speak of a share."""
    own = [row for row in rows_of(stages) if row["by"] == group and row["stage"] != BEFORE_THE_MAP]
    return [row for row in own if row["mature"] >= max(min_group, 1)]


def _among_stages(stages: pd.DataFrame, group: str, leader: Row, min_group: int) -> str:
    """Say how clearly a stage leads: against the next one whose limits reach into its own, if there is."""
    others = [row for row in _followed(stages, group, min_group) if row["stage"] != leader["stage"]]
    own = stages[(stages["by"] == group) & (stages["stage"] != BEFORE_THE_MAP) & (stages["entered"] != 0)]
    unsure = len(own) > len(others) + 1
    such = f" that at least {min_group} such journeys reached" if unsure else ""
    if not others:
        return (
            f"no other stage was reached by {min_group} such journeys"
            if unsure
            else "no other stage was reached"
        )
    near = [row for row in others if row["upper"] >= leader["lower"]]
    if not near:
        return f"clearly more than at any other stage{such}"
    next_one = max(near, key=lambda row: float(row["drop_out_share"]))
    share = words.percent(next_one["drop_out_share"])
    limits = words.limits(next_one["lower"], next_one["upper"])
    unclear = f"{next_one['stage']}: {share}, {limits}, is not clearly lower"
    return f"the largest share of all stages{such} ({unclear})"


def _at_other_patience(check: Conformance, group: str, stage: str, min_group: int) -> str:
    """Say whether the same stage leads at half and at twice the patience."""
    if silence_never_counts(check.intended):
        return "."
    own = check.sensitivity[check.sensitivity["by"].astype(str) == group]
    row = first_row(ranking(own, fewest=min_group))
    half, twice = (row["leads_at_half"], row["leads_at_double"]) if row else ("", "")
    if not half or not twice:
        return "."
    if half == twice == stage:
        return f"; the same holds {_given_up(check.intended, 0.5, 2)}."
    if half == twice:
        return f", but {_given_up(check.intended, 0.5, 2)}, {half} loses the largest share."
    if half == stage:
        return f", but {_given_up(check.intended, 2)}, {twice} loses the largest share."
    at_half = f"{_given_up(check.intended, 0.5)}, {half} loses the largest share"
    if twice == stage:
        return f", but {at_half}."
    return f", but {at_half}; {_given_up(check.intended, 2)}, {twice}."


def _given_up(intended: IntendedMap, *factors: float) -> str:
    """Say what another patience means: after how long a silence customers count as having left."""
    lengths = {us for each in _variants(intended) for us in _patiences_us(each) if us > 0}
    if len(lengths) > 1:
        parts = " or ".join("half" if factor < 1 else "twice" for factor in factors)
        return f"if customers are given up after {parts} the time"
    stated = timedelta(microseconds=lengths.pop())
    said = [words.days(factor * stated) for factor in (*factors, 1)]
    units = {each.split()[-1] for each in said}
    if len(units) == 1:  # 7 or 28 days instead of 14
        said = [each.split()[0] for each in said[:-2]] + [said[-2], said[-1].split()[0]]
    return f"if customers are given up after {' or '.join(said[:-1])} instead of {said[-1]}"


def silence_never_counts(intended: IntendedMap) -> bool:
    """Say whether no silence ends a journey under a map, before its stages, at them, or for any persona."""
    return all(us < 0 for each in _variants(intended) for us in _patiences_us(each))


def _variants(intended: IntendedMap) -> list[IntendedMap]:
    """Return the map, and that of each of its personas."""
    return [intended, *(intended.for_persona(each.persona) for each in intended.personas)]


def _patiences_us(intended: IntendedMap) -> list[int]:
    """Return the patience of a map, and of each of its stages; below zero where it never ends."""
    return [intended.patience_us, *(stage.patience_us for stage in intended.stages)]


def drop_out_places(overall: Conformance, min_group: int) -> Iterator[Finding]:
    """Say after which touchpoints most dropped out, and what that puts at risk."""
    rows = [
        row
        for row in rows_of(overall.dropouts)
        if row["journeys"] >= min_group and row["stage"] != BEFORE_THE_MAP
    ]
    dropped = first_row(overall.outcomes)
    total = int(dropped["dropped"]) if dropped else 0
    for row in sorted(rows, key=lambda row: -row["journeys"])[:MOST_PLACES]:
        text = (
            f"{words.count(row['journeys'])} of {words.plural(total, 'drop-out')} "
            f"({words.percent(row['share_of_dropped'])}) came at {row['stage']}, after "
            f"{words.quoted(row['touchpoint'])}{_turn(row['turn'])}."
        )
        if not words.missing(row["value_at_risk"]):
            at_risk = words.money_range(
                row["value_at_risk"], row["value_at_risk_lower"], row["value_at_risk_upper"], row["currency"]
            )
            text += f" Had those who left gone on like those who stayed, {at_risk} more would have come in."
        numbers = numbers_of(
            row,
            "journeys",
            "share_of_dropped",
            "value_at_risk",
            "value_at_risk_lower",
            "value_at_risk_upper",
            "currency",
        )
        share = words.percent(row["share_of_dropped"])
        yield make_finding(
            "drop-out place",
            text,
            numbers,
            headline=headline(f"{share} of drop-outs: {{}}, after {{}}", row["stage"], row["touchpoint"]),
            cited=[cite("dropouts", "Drop-outs", stage=row["stage"], touchpoint=row["touchpoint"])],
            refuted_by=(
                f"If most of these {words.plural(row['journeys'], 'journey')} went on after all: later than "
                "their patience, under another identifier, or in a system that is not among the sources."
            ),
            stage=row["stage"],
            touchpoint=row["touchpoint"],
            also=(str(row["turn"]),),
        )


def _turn(turn: Any) -> str:  # noqa: ANN401
    if turn == "customer":
        return ", when the next step was the customer's"
    return ", when the company was to act next" if turn == "company" else ""


def before_the_map(overall: Conformance, min_group: int) -> Iterator[Finding]:
    """Say how many journeys never came to the map."""
    row = next((row for row in rows_of(overall.stages) if row["stage"] == BEFORE_THE_MAP), None)
    total = first_row(overall.outcomes)
    if row is None or total is None:
        return
    never = int(row["entered"] - row["continued"])
    if never < min_group:
        return
    text = (
        f"{words.count(never)} of {words.plural(int(total['journeys']), 'journey')} "
        f"({words.percent(never / total['journeys'])}) never came to any touchpoint of the map; "
        f"{words.count(row['dropped'])} of them dropped out."
    )
    yield make_finding(
        "before the map",
        text,
        {
            "journeys": never,
            "dropped": int(row["dropped"]),
            "entered": int(row["entered"]),
            "all_journeys": int(total["journeys"]),
        },
        headline=f"{words.percent(never / total['journeys'])} of journeys never came to the map",
        cited=[cite("stages", "Stages", stage=BEFORE_THE_MAP)],
        refuted_by=(
            f"If these {words.plural(never, 'journey')} did meet touchpoints of the map, under names that no "
            "label knows yet: labelling the most frequent events outside the map would show it."
        ),
    )


def group_of(group: str, check: Conformance) -> str | None:
    """Return the group that a finding names; none where journeys are not grouped."""
    return None if check.by is None else group


def first_row(table: pd.DataFrame) -> Row | None:
    """Return the first row of a table, or None."""
    return next(iter(rows_of(table)), None)
