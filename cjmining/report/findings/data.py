"""How good the data are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from cjmining.conformance.knowledge import DEPENDS, knowledge_note
from cjmining.report import words
from cjmining.report.cells import (
    rows_of,
)
from cjmining.report.findings.dropouts import silence_never_counts
from cjmining.report.findings.finding import Finding, cite, headline, make_finding
from cjmining.report.findings.notes import note_findings
from cjmining.report.natives import native_calls
from cjmining.report.patiences import estimated, patience_in_short
from cjmining.schema import UNKNOWN

if TYPE_CHECKING:
    from cjmining.conformance import Conformance, Coverage
    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog


LONG_DAYS = 7
"""From how many days on it is told that a source begins late or ends early."""


def data_findings(
    log: JourneyLog, check: Conformance, coverage: Coverage, min_group: int
) -> Iterator[Finding]:
    """Say how good the data are, as far as that limits what can be said of the customers."""
    yield from _patience(check.intended)
    yield from _gaps(coverage)
    yield from _short_coverage(log)
    yield from _quarantined(log)
    yield from _unlabelled(coverage, log)
    yield from _never_seen(coverage, log)
    yield from _unknown_group(check, min_group)
    yield from _knowing(check, min_group)
    yield from note_findings([*log.notes, *check.notes], (_GAP_NOTE, DEPENDS))


def _patience(intended: IntendedMap) -> Iterator[Finding]:
    """Say which patience was estimated, or that there is none: what counts as having left rests on it."""
    if intended.settled:
        own = [
            f"{stage.stage} ({patience_in_short(intended, stage)})"
            for stage in intended.stages
            if stage.patience is not None and not estimated(intended, stage.stage)
        ]
        stated = f" Stated by the map itself: {words.several(own, most=20)}." if own else ""
        yield make_finding(
            "patience",
            f"{intended.settled}{stated}",
            headline="The patience was estimated from who came back",
            cited=[cite("patiences", "Patience")],
            refuted_by=(
                "If more customers than that came back after a longer silence: then it is too short, and "
                "some of those counted as dropped out had not left."
            ),
            about_data=True,
        )
    elif silence_never_counts(intended):
        text = (
            "Silence never counts as having left under this map (its patience is never): only exits and the "
            "goal end a journey, and who just stays away stays open. Drop-out may well be larger."
        )
        yield make_finding(
            "patience",
            text,
            headline="Silence never counts as leaving",
            cited=[cite("patiences", "Patience")],
            refuted_by=(
                "If most of the journeys that stay open were taken up again, however late: then waiting is "
                "right, and drop-out is no larger than shown."
            ),
            about_data=True,
        )


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
        yield make_finding(
            "gap",
            text,
            {"periods": len(periods)},
            headline=headline(f"{{}}: {words.plural(len(periods), 'period')} with hardly any data", source),
            cited=[cite("gaps", "Gaps", source=source)],
            refuted_by=(
                f"If {source} itself counts as few records for these hours: then it was a quiet time, and no "
                "gap."
            ),
            about_data=True,
            also=(str(source),),
        )


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
                "late start",
                text,
                {"days": late},
                headline=headline(f"{{}} begins {words.plural(late, 'day')} late", row["source"]),
                cited=[cite("sources", "Sources", source=row["source"])],
                refuted_by=(
                    f"If {row['source']} was not in use before {words.day(row['first'])}: then nothing is "
                    "missing."
                ),
                about_data=True,
                also=(str(row["source"]),),
            )
        if early >= LONG_DAYS:
            text = (
                f"The source {row['source']} ends on {words.day(row['last'])}, {words.plural(early, 'day')} "
                "before the data end: silence after that may be the source's, not the customer's."
            )
            yield make_finding(
                "early end",
                text,
                {"days": early},
                headline=headline(f"{{}} ends {words.plural(early, 'day')} early", row["source"]),
                cited=[cite("sources", "Sources", source=row["source"])],
                refuted_by=(
                    f"If {row['source']} was switched off on {words.day(row['last'])}, or really recorded "
                    "nothing after it: then the silence is the customers' own."
                ),
                about_data=True,
                also=(str(row["source"]),),
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
    yield make_finding(
        "quarantine",
        text,
        {"records": total, "quarantined": quarantined},
        headline=f"{words.count(quarantined)} of {words.plural(total, 'record')} could not be read",
        cited=[cite("ledger-records", "Records"), cite("reasons", "Reasons")],
        refuted_by=(
            "If the same records could be read from a new export: then the first one was damaged, not the "
            "records."
        ),
        about_data=True,
    )


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
    yield make_finding(
        "unlabelled",
        text,
        numbers,
        headline=f"{words.percent(events / max(log.n_events, 1))} of events lie outside the map",
        cited=[cite("unknown-to-map", "Unknown to the map")],
        refuted_by=(
            f"If most of these {words.plural(events, 'event')} were steps that the map has under other "
            "names: a label for the most frequent ones would bring them onto it."
        ),
        about_data=True,
    )


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
    yield make_finding(
        "never seen",
        text,
        {"touchpoints": len(names)},
        headline=f"{words.plural(len(names), 'touchpoint')} of the map never {_occur(len(names))}",
        cited=[cite("missing-from-log", "Missing from the log")],
        refuted_by=(
            f"If {names[0]}{' or another of them' if len(names) > 1 else ''} showed up in the log once the "
            "system that records it is among the sources, or its native name has a label."
        ),
        about_data=True,
    )


def _occur(number: int) -> str:
    return "occurs" if number == 1 else "occur"


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
    what = check.by.replace("_", " ")
    yield make_finding(
        "unknown group",
        text,
        {"customers": int(row["customers"]), "all_customers": customers},
        headline=headline(
            f"{{}} unknown for {words.plural(row['customers'], 'customer')}", what.capitalize()
        ),
        cited=[cite("outcomes", "Outcomes", by=UNKNOWN)],
        refuted_by=(
            f"If what decides on the {what} of these {words.plural(row['customers'], 'customer')} were found "
            "in another system: then they belong to the other groups."
        ),
        group=UNKNOWN,
        about_data=True,
    )


def _knowing(check: Conformance, min_group: int) -> Iterator[Finding]:
    """Say where it depends on how far a journey came whether its group is known."""
    table = check.knowledge[check.knowledge["journeys"] >= min_group]
    text = knowledge_note(table, check.by)
    if text:
        depends = table[(table["attribute"] == check.by) & table["depends"]]
        what = str(check.by).replace("_", " ")
        yield make_finding(
            "knowing",
            text,
            {"stages": len(depends)},
            headline=headline("How far they came decides whether the {} is known", what),
            cited=[cite("known", "Who is known")],
            refuted_by=(
                f"If the {what} of those who left early were found out for a sample drawn by lot, and were "
                "spread as among those who came further."
            ),
            about_data=True,
            also=(str(check.by),),
        )
