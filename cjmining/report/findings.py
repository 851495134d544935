"""Findings: what the results say, in plain sentences with stable names.

A finding's id is made of what it is about (its kind, group, stage, touchpoint, source), never of its
numbers, so that a later run can tell which findings are new, gone or changed. What merely describes is
always said; that a group differs from the others is said only where the comparison holds after control of
the false-discovery rate, and then as an association.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cjmining.conformance.knowledge import DEPENDS, knowledge_note
from cjmining.conformance.sensitivity import ranking
from cjmining.conformance.standouts import FEWEST_DROPPED, LARGEST_Q
from cjmining.plot.choose import significant
from cjmining.report import words
from cjmining.report.cells import Row, rows_of
from cjmining.report.contact_findings import contact_findings
from cjmining.report.finding import Finding, make_finding, numbers_of
from cjmining.report.leaving import NOT_LOOKED_INTO, Leaving, leaving_findings
from cjmining.report.natives import native_calls
from cjmining.report.patiences import estimated, patience_in_short
from cjmining.schema import BEFORE_THE_MAP, UNKNOWN

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

    from cjmining.conformance import Conformance, Coverage
    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog

MOST_PLACES = 3
"""How many places of drop-out are told in sentences; the table has all of them."""

MOST_DEVIATIONS = 4
"""How many deviations are told in sentences, the largest of each type; the table has all of them."""


LONG_DAYS = 7
"""From how many days on it is told that a source begins late or ends early."""


def derive_findings(
    log: JourneyLog,
    check: Conformance,
    coverage: Coverage,
    *,
    min_group: int = 10,
    leaving: Leaving = NOT_LOOKED_INTO,
) -> tuple[Finding, ...]:
    """Say what the results say: what the customers do first, how good the data are last.

    Parameters
    ----------
    log : JourneyLog
        The log that was checked.
    check : Conformance
        Actual against intended; its `overall` is used for what concerns everyone.
    coverage : Coverage
        What the map and the log do not share.
    min_group : int
        No sentence is made about fewer journeys than this; groups of fewer customers are merged.
    leaving : Leaving
        What stands out where and when, and what goes with leaving, as far as that is known.

    Returns
    -------
    tuple of Finding
        In the order in which a reader should meet them; the ids are unique.
    """
    from cjmining.report.disclosure import merge_check, shown_groups

    overall, check = check.overall, merge_check(check, min_group)
    found = [
        *_outcomes(overall),
        *_largest_drop_outs(overall, overall.groups, min_group),
        *(_largest_drop_outs(check, shown_groups(check), min_group) if check.by is not None else ()),
        *_standouts(check, min_group),
        *leaving_findings(leaving, min_group),
        *_drop_out_places(overall, min_group),
        *_before_the_map(overall, min_group),
        *contact_findings(overall, min_group),
        *_deviations(overall, min_group),
        *_about_the_data(log, check, coverage, min_group),
    ]
    return tuple(found)


def compare_findings(
    findings: Sequence[Finding], earlier: Sequence[Mapping[str, Any]] | None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Mark each finding as new, changed or same against an earlier run, and list those that are gone.

    Parameters
    ----------
    findings : sequence of Finding
        What holds now.
    earlier : sequence of dict or None
        The `findings` of an earlier `findings.json`; None if there was no earlier run.

    Returns
    -------
    now, gone : list of dict
        `now` has every finding with `status` (new, changed, same; None without an earlier run) and, where
        changed, `earlier_text`. `gone` has the earlier findings that no longer hold.

    Examples
    --------
    >>> finding = Finding("a", "outcomes", "Of 2 journeys, 1 converted.")
    >>> now, gone = compare_findings([finding], [{"id": "b", "text": "x"}])
    >>> now[0]["status"], [finding["id"] for finding in gone]
    ('new', ['b'])
    """
    known = {str(finding["id"]): finding for finding in earlier or ()}
    now = []
    for finding in findings:
        entry = finding.to_dict()
        before = known.pop(finding.id, None)
        if earlier is None:
            entry["status"] = None
        elif before is None:
            entry["status"] = "new"
        elif before.get("text") == finding.text:
            entry["status"] = "same"
        else:
            entry |= {"status": "changed", "earlier_text": before.get("text")}
        now.append(entry)
    gone = [
        {key: finding.get(key) for key in ("id", "kind", "text", "group", "stage", "touchpoint")}
        for finding in known.values()
    ]
    return now, gone


