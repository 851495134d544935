"""What is new, changed or gone since an earlier run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cjmining.report.findings.finding import Finding


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
        changed, `earlier_text` and `earlier_numbers`. `gone` has the earlier findings that no longer hold.

    Examples
    --------
    >>> from cjmining.report import Finding
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
            entry |= {
                "status": "changed",
                "earlier_text": before.get("text"),
                "earlier_numbers": before.get("numbers") or {},
            }
        now.append(entry)
    gone = [
        {key: finding.get(key) for key in ("id", "kind", "text", "group", "stage", "touchpoint")}
        for finding in known.values()
    ]
    return now, gone
