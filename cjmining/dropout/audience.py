"""The verb `audience`: the customers behind a number, less those who must not be written to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cjmining.conformance.journeys import WON_BACK
from cjmining.consent import ERASED, OPTED_OUT, UNSUBSCRIBED
from cjmining.dropout import consent as consents
from cjmining.dropout.audience_customers import list_customers, with_identifiers
from cjmining.dropout.consent import among
from cjmining.dropout.entries import columns_at
from cjmining.dropout.holdout import drawn_below
from cjmining.dropout.identifiers import (
    check_kinds,
    check_region,
    expect_identities,
    identities_of,
    kinds_of,
)
from cjmining.dropout.later import pieces_of_ends, under_way_or_converted
from cjmining.dropout.selection import Selection, expect_check, select, texts
from cjmining.errors import LogError
from cjmining.results import Result

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.blocks import Block
    from cjmining.conformance import Conformance
    from cjmining.conformance.reading import Reading
    from cjmining.log import JourneyLog

IN = "in the audience"
ANOTHER_END, CAME_BACK, NO_IDENTIFIER, HELD_OUT = "another end", "came back", "no identifier", "held out"
FATES = (
    IN,
    ERASED,
    OPTED_OUT,
    UNSUBSCRIBED,
    consents.SUPPRESSED,
    consents.NO_CONSENT,
    CAME_BACK,
    NO_IDENTIFIER,
    HELD_OUT,
    ANOTHER_END,
)
"""What may become of a customer behind the number."""


@dataclass(frozen=True, repr=False, eq=False)
class Audience(Result):
    """Customers to win back, with the account of everybody behind the number.

    Made by `cj.audience`. Neither its text nor its HTML shows an identifier, and `to_arrow` gives the account
    alone: identifiers leave only by `customers` and `write`, and only the kinds that were named.

    Attributes
    ----------
    customers : pandas.DataFrame
        customer, persona, stage and touchpoint (where the latest journey that meets the conditions ended),
        turn, journey, left_at, net_value_<currency> (what the customer's conversions have brought so far,
        net of refunds), at_stake_<currency> (value at risk of that place, a drop-out), and a column for each
        kind of identifier asked for ("" where there is none; of several the first in alphabetical order).
    account : pandas.DataFrame
        fate (what became of customers behind the number, each counted once), reason (what says so), customers
        (how many).
    behind : int
        How many customers are behind the number: the sum of `account`.
    journeys : int
        How many journeys they had that meet the conditions.
    identifiers : tuple of str
        The kinds of identifiers that were asked for.
    about : str
        The conditions, in words; where journeys were given by number, how many, and the conditions besides.
    made_at : pandas.Timestamp
        Until when the log knows what customers did (UTC).
    notes : tuple of str
        What a reader should know before writing to anybody.
    """

    _tables: ClassVar[tuple[str, ...]] = ("account",)  # type: ignore[misc]

    customers: pd.DataFrame
    account: pd.DataFrame
    behind: int
    journeys: int
    identifiers: tuple[str, ...]
    about: str
    made_at: pd.Timestamp
    notes: tuple[str, ...]
    _held_out: pd.DataFrame
    _identities: pd.DataFrame
    _selection: Selection
    _returned: bool
    _log: JourneyLog

    def __post_init__(self) -> None:
        told = int(self.account["customers"].sum())
        inside = self.account.loc[self.account["fate"] == IN, "customers"].sum()
        if told != self.behind or inside != len(self.customers):
            raise LogError(
                f"the account does not close: {told:,} customers told of {self.behind:,}. This is a fault "
                "of the library; please report it"
            )

    def __len__(self) -> int:
        return len(self.customers)

    def holdout(self, share: float, seed: int = 0) -> Audience:
        """Hold some customers out by lot, so that what writing to the others did can be measured.

        A customer's lot depends on one of their identifiers and the seed alone, not on who else is in the
        audience: the same customers are held out whenever the audience is made again, also from a later log.

        Parameters
        ----------
        share : float
            Each customer's chance of being held out, above 0 and below 1.
        seed : int
            Another seed draws other lots.

        Returns
        -------
        Audience
            Without those held out, whom the account counts. `cj.won_back(later, audience=...)` compares both.

        Raises
        ------
        LogError
            If the share is no share, or some are held out already.

        Examples
        --------
        >>> import cjmining as cj
        >>> from cjmining.intended import parse_map
        >>> shop = cj.simulate.shop(300, seed=1)
        >>> intended = parse_map(shop.intended_text)
        >>> who = cj.audience(cj.check(shop.log.split(intended), intended))
        >>> test = who.holdout(0.2, seed=7)
        >>> len(test) < len(who), test.behind == who.behind
        (True, True)
        """
        if not isinstance(share, int | float) or not 0 < share < 1:
            raise LogError(f"share is above 0 and below 1, such as 0.1, not {share!r}")
        if len(self._held_out):
            raise LogError("some customers are held out already: draw lots once, from the whole audience")
        out = drawn_below(share, seed, self._log, self.customers["customer"].to_numpy(), self.identifiers)
        account = self.account.copy()
        account.loc[account["fate"] == IN, "customers"] -= int(out.sum())
        row = account["fate"] == HELD_OUT
        account.loc[row, "customers"] += int(out.sum())
        account.loc[row, "reason"] = f"by lot, {share:.3g} of the audience"
        return replace(
            self,
            customers=self.customers[~out].reset_index(drop=True),
            account=account,
            _held_out=self.customers.loc[out, ["customer", "left_at"]].reset_index(drop=True),
        )

    def write(
        self,
        path: str | Path,
        *,
        form: str = "csv",
        columns: Sequence[str] | Mapping[str, str] = (),
        subscriber_key: str | None = None,
        region: str | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Write the customers to a file that only its owner may read.

        Parameters
        ----------
        path : str or Path
            The file; it appears only when it is complete.
        form : str
            "csv": for people, every column; what a spreadsheet would run as a formula is quoted.
            "marketing_cloud": for a data extension, SubscriberKey and EmailAddress.
            "marketo": for a static list, Email Address.
            "google_ads", "meta_ads": for Customer Match and Custom Audiences, hashed addresses and numbers.
            These four are UTF-8 with a header row, and no value in them is altered.
        columns : sequence of str or {column: header}
            Columns of `customers` to write beside the identifiers, such as ["stage", "persona"].
        subscriber_key : str, optional
            The kind of identifier that is the account's SubscriberKey; by default subscriber_key, else
            crm_id, else email, the first that was asked for.
        region : str, optional
            Country of phone numbers without a country code, such as "DE".
        overwrite : bool
            Whether a file that is there already is replaced.

        Returns
        -------
        Path
            The file. A warning is logged where an ad audience is too small to be shown anything.

        Raises
        ------
        LogError
            If the form needs an identifier that wasn't asked for or that some customers lack, or the file
            can't be written.

        References
        ----------
        `docs/audience.md` has each form with the documentation it follows, and what couldn't be checked.

        Examples
        --------
        >>> import tempfile
        >>> import cjmining as cj
        >>> from cjmining.intended import parse_map
        >>> shop = cj.simulate.shop(300, seed=1)
        >>> intended = parse_map(shop.intended_text)
        >>> who = cj.audience(cj.check(shop.log.split(intended), intended), stage="Checkout")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     len(who.write(f"{folder}/who.csv").read_text().splitlines()) == 1 + len(who)
        True
        """
        from cjmining.dropout.audience_files import write

        return write(
            self,
            path,
            form=form,
            columns=columns,
            subscriber_key=subscriber_key,
            region=region,
            overwrite=overwrite,
        )

    def _summary(self) -> str:
        removed = ", ".join(
            f"{int(n):,} {fate}"
            for fate, n in self.account.groupby("fate", sort=False)["customers"].sum().items()
            if n and fate != IN
        )
        return (
            f"Audience: {len(self):,} of the {self.behind:,} customers {self._whose()}"
            f"{f'; not written to: {removed}' if removed else ''}"
        )

    def _whose(self) -> str:
        given = self._selection.journeys
        return f"who {self.about}" if given is None else f"of {self.about}"