# What the customers do


def _outcomes(overall: Conformance) -> Iterator[Finding]:
    row = _first(overall.outcomes)
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
    )


def _largest_drop_outs(check: Conformance, groups: Sequence[str], min_group: int) -> Iterator[Finding]:
    """For each group the stage that loses the largest share of those who reached it."""
    for group in groups:
        row = leading_stage(check.stages, group, min_group)
        if row is None:
            continue
        horizon = words.days(check.intended.horizon)
        text = (
            f"Of {words.count(row['mature'])} {words.journeys_of(group, check.by)} that reached "
            f"{row['stage']} and could be followed for {horizon}, "
            f"{words.percent(row['drop_out_share'], row['lower'], row['upper'])} dropped out there within "
            f"{horizon}; {_among_stages(check.stages, group, row, min_group)}"
            f"{_at_other_patience(check, group, row['stage'], min_group)}"
        )
        numbers = numbers_of(
            row, "mature", "dropped_within_horizon", "drop_out_share", "lower", "upper", "entered", "dropped"
        )
        numbers["horizon_s"] = check.intended.horizon.total_seconds()
        yield make_finding("largest drop-out", text, numbers, group=_group(group, check), stage=row["stage"])


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
    own = stages[(stages["by"] == group) & (stages["stage"] != BEFORE_THE_MAP) & (stages["entered"] > 0)]
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
    row = _first(ranking(own, fewest=min_group))
    half, twice = (row["leads_at_half"], row["leads_at_double"]) if row else ("", "")
    if not half or not twice:
        return "."
    if half == twice == stage:
        return ", also at half and at twice the patience."
    if half == twice:
        return f", but at half and at twice the patience {half} loses the largest share."
    if half == stage:
        return f", but at twice the patience {twice} loses the largest share."
    if twice == stage:
        return f", but at half the patience {half} loses the largest share."
    return f", but at half the patience {half} loses the largest share, and at twice the patience {twice}."


def silence_never_counts(intended: IntendedMap) -> bool:
    """Say whether no silence ends a journey under a map, before its stages, at them, or for any persona."""
    variants = [intended, *(intended.for_persona(each.persona) for each in intended.personas)]
    return all(
        patience < 0
        for each in variants
        for patience in (each.patience_us, *(stage.patience_us for stage in each.stages))
    )


def _standouts(check: Conformance, min_group: int) -> Iterator[Finding]:
    """Say which groups differ from the rest at a stage, largest ratio first; only where that holds."""
    table = check.standouts
    if check.by is None or len(table) == 0:
        return
    standing = [
        row
        for row in rows_of(table[table["stands_out"].astype(bool)])
        if row["mature"] >= min_group and row["rest_mature"] >= min_group
    ]
    for row in sorted(standing, key=lambda row: (-row["risk_ratio"], str(row["by"]), str(row["stage"]))):
        subject = words.journeys_of(row["by"], check.by)
        text = (
            f"{subject[0].upper()}{subject[1:]} dropped out at {row['stage']}{_as_often(row)}: "
            f"{words.percent(row['share'])} of {words.count(row['mature'])} within "
            f"{words.days(check.intended.horizon)}, against {words.percent(row['rest_share'])} of "
            f"{words.count(row['rest_mature'])} (an association)."
        )
        numbers = numbers_of(
            row,
            "mature",
            "dropped_within_horizon",
            "share",
            "rest_mature",
            "rest_share",
            "risk_ratio",
            "lower",
            "upper",
            "p",
            "q",
        )
        yield make_finding("stand-out", text, numbers, group=row["by"], stage=row["stage"])
    if not table["stands_out"].any():
        yield from _no_standout(table, check.by)


