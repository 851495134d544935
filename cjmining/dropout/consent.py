"""Who must not be written to: what attributes, events and lists say about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjmining.consent import ERASED, NO, OPTED_OUT, UNSUBSCRIBED, against, plain_name, plain_word
from cjmining.dropout.selection import texts
from cjmining.errors import LogError, nearest
from cjmining.event_columns import rows_where

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cjmining.log import JourneyLog

SUPPRESSED, NO_CONSENT = "on the suppression list", "no consent"

TOUCHPOINTS: Mapping[str, frozenset[str]] = {
    ERASED: frozenset(
        {"erased", "erasurerequested", "forgotten", "deletionrequested", "dataerased", "deletelead"}
    ),
    OPTED_OUT: frozenset(
        {"optedout", "optout", "emailoptedout", "consentwithdrawn", "consentrevoked", "donotcontact"}
    ),
    UNSUBSCRIBED: frozenset(
        {
            *("unsubscribed", "unsubscribe", "emailunsubscribed", "unsubscribeemail", "groupunsubscribe"),
            *("newsletterunsubscribed", "usersmessagesemailunsubscribe", "spamreport", "spamreported"),
            *("directmarketingemailunsubscribed", "emailmarkedasspam", "usersmessagesemailmarkasspam"),
            *("complaint", "emailcomplained", "markedasspam"),
        }
    ),
}
"""Events that say so: Marketing Cloud, Marketo, SendGrid, HubSpot, Segment, Braze, and plain names."""

_YES = frozenset(
    {"true", "1", "10", "yes", "y", "t", "on", "ja", "granted", "given", "optedin", "subscribed"}
)


class Verdicts:
    """One verdict a customer at most: the first that is said of them stays.

    Attributes
    ----------
    customers : int64[C]
        Whom they are about, ascending.
    told : list of (str, str)
        Fates, and why; the first, of two empty texts, stands for nothing said.
    verdict : int32[C]
        Position in `told` of each customer.
    """

    def __init__(self, customers: NDArray[np.int64]) -> None:
        self.customers = customers
        self.told = [("", "")]
        self.verdict = np.zeros(len(customers), dtype=np.int32)

    def say(self, who: NDArray[np.bool_], fate: str, reason: str) -> None:
        """Give those of whom nothing was said yet a fate."""
        self.verdict[who & self.nothing] = len(self.told)
        self.told.append((fate, reason))

    @property
    def nothing(self) -> NDArray[np.bool_]:
        """Of whom nothing was said."""
        nothing: NDArray[np.bool_] = self.verdict == 0
        return nothing

    def counts(self) -> dict[tuple[str, str], int]:
        """Return how many customers have each fate for each reason, those of nobody left out."""
        counts: dict[tuple[str, str], int] = {}
        for told, n in zip(self.told, np.bincount(self.verdict, minlength=len(self.told)), strict=True):
            if n:
                counts[told] = counts.get(told, 0) + int(n)
        return counts


def among(values: NDArray[np.int64], customers: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which values are among customers, whose numbers ascend.

    Examples
    --------
    >>> among(np.array([5, 2, 9]), np.array([2, 5, 7])).tolist()
    [True, True, False]
    """
    if not len(customers):
        return np.zeros(len(values), dtype=np.bool_)
    at = np.minimum(np.searchsorted(customers, values), len(customers) - 1)
    found: NDArray[np.bool_] = customers[at] == values
    return found


class OptOuts(NamedTuple):
    """What a user says of opting out, beyond the documented names.

    `named` has further attributes and touchpoints, with the values that say so (none: any but a no),
    `resubscribed` the touchpoints that take an unsubscription back, `consent` the attribute that must say
    yes.
    """

    named: Mapping[str, tuple[str, ...]]
    resubscribed: tuple[str, ...]
    consent: str | None

    @classmethod
    def of(
        cls,
        opt_outs: Any,  # noqa: ANN401 -- names, or names with values
        resubscribed: str | Sequence[str],
        consent: str | None,
        log: JourneyLog,
    ) -> OptOuts:
        """Check what a user gives against the log.

        Raises
        ------
        LogError
            If the log has no such attribute or touchpoint.
        """
        if isinstance(opt_outs, Mapping):
            named = {str(name): texts(values) for name, values in opt_outs.items()}
        else:
            named = dict.fromkeys(texts(opt_outs), ())
        events = {*log.vocabulary("touchpoint"), *log.vocabulary("native")}
        for name in named:
            _check_name(name, {*events, *log.attributes}, "opt_outs", "attribute or touchpoint")
        for name in texts(resubscribed):
            _check_name(name, events, "resubscribed", "touchpoint")
        if consent is not None:
            _check_name(consent, set(log.attributes), "consent", "attribute of customers")
        return cls(named, texts(resubscribed), consent)


def _check_name(name: str, known: set[str], parameter: str, what: str) -> None:
    if name not in known:
        raise LogError(f"{parameter}: the log has no {what} {name!r}{nearest(name, sorted(known))}")


def refuse(verdicts: Verdicts, log: JourneyLog, given: OptOuts) -> None:
    """Say who was erased, opted out or unsubscribed, by attributes and by events at any time."""
    attributes = _Attributes(log, verdicts.customers)
    events = _Events(log, verdicts.customers)
    for fate in (ERASED, OPTED_OUT, UNSUBSCRIBED):
        for name in log.attributes:
            verdicts.say(attributes.says(name, fate), fate, f"attribute {name}")
        for name, said in events.say(fate, given):
            verdicts.say(said, fate, name)
        if fate == OPTED_OUT:
            for name, values in given.named.items():
                if name in log.attributes:
                    verdicts.say(attributes.any_of(name, values), fate, f"attribute {name}")