def audience(
    check: Conformance,
    *,
    stage: str | Sequence[str] | None = None,
    touchpoint: str | Sequence[str] | None = None,
    persona: str | Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
    outcome: str | Sequence[str] = "dropped",
    turn: str | Sequence[str] | None = None,
    since: object | None = None,
    until: object | None = None,
    journeys: Sequence[int] | NDArray[np.int64] | pd.Series | None = None,
    identifiers: str | Sequence[str] | None = None,
    complete: bool = False,
    suppress: object | None = None,
    opt_outs: str | Sequence[str] | Mapping[str, Any] = (),
    resubscribed: str | Sequence[str] = (),
    consent: str | None = None,
    returned: bool = False,
    region: str | None = None,
) -> Audience:
    """List the customers behind a number, less those who must not be written to.

    Each customer is listed once, by the latest of their journeys that meets the conditions. Everybody behind
    the number is accounted for. Those who were erased, opted out or unsubscribed are always removed, and so
    is whoever is on a suppression list.

    Parameters
    ----------
    check : Conformance
        With its log.
    stage, touchpoint : str or sequence of str, optional
        The place where the journey ended, as `last_stage` and `last_touchpoint` of `check.journeys`.
    persona : str or sequence of str, optional
        Whose journeys.
    where : {name: value or values}, optional
        Attributes of customers, or dimensions of events (the first that a journey has), as `by` of a check.
    outcome : str or sequence of str
        dropped, turned away, open or converted.
    turn : str or sequence of str, optional
        Whose turn it was: customer, company, or "" for nobody's.
    since, until : timestamp or text, optional
        Journeys that ended at or after `since` and before `until` (UTC where they have no zone). Silence
        ends a journey when patience is over.
    journeys : sequence of int, optional
        Numbers of journeys, such as a finding's; the other conditions hold besides.
    identifiers : str or sequence of str, optional
        The kinds of identifiers that may leave, such as "email"; by default none.
    complete : bool
        Whether a customer needs every kind of identifier asked for, not just one.
    suppress : path, frame, named column or list of them, optional
        Identifiers of those nobody may write to, in columns such as email, phone or email_sha256; or a text
        file with one address in each line.
    opt_outs : sequence of str, or {name: value or values}
        Further attributes and touchpoints that say so: an attribute with any value but a no, or with one of
        the values given.
    resubscribed : str or sequence of str
        Touchpoints that take back an earlier unsubscription; attributes and lists still count.
    consent : str, optional
        The attribute of customers that must say yes. Unknown is no consent.
    returned : bool
        Whether to keep customers who have come back: who have another journey under way, converted since this
        one began, or were seen again in the same journey after it was lost.
    region : str, optional
        Country of phone numbers without a country code, such as "DE", where numbers are compared.

    Returns
    -------
    Audience
        Customers, and the account of everybody behind the number.

    Raises
    ------
    LogError
        If there is no such place, value, journey or region; if the log has no identifiers, or pseudonymised
        ones, and some are needed; or if journeys of the customers are missing from the log.
    SourceError
        If a suppression list can't be read.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(500, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> check = cj.check(shop.log.split(intended), intended)
    >>> who = cj.audience(check, stage="Checkout", since="2026-05-01")
    >>> int(who.account["customers"].sum()) == who.behind
    True
    """
    expect_check(check, "audience")
    selection = select(
        outcome=outcome, stage=stage, touchpoint=touchpoint, turn=turn, persona=persona, where=where,
        since=since, until=until, journeys=journeys,
    )  # fmt: skip
    reading = check._with_log("audience")
    log = reading.log
    kinds = tuple(dict.fromkeys(texts(identifiers)))
    said = consents.OptOuts.of(opt_outs, resubscribed, consent, log)
    n, latest, behind = _behind(check, selection)
    verdicts = consents.Verdicts(behind)
    verdicts.say(latest < 0, ANOTHER_END, "no journey given meets the other conditions")
    consents.refuse(verdicts, log, said)
    own = _identities(log, behind, kinds, suppress, region)
    notes = [*_notes(log, suppress, said), *_suppress(verdicts, own, suppress, region, log)]
    if said.consent is not None:
        consents.require_consent(verdicts, log, said.consent)
    if not returned:
        _leave_out_returned(verdicts, check, reading, latest)
    asked = own[own["kind"].isin(kinds)]
    _need_identifiers(verdicts, asked, kinds, complete=complete)
    keep = verdicts.nothing
    _check_whole(log, behind[keep])
    customers = list_customers(check, reading, latest[keep])
    notes += _several(asked, behind[keep], kinds)
    return Audience(
        customers=with_identifiers(customers, asked, kinds),
        account=_account(verdicts),
        behind=len(behind),
        journeys=n,
        identifiers=kinds,
        about=_about(selection),
        made_at=log.data_end,
        notes=tuple(notes),
        _held_out=customers.loc[[], ["customer", "left_at"]],
        _identities=asked[asked["customer"].isin(behind[keep])].reset_index(drop=True),
        _selection=selection,
        _returned=returned,
        _log=log,
    )