def _as_often(row: Row) -> str:
    """Say the ratio; where none of the others dropped out there is none to say."""
    if not math.isfinite(row["risk_ratio"]):
        return ", unlike the others"
    return f" {words.as_often(row['risk_ratio'], row['lower'], row['upper'])}"


def _no_standout(table: pd.DataFrame, by: str) -> Iterator[Finding]:
    compared = int(table["q"].notna().sum())
    if compared:
        text = (
            f"Of {words.plural(compared, 'comparison')} of one {by.replace('_', ' ')} with the others, stage "
            f"by stage, none passes q < {LARGEST_Q:g} with at least {FEWEST_DROPPED} drop-outs. That "
            "does not show that they are alike: so many journeys may be too few to show a difference."
        )
        yield make_finding("no stand-out", text, {"comparisons": compared})


def _drop_out_places(overall: Conformance, min_group: int) -> Iterator[Finding]:
    rows = [
        row
        for row in rows_of(overall.dropouts)
        if row["journeys"] >= min_group and row["stage"] != BEFORE_THE_MAP
    ]
    dropped = _first(overall.outcomes)
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
        yield make_finding(
            "drop-out place",
            text,
            numbers,
            stage=row["stage"],
            touchpoint=row["touchpoint"],
            also=(str(row["turn"]),),
        )


def _turn(turn: Any) -> str:  # noqa: ANN401
    if turn == "customer":
        return ", when the next step was the customer's"
    return ", when the company was to act next" if turn == "company" else ""


def _before_the_map(overall: Conformance, min_group: int) -> Iterator[Finding]:
    row = next((row for row in rows_of(overall.stages) if row["stage"] == BEFORE_THE_MAP), None)
    total = _first(overall.outcomes)
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
    yield make_finding("before the map", text, {"journeys": never, "dropped": int(row["dropped"])})


_DEVIATES = {
    "missing": "passed {stage} at least once without {what}",
    "ad hoc": "had {what} at {stage}, where the map does not plan it",
    "out of order": "had {what} at {stage} out of its intended order",
    "failed": "met a failed {what} at {stage}",
    "repeated": "repeated {what} at {stage}, where the map plans it once",
    "wrong channel": "had {what} at {stage} on a channel that the map does not plan",
    "late": "had {what} later than the map allows from {stage}",
}


def deviation_sentence(row: Row) -> str:
    """Say a deviation as the end of a sentence about journeys."""
    stage = "an unknown stage" if words.missing(row["stage"]) else row["stage"]
    return _DEVIATES[row["type"]].format(what=words.quoted(row["touchpoint"]), stage=stage)


def _deviations(overall: Conformance, min_group: int) -> Iterator[Finding]:
    rows = [row for row in rows_of(overall.deviations) if row["journeys"] >= min_group]
    horizon = words.days(overall.intended.horizon)
    largest: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: -row["journeys"]):
        largest.setdefault(row["type"], row)
    for row in list(largest.values())[:MOST_DEVIATIONS]:
        text = (
            f"{words.plural(row['journeys'], 'journey')} ({words.percent(row['share_of_journeys'])}) "
            f"{deviation_sentence(row)}.{_how_they_ended(row, horizon, min_group)}"
        )
        yield make_finding(
            "deviation",
            text,
            numbers_of(
                row,
                *("journeys", "share_of_journeys", "mature_with", "converted_with"),
                *("mature_without", "converted_without", "difference", "lower", "upper", "q"),
            ),
            stage=row["stage"],
            touchpoint=row["touchpoint"],
            also=(row["type"],),
        )


