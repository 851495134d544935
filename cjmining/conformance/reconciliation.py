"""What a reconciliation tells: each figure of theirs, ours, and what lies between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from cjmining.results import Result

if TYPE_CHECKING:
    import pandas as pd

VERDICTS = ("agrees", "explained", "may be explained", "not covered", "unexplained")
COUNTED, IF, AT_MOST, NOT_COVERED = "counted", "if", "at most", "not covered"
"""What an explanation rests on."""
UNEXPLAINED = "unexplained"


@dataclass(frozen=True, repr=False, eq=False)
class Reconciliation(Result):
    """Figures of a check beside those of finance or a CRM, month by month.

    Made by `Conformance.reconcile`. In each row of `months`, difference = explained + possible + unexplained.

    Attributes
    ----------
    timezone : str
        Where the months begin.
    tolerance : float
        Which share of the control a difference may have and still agree.
    months : pandas.DataFrame
        month (2026-03), measure, currency (of money, else ""), control (their figure), ours (the check's),
        difference (control less ours), explained (what the log itself accounts for), possible (what ledger
        and log may account for, but can't prove), unexplained (what remains), verdict (agrees; explained; may
        be explained; not covered: the log doesn't observe all of the month; unexplained).
    explanations : pandas.DataFrame
        month, measure, currency, reason (what may make the difference), basis (counted: known for this month;
        if: would follow if they count in another way, which fits all months better; at most: the ledger knows
        a total, or it is estimated; not covered; "" for the unexplained rest), amount (how much of the
        difference it is taken for), up_to (the most it could be; NaN where unknown), detail (more of it, in
        words). The amounts of a month and measure add up to the difference. Rows with an amount of 0 are what
        was looked at and not needed.
    notes : tuple of str
        What a reader should know before trusting a number.
    """

    _tables: ClassVar[tuple[str, ...]] = ("months", "explanations")  # type: ignore[misc]

    timezone: str
    tolerance: float
    months: pd.DataFrame
    explanations: pd.DataFrame
    notes: tuple[str, ...] = ()

    def _summary(self) -> str:
        counted = Counter(self.months["verdict"])
        verdicts = ", ".join(f"{counted[verdict]} {verdict}" for verdict in VERDICTS if counted[verdict])
        figures = "1 figure" if len(self.months) == 1 else f"{len(self.months)} figures"
        return f"Reconciliation of {figures} (months in {self.timezone}): {verdicts}"

    def __repr__(self) -> str:
        return "\n".join([self._summary(), *(f"  {line}" for line in self._lines())])

    def _lines(self) -> Iterator[str]:
        """Tell each figure and what it differs by, a line each."""
        for row in records_of(self.months):
            money = f" {row['currency']}" if row["currency"] else ""
            head = (
                f"{row['month']} {row['measure']}{money}: control {said(row['control'])}, "
                f"ours {said(row['ours'])}"
            )
            if not row["difference"]:
                yield f"{head}; {row['verdict']}"
                continue
            parts = [
                f"{signed(each['amount'])} {each['reason']}"
                for each in self._why(row)
                if abs(each["amount"]) > 0
            ]
            alone = [each["reason"] for each in self._why(row) if abs(each["amount"]) > 0] == [UNEXPLAINED]
            because = UNEXPLAINED if alone else f"{', '.join(parts)}; {row['verdict']}"
            yield f"{head}, {signed(row['difference'])}: {because}"

    def _why(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        names = ("month", "measure", "currency")
        return [each for each in records_of(self.explanations) if all(each[n] == row[n] for n in names)]

    def _told(self) -> list[str]:
        return list(self._lines())


def records_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table's rows as mappings."""
    return [{str(name): cell for name, cell in row.items()} for row in table.to_dict("records")]


def said(number: float) -> str:
    """Write a figure: whole as it is, else with cents."""
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.2f}"


def signed(number: float) -> str:
    """Write a difference with its sign."""
    return f"{'+' if number > 0 else ''}{said(round(number, 2))}"
