"""Method notes: what every number on the page means, in words."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import TYPE_CHECKING

from cjmining.conformance.standouts import FEWEST_DROPPED, LARGEST_Q
from cjmining.report import words
from cjmining.schema import BEFORE_THE_MAP

if TYPE_CHECKING:
    from cjmining.intended import IntendedMap, Stage


def method_notes(intended: IntendedMap, min_group: int, grouped: str | None = None) -> list[dict[str, str]]:
    """Return the terms of the page with their meaning under this map: patience and horizon as it has them.

    `grouped` says how a journey gets its group, where the page compares groups.
    """
    horizon = words.days(intended.horizon)
    notes = {
        "Journey": """One customer's attempt at the goal. A customer who comes back later has a second
            journey.""",
        "Outcome": """The first of goal, exit and silence decides: converted (the goal was reached),
            dropped out (the customer left, by an exit of their own or by silence), turned away (the
            company ended it). A journey for which none of these has happened by the end of the data is
            open: neither a success nor a loss yet.""",
        "Patience": f"""How long a customer may be silent before the journey counts as dropped out:
            {_patience(intended.patience_us)}.{_other_patiences(intended)} {intended.settled} Silence runs
            from the last thing that the customer did; what the company sends does not prolong it. With
            patience never, only an exit ends a journey.""",
        "Place of a drop-out": f"""The last touchpoint of the map that the customer did, or that moved
            the journey to a later stage whoever did it. Journeys that met no touchpoint of the map are
            {BEFORE_THE_MAP}. Next step by: whose turn it was by the map.""",
        "Entered, went on, open": """Each journey counts once at each stage that it reached. Entered =
            went on + converted + dropped out + turned away + open, all at that stage.""",
        f"Drop-out within {horizon}": f"""Of the journeys that entered the stage early enough to be
            followed for {horizon} and the patience before the data end, the share that dropped out
            there within {horizon} of entering. Journeys that entered later are left out of this share,
            because those who go on are known at once and those who leave only after the patience:
            counting them would bias it. It is the number to quote and to compare.""",
        f"How likely each end is within {horizon}": """Estimated from every journey that surely began while
            customers were observed: one that still runs counts for as long as it was seen, so that nobody is
            taken for lost, nor for kept, before it is known (the method is Aalen and Johansen's). Dropped
            here: the journey ended at this stage; dropped elsewhere: further on, or back. Together with what
            is still under way the ends make 100 %. Limits allow for several journeys of one customer.""",
        "Where and when more left than usual": """For every stage and group of journeys, week by week:
            how many ended, against how many were to be expected by the group's own other weeks and by how
            others fared in the same weeks. So neither a level that is always high nor a week that is special
            for all is a finding. p says how often chance alone would make the strongest of all these places
            as strong; below 0.05 a place is said to stand out.""",
        "What goes with leaving": """Journeys in which something happened are held against comparable ones in
            which it did not: of the same group, and as things stood when the stage was entered, or from the
            moment on at which it happened there (the method is Mantel and Haenszel's). Goes along with:
            nothing is left of it among journeys that are alike in that stronger circumstance. An association,
            not a cause: what goes with leaving need not make anybody leave. q is explained under Times as
            often.""",
        "Limits in brackets": """How far chance alone may have moved a number: limits made in this way hold
            the true share 19 times in 20 (95 %; Wilson's score limits). The fewer journeys, the wider they
            are. They know nothing of errors in the data or in the map.""",
        "Times as often, q, stands out": f"""The drop-out share of one group divided by that of the other
            known groups at the same stage: 2 times means twice as often. Journeys of an unknown group are
            left out on both sides, since what is known of a customer often depends on how far they came.
            Whoever makes many comparisons finds some differences by chance. q takes that into account: if
            all differences with q up to 0.05 were called real, at most one in twenty of them would be
            expected to be chance. (Behind it are Fisher's exact test and the correction of Benjamini and
            Hochberg; both it and the limits allow for several journeys of one customer, which say less than
            as many of different ones, Rao and Scott 1992.) A group stands out where q is below
            {LARGEST_Q:g}, at least {FEWEST_DROPPED} of its journeys dropped out and the limits leave out 1.
            It is an association: the groups may differ in much else.""",
        "Value at risk": """Drop-outs at a place, times the share that converted of those who went on
            from there, times the mean net value of a conversion: what would have come in if those who
            left had gone on like those who stayed. Those who left may differ, so mending the place may
            bring less. Where there are several currencies, the one with most conversions is shown.""",
        "Deviations": """Each journey is laid over the map so that as few steps as possible are left out or
            added (an optimal alignment). Missing: the journey passed the stage at least once without it,
            though it may occur elsewhere in the journey. Ad hoc: it happened and the map does not plan it
            there. Out of order: it happened, at another place. Repeated: again, where once
            was planned. Failed: it happened and did not succeed. Wrong channel: not on a channel that
            the map names. Late: the next stage was not entered in the time that the map allows. Shares
            are of all journeys of the group.""",
        "With a deviation, and others": f"""How journeys with a deviation ended, beside those without it that
            came as far: those that went on from the stage, or for what failed, repeats or is on a wrong
            channel those in which the touchpoint took place. Both are counted over journeys that began early
            enough to be followed for {horizon} and the patience. The difference of the shares has 95 % limits
            (Newcombe 1998); q corrects for comparing every deviation. Both allow for several journeys of one
            customer. It is an association: those who deviate may be others than those who do not.""",
        "Fitness": """How closely journeys follow the map: 1 where everything is as planned, 0 where
            nothing is. It is 1 less the steps left out or added, as a share of the most that could be, over
            all journeys together, so that long journeys weigh more; the mean gives each journey the same
            weight. Exactly: journeys without any deviation from the order of the map.""",
        "Promises": """What the map expects of a touchpoint or a stage, measured each time it can be: kept is
            the share of the times measured, with 95 % limits that allow for several times of one customer. A
            promise is broken where the limits lie below the share for which it was made, kept where they lie
            above it, and otherwise unclear; one made to everyone is broken by one time. What was not
            measured, or is not due yet, counts on neither side.""",
        "After a broken promise": f"""Of the journeys still under way when a promise was first settled for
            them, and followed for {horizon} from then: how many dropped out. The difference between those for
            whom it was broken and those for whom it was kept is an association.""",
        "Channels and hand-offs": """Contacts are what customers did on the map, neither what the company sent
            nor answers to a survey. Satisfaction counts for the channel of what was judged. A hand-off
            between channels is two contacts in a row on different ones; between owners, two stages in a row
            whose owners differ. The time is from the one to the other.""",
        "Satisfaction": """From 0 (worst) to 1 (best), the mean of those who answered; how many that are
            stands beside it. Who does not answer may think otherwise.""",
        "Median time": """Half of those who went on from a stage took less time for it, half more. Times
            of transitions are from one event of a journey to the next.""",
        "Transitions and ways": """Counted from the log as it is, without judging it by the map:
            which touchpoint directly followed which, and in which order journeys met the touchpoints of the
            map. Touchpoints that the map ignores are left out.""",
        "Another patience": """The same headlines with every patience halved and doubled. The ranking of
            the stages holds where the same one loses the largest share at all three and no two stages whose
            limits did not overlap change places; else the conclusion rests on the choice of patience. Rank 1
            loses the largest share.""",
        "Identified customers": """Those whom the customer list knows, or of whom there is an identifier other
            than a cookie, a device or the name of a case. Many of the others may be one person on two
            devices, or someone seen but once. But guests who never log in are left out too, so being
            identified may itself depend on how far somebody came.""",
        "Who is known": """Many tell who they are only once they have come far. Then those who left early are
            mostly unknown, and the known seem to drop out less than they do. The table shows of how many, by
            how far they came, what is known. A stage is named where clearly fewer or more are known than of
            those who came further (q below 0.01 for a trend, each customer counted once; Cochran and
            Armitage), and enough to move drop-out there by 5 points.""",
    }
    notes |= _DATA
    if grouped is not None:
        notes["Groups"] = grouped
    own_stages = _own_stages(intended)
    if own_stages:
        notes[
            "Personas with stages of their own"
        ] = f"""{own_stages} Their journeys are held against these; the
            journeys of everyone else against the map itself. In the numbers of everyone each journey is
            judged by the map of its own persona."""
    if min_group > 1:
        notes[
            "Small groups"
        ] = f"""Groups of fewer than {min_group} customers are merged into one. Rows about fewer than
            {min_group} journeys (a stage, a touchpoint, a way, a place of drop-out, a hand-off) are merged
            into a row for the rest, say few or are left out, in the pictures too; neither are means of fewer
            than {min_group} answers shown, nor shares of fewer than {min_group} times or journeys.
            The outcomes of a stage that more journeys entered are counted each, however small.
            What names a touchpoint, channel, native event or stage that fewer than {min_group} customers have
            is treated alike, however many journeys it is in. No identifier of a customer is on this page."""
        if grouped:
            notes["Small groups"] += """ A number withheld of one group alone can still be worked out: it is
            that of everyone less those of the other groups. Who must rule that out sets a larger smallest
            group, groups by something coarser, or shows everyone alone."""
    return [{"term": term, "text": " ".join(text.split())} for term, text in notes.items()]


_DATA = {
    "Association": """Two things that occur together more often than by chance. Whether one brings about the
        other is not known from watching: that takes an experiment, in which it is left to the lot who gets
        what.""",
    "Source, record, event": """A source is one system's export. Each line of it is a record, and each record
        has one fate: used; superseded, where another delivery holds it too, or a newer version of it; set
        aside, where it has nothing to say of a journey; quarantined, where it could not be read. Records used
        give events: kept; joined, where a start and an end are one; withdrawn, where they lie after the end
        of the data or say nothing new. The reasons are counted in the table. Both sums come out even, else
        the run would have stopped.""",
    "End of the data": """Until when customers were observed: what happened later is not known for all
        sources, so it is not counted for any.""",
    "Gaps": """Hours in which a source recorded far less than it does at other times. Whoever seems to fall
        silent just then may only not have been recorded.""",
    "Label": """What says which touchpoint a system's own event is. Events that no label and no source knows
        keep the name that the system gives them, and lie outside the map.""",
}


def _own_stages(intended: IntendedMap) -> str:
    """Say which personas have stages of their own, and what of each differs from the map."""
    said = []
    for persona in intended.personas:
        own = intended.for_persona(persona.persona).stages
        stages = [
            f"{stage.stage} ({words.several(_differing(stage, other))})"
            for stage, other in zip(intended.stages, own, strict=True)
            if _differing(stage, other)
        ]
        if stages:
            said.append(f"{persona.persona}: {words.several(stages, most=20)}.")
    return " ".join(said)


def _differing(stage: Stage, other: Stage) -> list[str]:
    """Name what one stage says other than another of its name."""
    names = [each.name for each in fields(stage) if each.name != "patience_us"]
    return [words.name(name) for name in names if getattr(stage, name) != getattr(other, name)]


def _other_patiences(intended: IntendedMap) -> str:
    """Name the stages that have a patience of their own."""
    own = [
        f"{stage.stage} ({_patience(stage.patience_us)})"
        for stage in intended.stages
        if stage.patience_us != intended.patience_us
    ]
    return f" Other stages have their own: {words.several(own, most=20)}." if own else ""


def _patience(microseconds: int) -> str:
    return words.patience(None if microseconds < 0 else timedelta(microseconds=microseconds))