def _how_they_ended(row: Row, horizon: str, min_group: int) -> str:
    """Say how many converted with a deviation and without, where that is beyond chance and of enough."""
    if not significant(row) or min(row["mature_with"], row["mature_without"]) < max(min_group, 1):
        return ""
    with_it, without = (
        words.share_of(row[f"converted_{side}"], row[f"mature_{side}"]) for side in ("with", "without")
    )
    return (
        f" Of those that could be followed, {with_it} converted within {horizon}, of others that came as far "
        f"{without} (an association)."
    )


# How good the data are


def _about_the_data(
    log: JourneyLog, check: Conformance, coverage: Coverage, min_group: int
) -> Iterator[Finding]:
    yield from _patience(check.intended)
    yield from _gaps(coverage)
    yield from _short_coverage(log)
    yield from _quarantined(log)
    yield from _unlabelled(coverage, log)
    yield from _never_seen(coverage, log)
    yield from _unknown_group(check, min_group)
    yield from _knowing(check, min_group)
    for note in dict.fromkeys([*log.notes, *check.notes]):
        if _GAP_NOTE not in note and DEPENDS not in note:
            text = f"{note[:1].upper()}{note[1:].rstrip('.')}."
            yield make_finding("note", text, about_data=True, also=(_without_numbers(note),))


def _patience(intended: IntendedMap) -> Iterator[Finding]:
    """Say which patience was estimated, or that there is none: what counts as having left rests on it."""
    if intended.settled:
        own = [
            f"{stage.stage} ({patience_in_short(intended, stage)})"
            for stage in intended.stages
            if stage.patience is not None and not estimated(intended, stage.stage)
        ]
        stated = f" Stated by the map itself: {words.several(own, most=20)}." if own else ""
        yield make_finding("patience", f"{intended.settled}{stated}", about_data=True)
    elif silence_never_counts(intended):
        text = (
            "Silence never counts as having left under this map (its patience is never): only exits and the "
            "goal end a journey, and who just stays away stays open. Drop-out may well be larger."
        )
        yield make_finding("patience", text, about_data=True)


_GAP_NOTE = "recorded improbably little"
"""Gaps are told from the coverage, with what they mean; a note about the same is left out."""


def _gaps(coverage: Coverage) -> Iterator[Finding]:
    for source, table in coverage.gaps.groupby("source", sort=False, observed=True):
        periods = [f"{_hour(row['start'])} to {_hour(row['end'])}" for row in rows_of(table)]
        text = (
            f"The source {source} recorded improbably little in {words.plural(len(periods), 'period')} "
            f"(UTC): {words.several(periods, most=3)}. What looks like leaving in or just before such a time "
            "may be a gap in the data."
        )
        yield make_finding("gap", text, {"periods": len(periods)}, about_data=True, also=(str(source),))


def _short_coverage(log: JourneyLog) -> Iterator[Finding]:
    """Name the sources that begin long after the first one, or end long before the data do."""
    sources = log.sources.dropna(subset=["first", "last"])
    if not len(sources):
        return
    begins, ends = sources["first"].min(), log.data_end
    for row in rows_of(sources):
        late, early = (row["first"] - begins).days, (ends - row["last"]).days
        if late >= LONG_DAYS:
            text = (
                f"The source {row['source']} begins on {words.day(row['first'])}, "
                f"{words.plural(late, 'day')} after the first: what it records is not known before that day."
            )
            yield make_finding(
                "late start", text, {"days": late}, about_data=True, also=(str(row["source"]),)
            )
        if early >= LONG_DAYS:
            text = (
                f"The source {row['source']} ends on {words.day(row['last'])}, {words.plural(early, 'day')} "
                "before the data end: silence after that may be the source's, not the customer's."
            )
            yield make_finding(
                "early end", text, {"days": early}, about_data=True, also=(str(row["source"]),)
            )


def _hour(moment: datetime) -> str:
    return f"{words.day(moment)} {moment:%H:%M}"


