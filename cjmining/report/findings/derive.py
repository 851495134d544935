"""The findings of a check, in the order of reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.report.disclosure import shown_groups
from cjmining.report.findings.contacts import contact_findings
from cjmining.report.findings.data import data_findings
from cjmining.report.findings.deviations import deviation_findings
from cjmining.report.findings.dropouts import (
    before_the_map,
    drop_out_places,
    largest_drop_outs,
    outcomes_finding,
)
from cjmining.report.findings.evidence import with_evidence
from cjmining.report.findings.leaving import leaving_findings
from cjmining.report.findings.standouts import standout_findings
from cjmining.report.leaving import NOT_LOOKED_INTO, Leaving
from cjmining.report.rare import Rare, find_rare, withhold_rare, withhold_rare_leaving

if TYPE_CHECKING:
    from cjmining.conformance import Conformance, Coverage
    from cjmining.log import JourneyLog
    from cjmining.report.findings.finding import Finding


def derive_findings(
    log: JourneyLog,
    check: Conformance,
    coverage: Coverage,
    *,
    min_group: int = 10,
    leaving: Leaving = NOT_LOOKED_INTO,
    rare: Rare | None = None,
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
    rare : Rare, optional
        The names that few customers have, of which no sentence is made; by default they are looked for.

    Returns
    -------
    tuple of Finding
        In the order in which a reader should meet them; the ids are unique.
    """
    from cjmining.report.disclosure import merge_check

    rare = find_rare(log, check, min_group) if rare is None else rare
    check, leaving = withhold_rare(merge_check(check, min_group), rare), withhold_rare_leaving(leaving, rare)
    overall = check.overall
    found = [
        *outcomes_finding(overall),
        *largest_drop_outs(overall, overall.groups, min_group),
        *(largest_drop_outs(check, shown_groups(check), min_group) if check.by is not None else ()),
        *standout_findings(check, min_group),
        *leaving_findings(leaving, min_group),
        *drop_out_places(overall, min_group),
        *before_the_map(overall, min_group),
        *contact_findings(overall, min_group),
        *deviation_findings(overall, min_group),
        *data_findings(log, check, coverage, min_group),
    ]
    return with_evidence(found, check)