def values_of_nobody(log: JourneyLog, given: OptOuts) -> list[str]:
    """Say which values a user named that no customer of the log has: they remove nobody."""
    notes = []
    for name, values in given.named.items():
        if name not in log.attributes:
            continue
        column = log._customers.column(name).to_pandas().dropna().unique().tolist()
        known = {plain_word(str(value)): str(value) for value in column}
        for value in values:
            if plain_word(value) not in known:
                near = nearest(value, sorted(known.values()))
                notes.append(
                    f"opt_outs: no customer has {name} {value!r}{near.rstrip('?')}; it removes nobody."
                )
    return notes


def require_consent(verdicts: Verdicts, log: JourneyLog, name: str) -> None:
    """Refuse everybody of whom an attribute doesn't say that they consent; unknown is no consent."""
    attributes = _Attributes(log, verdicts.customers)
    known = attributes.are(name, lambda word: word != "")
    yes = attributes.are(name, lambda word: word in _YES and word not in NO)
    verdicts.say(known & ~yes, NO_CONSENT, f"attribute {name} does not say yes")
    verdicts.say(~known, NO_CONSENT, f"attribute {name} is unknown")


class _Attributes:
    """The attributes of some customers, as words without case and spaces; "" where unknown."""

    def __init__(self, log: JourneyLog, customers: NDArray[np.int64]) -> None:
        self._table = log._customers
        self._rows = log._customer_rows(customers)

    def are(self, name: str, holds: Callable[[str], bool]) -> NDArray[np.bool_]:
        """Say of whom a condition on the word holds: it is asked once of each."""
        import pandas as pd

        codes, values = pd.factorize(self._table.column(name).to_pandas().take(self._rows))
        words = [*(plain_word(str(value)) for value in values.tolist()), ""]  # code -1, unknown, is the last
        told: NDArray[np.bool_] = np.array([holds(word) for word in words], dtype=np.bool_)[codes]
        return told

    def says(self, name: str, fate: str) -> NDArray[np.bool_]:
        said = against(name, fate)
        if said is None:
            return np.zeros(len(self._rows), dtype=np.bool_)
        values, speak = said
        return self.are(name, lambda word: (word in values) == speak)

    def any_of(self, name: str, values: tuple[str, ...]) -> NDArray[np.bool_]:
        plain = {plain_word(value) for value in values}
        return self.are(name, lambda word: word in plain if values else word not in NO)


class _Events:
    """When customers did what, of the events that speak of consent."""

    def __init__(self, log: JourneyLog, customers: NDArray[np.int64]) -> None:
        self._log, self._customers = log, customers
        self._known = {column: log.vocabulary(column) for column in ("touchpoint", "native")}

    def say(self, fate: str, given: OptOuts) -> list[tuple[str, NDArray[np.bool_]]]:
        """Return by name of touchpoint who is refused; taking back what was erased isn't possible."""
        back = self._last("touchpoint", given.resubscribed, at_the_end=False)
        back = np.maximum(back, self._last("native", given.resubscribed, at_the_end=False))
        found = []
        for column, what in (("touchpoint", "touchpoint"), ("native", "native event")):
            for name in self._names(column, fate, given):
                last = self._last(column, (name,), at_the_end=True)
                refused = last >= 0
                if fate != ERASED:
                    refused &= back <= last
                found.append((f"{what} {name}", refused))
        return found

    def _names(self, column: str, fate: str, given: OptOuts) -> list[str]:
        named = given.named if fate == OPTED_OUT else {}
        return [
            word
            for word in self._known[column]
            if (plain_name(word) in TOUCHPOINTS[fate] or word in named) and word not in given.resubscribed
        ]

    def _last(self, column: str, names: tuple[str, ...], *, at_the_end: bool) -> NDArray[np.int64]:
        """Return when each customer last did one of these, -1 if never; a failed try counts.

        A time that is a date alone is as late as it may be where the end is asked for.
        """
        log = self._log
        codes = [code for code, word in enumerate(self._known[column]) if word in names]
        last = np.full(len(self._customers), -1, dtype=np.int64)
        if not codes:
            return last
        events = rows_where(self._theirs(codes), log.codes(column), log.event_customers)
        times = log.timestamps[events]
        if at_the_end:
            coarse = np.nan_to_num(log.numbers("precision")[events])
            times = times + (coarse * 1_000_000).astype(np.int64)
        np.maximum.at(last, np.searchsorted(self._customers, log.event_customers[events]), times)
        return last

    def _theirs(self, codes: list[int]) -> Callable[..., NDArray[np.bool_]]:
        """Return what says which events are one of these, and of these customers."""

        def holds(code: NDArray[np.int32], customer: NDArray[np.int64]) -> NDArray[np.bool_]:
            found = np.isin(code, codes)
            found[found] = among(customer[found], self._customers)
            return found

        return holds


def names_that_speak(log: JourneyLog) -> Sequence[str]:
    """Return the log's attributes and touchpoints that are known to speak of consent."""
    events = frozenset().union(*TOUCHPOINTS.values())
    words = {*log.vocabulary("touchpoint"), *log.vocabulary("native")}
    found = [name for name in log.attributes if against(name) is not None]
    return [*found, *sorted(word for word in words if plain_name(word) in events)]