def _quarantined(log: JourneyLog) -> Iterator[Finding]:
    records = log.ledger[log.ledger["what"] == "records"]
    bad = (
        records[records["fate"] == "quarantined"].groupby("source", sort=False, observed=True)["count"].sum()
    )
    total, quarantined = int(records["count"].sum()), int(bad.sum())
    if quarantined == 0:
        return
    by_source = [f"{words.count(number)} of {source}" for source, number in bad.items()]
    text = (
        f"{words.count(quarantined)} of {words.plural(total, 'record')} "
        f"({words.percent(quarantined / total)}) could not be read and were set apart, each with its reason: "
        f"{words.several(by_source, most=9)}."
    )
    yield make_finding("quarantine", text, {"records": total, "quarantined": quarantined}, about_data=True)


def _unlabelled(coverage: Coverage, log: JourneyLog) -> Iterator[Finding]:
    unknown = coverage.unknown_to_map
    events = int(unknown["events"].sum())
    if events == 0:
        return
    named = int(unknown.loc[unknown["labelled"].astype(bool), "events"].sum())
    parts = [
        how if number == events else f"{words.count(number)} {how}"
        for number, how in (
            (events - named, "under a native name that no label and no touchpoint of the map knows"),
            (named, "under a name that a label or the source gave and the map lacks"),
        )
        if number
    ]
    text = (
        f"{words.plural(events, 'event')} ({words.percent(events / max(log.n_events, 1))}) "
        f"{'lies' if events == 1 else 'lie'} outside the map{',' if len(parts) == 1 else ':'} "
        f"{words.several(parts)}. They count as events."
    )
    numbers = {"events": events, "unlabelled": events - named, "all_events": log.n_events}
    yield make_finding("unlabelled", text, numbers, about_data=True)


def _never_seen(coverage: Coverage, log: JourneyLog) -> Iterator[Finding]:
    absent = [row for row in rows_of(coverage.missing_from_log) if row["recorded"]]
    if not absent:
        return
    names = [words.name(row["touchpoint"]) for row in absent]
    text = (
        f"The log never shows {words.plural(len(names), 'touchpoint')} that the map expects to be recorded: "
        f"{words.several(names)}. Either the source is missing, or a label is, or nobody does it."
    )
    calls = native_calls(log, [row["touchpoint"] for row in absent])
    if calls:
        said = [f"{native} {_called(touchpoints)}" for native, touchpoints in calls.items()]
        text += f" The log calls native {words.several(said)}."
    yield make_finding("never seen", text, {"touchpoints": len(names)}, about_data=True)


def _called(touchpoints: Iterable[str]) -> str:
    return words.several([words.quoted(touchpoint) for touchpoint in touchpoints])


def _unknown_group(check: Conformance, min_group: int) -> Iterator[Finding]:
    row = next((row for row in rows_of(check.outcomes) if row["by"] == UNKNOWN), None)
    if check.by is None or row is None or row["customers"] < min_group:
        return
    customers = int(check.outcomes["customers"].sum())
    text = (
        f"For {words.count(row['customers'])} of {words.plural(customers, 'customer')} "
        f"({words.percent(row['customers'] / customers)}) the {check.by.replace('_', ' ')} is unknown, "
        "because an attribute that it needs is missing. They are shown as a group of their own."
    )
    yield make_finding(
        "unknown group", text, {"customers": int(row["customers"])}, group=UNKNOWN, about_data=True
    )


def _knowing(check: Conformance, min_group: int) -> Iterator[Finding]:
    """Say where it depends on how far a journey came whether its group is known."""
    table = check.knowledge[check.knowledge["journeys"] >= min_group]
    text = knowledge_note(table, check.by)
    if text:
        depends = table[(table["attribute"] == check.by) & table["depends"]]
        yield make_finding("knowing", text, {"stages": len(depends)}, about_data=True, also=(str(check.by),))


def _without_numbers(text: str) -> str:
    return re.sub(r"\d[\d.,:]*", "#", text)


def _group(group: str, check: Conformance) -> str | None:
    return None if check.by is None else group


def _first(table: pd.DataFrame) -> Row | None:
    return next(iter(rows_of(table)), None)
