"""Findings on what was promised, on which channels customers are satisfied, and where they are handed on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cjmining.report import words
from cjmining.report.cells import Row, rows_of
from cjmining.report.facts.contacts import MOST_TOLD, most_frequent
from cjmining.report.facts.promises import enough, how_seldom_broken, kept_for_nearly_all, promises_in_words
from cjmining.report.findings.finding import Cited, Finding, cite, headline, make_finding, numbers_of

if TYPE_CHECKING:
    from cjmining.conformance import Conformance

MOST_BROKEN = 5
"""How many broken promises are told in sentences, those furthest from what was promised."""


def contact_findings(overall: Conformance, min_group: int) -> Iterator[Finding]:
    """Say which promises were broken, where customers are least satisfied, and where they say it all again.

    Parameters
    ----------
    overall : Conformance
        The check of everyone.
    min_group : int
        No sentence is made about fewer journeys, times or answers than this.
    """
    yield from _promises(overall, min_group)
    yield from _channels(overall, min_group)
    yield from _hand_offs(overall, min_group)


def _promises(overall: Conformance, min_group: int) -> Iterator[Finding]:
    rows = rows_of(overall.expectations)
    said = promises_in_words(rows, min_group)
    if not said:
        return
    broken = [row for row in rows if row["verdict"] == "broken" and enough(row, min_group)]
    nearly = sum(map(kept_for_nearly_all, broken))
    clearly = len(broken) - nearly
    yield make_finding(
        "promises",
        said,
        {"promises": len(rows), "broken": clearly, "kept_for_nearly_all": nearly},
        headline=f"{words.count(clearly)} of {words.plural(len(rows), 'promise')} clearly broken",
        cited=[cite("promises", "Promises")],
        refuted_by=(
            "If a sample of the same events, timed or asked again by hand, gave other values than those "
            "recorded: then these promises were not measured."
        ),
    )
    furthest_first = sorted(broken, key=lambda row: row["share_kept"] - row["target"])
    horizon = words.days(overall.intended.horizon)
    for row in furthest_first[:MOST_BROKEN]:
        yield _broken_promise(row, horizon, min_group)


def _broken_promise(row: Row, horizon: str, min_group: int) -> Finding:
    of = f" of {words.quoted(row['touchpoint'])}" if row["touchpoint"] else ""
    promised = words.promise({**row, "touchpoint": ""})
    target = words.promised(row["target"])
    kept = words.percent(row["share_kept"], row["lower"], row["upper"])
    nearly = kept_for_nearly_all(row)
    verdict = f"not kept for everyone ({how_seldom_broken(row)})" if nearly else "broken"
    text = (
        f"The promise{of} at {row['stage']} ({promised}, for {target}) was {verdict}: it was kept for {kept} "
        f"of the {words.plural(row['measured'], 'time')} that it was measured."
        f"{_what_followed(row, horizon, min_group)}"
    )
    in_short = (
        f"{{}}: not kept for everyone, {how_seldom_broken(row)}"
        if nearly
        else f"{{}}: promise kept {words.percent(row['share_kept'])}, not {words.percent(row['target'])}"
    )
    followed = _FOLLOWED if _enough_followed(row, min_group) else ()
    stated = ("measured", "kept", "share_kept", "lower", "upper", "target", "at_least", "at_most")
    numbers = numbers_of(row, *stated, *followed)
    about = (str(row["measure"]), str(row["after"]), _limit(row["at_least"]), _limit(row["at_most"]))
    return make_finding(
        "broken promise",
        text,
        numbers,
        headline=headline(in_short, row["touchpoint"] or row["stage"]),
        cited=_where_promises_stand(row, min_group),
        refuted_by=(
            f"If the promise were kept at least {words.percent(row['target'])} of the next "
            f"{words.count(row['measured'])} times, or if a sample of the {words.count(row['measured'])} "
            "measured, checked by hand, gave other values than those recorded."
        ),
        stage=row["stage"],
        touchpoint=row["touchpoint"] or None,
        also=about,
    )


_FOLLOWED = (
    *("mature_kept", "dropped_when_kept", "mature_broken", "dropped_when_broken"),
    *("difference", "difference_lower", "difference_upper"),
)
"""What is told of those who could be followed, where both sides are enough."""


def _enough_followed(row: Row, min_group: int) -> bool:
    return bool(min(row["mature_broken"], row["mature_kept"]) >= max(min_group, 1))


def _where_promises_stand(row: Row, min_group: int) -> list[Cited]:
    about = {"stage": row["stage"], "touchpoint": row["touchpoint"]}
    cited = [cite("promises", "Promises", **about)]
    if _enough_followed(row, min_group):
        cited.append(cite("promises-followed", "What followed", **about))
    return cited


def _limit(value: Any) -> str:  # noqa: ANN401
    return "" if words.missing(value) else f"{value:g}"


def _what_followed(row: Row, horizon: str, min_group: int) -> str:
    """Say how many dropped out after it was broken and after it was kept, where both are enough to say."""
    dropped = row["dropped_when_broken"] + row["dropped_when_kept"]
    if not _enough_followed(row, min_group) or not dropped:
        return ""
    after_broken, after_kept = (
        words.share_of(row[f"dropped_when_{end}"], row[f"mature_{end}"]) for end in ("broken", "kept")
    )
    text = (
        f" Within {horizon}, {after_broken} dropped out after it was broken, {after_kept} after it was kept"
    )
    if row["difference_lower"] <= 0 <= row["difference_upper"]:
        return f"{text}, which is no clear difference."
    return f"{text} (an association)."


def _channels(overall: Conformance, min_group: int) -> Iterator[Finding]:
    """Say where customers are least and where they are most satisfied, if the limits are apart."""
    answered = [
        row
        for row in rows_of(overall.channels)
        if row["answered"] >= max(min_group, 1) and not words.missing(row["lower"]) and row["channel"]
    ]
    if len(answered) < 2:
        return
    ranked = sorted(answered, key=lambda row: (row["satisfaction"], row["channel"]))
    least, most = ranked[0], ranked[-1]
    if least["upper"] >= most["lower"]:
        return
    said = [
        f"{words.name(row['channel'])}: {words.mean(row['satisfaction'], row['lower'], row['upper'])}, the "
        f"mean of {words.plural(row['answered'], 'answer')}"
        for row in (least, most)
    ]
    text = (
        f"Customers who answered were least satisfied with {said[0]}, and most with {said[1]} (0 is the "
        "worst, 1 the best; an association)."
    )
    numbers = {
        f"{end}_{name}": value
        for end, row in (("least", least), ("most", most))
        for name, value in numbers_of(row, "channel", "satisfaction", "lower", "upper", "answered").items()
    }
    yield make_finding(
        "channels",
        text,
        numbers,
        headline=headline(
            f"Satisfaction {least['satisfaction']:.2f} on {{}}, {most['satisfaction']:.2f} on {{}}",
            least["channel"],
            most["channel"],
        ),
        cited=[cite("channels", "Channels")],
        refuted_by=(
            f"If customers of {words.name(least['channel'])} and of {words.name(most['channel'])} drawn by "
            "lot, not only those who chose to answer, were equally satisfied."
        ),
        also=(str(least["channel"]), str(most["channel"])),
    )


def _hand_offs(overall: Conformance, min_group: int) -> Iterator[Finding]:
    """Say where most customers have another contact in a stage on another channel."""
    total = int(overall.outcomes["journeys"].sum())
    again = [row for row in rows_of(overall.handoffs) if row["again"] and row["kind"] == "channel"]
    for row in most_frequent(again, min_group)[:MOST_TOLD]:
        text = (
            f"In {words.count(row['journeys'])} of {words.plural(total, 'journey')} "
            f"({words.percent(row['share_of_journeys'])}) "
            f"customers went from {words.name(row['from'])} to {words.name(row['to'])} for another contact "
            f"in the same stage, {row['stage']}; half of these hand-offs took up to "
            f"{words.duration(row['median_s'])}, one in ten more than {words.duration(row['p90_s'])}."
        )
        numbers = numbers_of(row, "journeys", "share_of_journeys", "handoffs", "median_s", "p90_s")
        yield make_finding(
            "hand-off",
            text,
            numbers,
            headline=headline(
                f"{words.percent(row['share_of_journeys'])} go from {{}} to {{}} in {{}}",
                row["from"],
                row["to"],
                row["stage"],
            ),
            cited=[cite("hand-offs-channel", "Hand-offs", stage=row["stage"])],
            refuted_by=(
                f"If a sample of these {words.plural(row['journeys'], 'journey')}, listened to or read, "
                "showed that the second contact was about another matter than the first."
            ),
            stage=row["stage"],
            also=(str(row["from"]), str(row["to"])),
        )