def _about(selection: Selection) -> str:
    """Say the conditions; journeys given by number come first, since they say who is behind the number."""
    if selection.journeys is None:
        return str(selection)
    n = len(selection.journeys)
    return f"the {n:,} {'journey' if n == 1 else 'journeys'} given, if they {selection}"


def _behind(check: Conformance, selection: Selection) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
    """Return how many journeys count, each customer's latest of them (-1: none), and the customers."""
    numbers = np.flatnonzero(selection.mask(check))
    customer = check._with_log("audience").customer
    given = numbers if selection.journeys is None else np.flatnonzero(selection.given(check))
    behind = np.unique(customer[given])
    (decided,) = columns_at(check, numbers, "decided_at")
    order = numbers[np.lexsort((numbers, decided, customer[numbers]))]
    latest = np.full(len(behind), -1, dtype=np.int64)
    latest[np.searchsorted(behind, customer[order])] = order  # of several, the last written stays
    return len(numbers), latest, behind


def _identities(
    log: JourneyLog,
    customers: NDArray[np.int64],
    kinds: tuple[str, ...],
    suppress: object | None,
    region: str | None,
) -> pd.DataFrame:
    """Return the identifiers of these customers; raise where some are needed and the log can't give them.

    Where none are needed none are read.
    """
    check_region(region)
    if kinds:
        expect_identities(log, "identifiers=")
        check_kinds(kinds, log)
    if suppress is not None:
        expect_identities(log, "suppress=")
    return identities_of(log, customers if kinds or suppress is not None else customers[:0])


def _suppress(
    verdicts: consents.Verdicts,
    own: pd.DataFrame,
    suppress: object | None,
    region: str | None,
    log: JourneyLog,
) -> list[str]:
    """Remove who is on the list; say what of it could not be used."""
    if suppress is None:
        return []
    from cjmining.dropout.suppression import (
        check_comparable,
        never_found,
        numbers_without_country,
        on_the_list,
        read_suppression,
    )

    kinds = kinds_of(log)
    listed = read_suppression(suppress, kinds)
    absent = check_comparable(listed, kinds)
    for kind, who in on_the_list(listed, own, verdicts.customers, region).items():
        verdicts.say(who, consents.SUPPRESSED, f"by {kind}")
    unknown = [
        f"The log knows nobody by {kind}: {len(listed[kind]):,} of these on the suppression list found "
        "nobody."
        for kind in absent
    ]
    here = {kind: values for kind, values in listed.items() if kind not in absent}
    return [*unknown, *never_found(here, region), *numbers_without_country(here, own, region)]


def _notes(log: JourneyLog, suppress: object | None, said: consents.OptOuts) -> list[str]:
    notes = []
    if suppress is None and not said.named and not consents.names_that_speak(log):
        notes.append(
            "Nothing in this log says who opted out or unsubscribed, and no suppression list was given. Name "
            "what says so with opt_outs=, or give the list as suppress=."
        )
    notes += consents.values_of_nobody(log, said)
    ledger = log.ledger
    kept = int(ledger.loc[(ledger["what"] == "events") & (ledger["fate"] == "kept"), "count"].sum())
    if kept > log.n_events:
        notes.append(
            f"The log was cut: it holds {log.n_events:,} of {kept:,} events. What customers did in the "
            "others, opting out among it, can't be seen; make the audience from a check of the whole log."
        )
    return notes


def _leave_out_returned(
    verdicts: consents.Verdicts, check: Conformance, reading: Reading, latest: NDArray[np.int64]
) -> None:
    known = latest >= 0
    under_way, converted = np.zeros((2, len(latest)), dtype=np.bool_)
    for lot, ends in pieces_of_ends(check, reading):
        own = np.flatnonzero((latest >= lot.start) & (latest < lot.stop))
        under_way[own], converted[own] = under_way_or_converted(ends, latest[own] - lot.start)
    won_back = np.zeros(len(latest), np.int8)
    order = np.flatnonzero(known)[np.argsort(latest[known])]
    (won_back[order],) = columns_at(check, latest[order], "won_back")
    seen: NDArray[np.bool_] = won_back == WON_BACK.index("returned")
    bought: NDArray[np.bool_] = won_back == WON_BACK.index("converted")
    verdicts.say(known & (converted | bought), CAME_BACK, "converted since")
    verdicts.say(known & under_way, CAME_BACK, "another journey is under way")
    verdicts.say(known & seen, CAME_BACK, "seen again after leaving")


def _need_identifiers(
    verdicts: consents.Verdicts, asked: pd.DataFrame, kinds: tuple[str, ...], *, complete: bool
) -> None:
    if not kinds:
        return
    has = np.array(
        [
            np.isin(verdicts.customers, asked.loc[asked["kind"] == kind, "customer"].to_numpy())
            for kind in kinds
        ]
    )
    if complete:
        for kind, known in zip(kinds, has, strict=True):
            verdicts.say(~known, NO_IDENTIFIER, f"no {kind}")
    else:
        nothing: NDArray[np.bool_] = ~np.logical_or.reduce(has)
        verdicts.say(nothing, NO_IDENTIFIER, f"no {' and no '.join(kinds)}")


def _check_whole(log: JourneyLog, customers: NDArray[np.int64]) -> None:
    """Raise where journeys of these customers were left out of the log: what they did there can't be seen."""
    if log._attempt is None:  # journeys are numbered as they are here: none is missing
        return
    cut = sum(_cut_in(log, block, customers) for block in log.blocks())
    if cut:
        raise LogError(
            f"journeys of {cut:,} of these customers are missing from the log, which was cut (log.where): "
            "whether they opted out or came back in them can't be seen. Check the whole log, and choose "
            "with where=, since= or journeys= here"
        )


def _cut_in(log: JourneyLog, block: Block, customers: NDArray[np.int64]) -> int:
    """Count the customers of whom a block lacks journeys."""
    own = log.journey_customer[block.journeys]
    at = np.flatnonzero(among(own, customers))
    _, place, n = np.unique(own[at], return_inverse=True, return_counts=True)
    highest = np.zeros(len(n), dtype=np.int64)
    np.maximum.at(highest, place, log.attempts[block.journeys][at])
    return int((highest > n).sum())


def _several(asked: pd.DataFrame, customers: NDArray[np.int64], kinds: tuple[str, ...]) -> list[str]:
    """Say of how many customers only one of several identifiers is shown."""
    own = asked[asked["customer"].isin(customers)]
    notes = []
    for kind in kinds:
        several = int((own.loc[own["kind"] == kind, "customer"].value_counts() > 1).sum())
        if several:
            notes.append(
                f"{several:,} of {len(customers):,} customers have more than one {kind}; the first in "
                "alphabetical order is shown and written, ad audiences have up to three."
            )
    return notes


def _account(verdicts: consents.Verdicts) -> pd.DataFrame:
    """Count the customers by fate and reason; a fate of nobody has one row with 0."""
    from cjmining.conformance.tables import frame

    counts = {(fate or IN, why): n for (fate, why), n in verdicts.counts().items()}
    rows = []
    for fate in FATES:
        reasons = sorted(
            ((why, n) for (its, why), n in counts.items() if its == fate), key=lambda r: (-r[1], r)
        )
        rows += [{"fate": fate, "reason": why, "customers": n} for why, n in reasons or [("", 0)]]
    return frame(rows, {"fate": "text", "reason": "text", "customers": "int"})
