"""What the simulated shop is like: its customers, its troubles and their sizes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

START = datetime(2026, 1, 31, 23, tzinfo=UTC)
"""Midnight of 1 February 2026 in Berlin: from when on the shop is observed."""

DATA_END = datetime(2026, 8, 31, 22, tzinfo=UTC)
"""Midnight after 31 August 2026 in Berlin: until when it is observed."""

PERIOD_S = int((DATA_END - START).total_seconds())
DAY_S = 86_400


@dataclass(frozen=True)
class Behaviour:
    """How the customers of one persona behave; shares lie between 0 and 1.

    Attributes
    ----------
    persona : str
        Name, as the map has it.
    share : float
        Of all customers.
    born : tuple of int
        First and last year of birth.
    ad, newsletter, store, catalogue : float
        Share of journeys that begin so; the rest come directly.
    leave_awareness, leave_research, leave_basket, leave_checkout : float
        Share of the journeys in that stage that give up there, before any planted trouble.
    leave_mobile_checkout : float
        The same at the checkout of the mobile web.
    mobile, tablet : float
        Share of journeys on that device; the rest sit at a desktop.
    app : float
        Share of mobile journeys in the app.
    chats, calls : float
        Share of journeys that ask for advice so.
    pace : float
        How slowly they go on, relative to the others.
    buys_again : float
        Share that starts another journey after a delivery.
    value : float
        Median value of an order, EUR.
    """

    persona: str
    share: float
    born: tuple[int, int]
    ad: float = 0.30
    newsletter: float = 0.20
    store: float = 0.10
    catalogue: float = 0.06
    leave_awareness: float = 0.08
    leave_research: float = 0.22
    leave_basket: float = 0.15
    leave_checkout: float = 0.20
    leave_mobile_checkout: float = 0.20
    mobile: float = 0.40
    tablet: float = 0.10
    app: float = 0.25
    chats: float = 0.08
    calls: float = 0.12
    pace: float = 1.0
    buys_again: float = 0.32
    value: float = 110.0


PERSONAS = (
    Behaviour(
        "Gen Z", 0.22, (1997, 2008), ad=0.46, newsletter=0.12, store=0.10, catalogue=0.02,
        leave_awareness=0.07, leave_research=0.25, leave_basket=0.15, leave_checkout=0.15,
        leave_mobile_checkout=0.25, mobile=0.64, tablet=0.06, app=0.28,
        chats=0.15, calls=0.05, pace=0.7, buys_again=0.28, value=55.0,
    ),
    Behaviour("Families", 0.48, (1966, 1996)),
    Behaviour(
        "Silver", 0.27, (1938, 1965), ad=0.12, newsletter=0.24, store=0.18, catalogue=0.20,
        leave_awareness=0.09, leave_research=0.23, leave_basket=0.12, leave_checkout=0.23,
        leave_mobile_checkout=0.23, mobile=0.16, tablet=0.22, app=0.10,
        chats=0.03, calls=0.24, pace=1.4, buys_again=0.26, value=85.0,
    ),
    Behaviour("Islanders", 0.03, (1938, 2008), leave_basket=0.50),
)  # fmt: skip
"""Three personas that behave differently, and a small one with a high but constant drop-out."""

ALIKE = tuple(Behaviour(each.persona, each.share, each.born) for each in PERSONAS)
"""The same personas without any difference in behaviour."""


@dataclass(frozen=True)
class Fault:
    """A checkout that fails one persona on the mobile web for a while.

    Attributes
    ----------
    persona, device, channel : str
        Whom it hits, and where.
    start, end : datetime
        It hits journeys that open the checkout in between.
    leave : float
        Share of those hit that leave at Checkout, instead of the persona's usual share.
    """

    persona: str = "Gen Z"
    device: str = "mobile"
    channel: str = "web"
    start: datetime = datetime(2026, 5, 3, 22, tzinfo=UTC)
    end: datetime = datetime(2026, 5, 24, 22, tzinfo=UTC)
    leave: float = 0.40


SAMPLE_FAULT = Fault(
    start=datetime(2026, 2, 14, 23, tzinfo=UTC), end=datetime(2026, 8, 15, 22, tzinfo=UTC), leave=0.95
)
"""Strong and long enough to change which stage leads the persona's drop-out in a shop of 2,000 customers."""


@dataclass(frozen=True)
class Settings:
    """Everything that shapes a simulated shop; shares lie between 0 and 1, times are seconds.

    Attributes
    ----------
    customers, seed : int
        How many customers, and what makes their chance repeatable.
    personas : tuple of Behaviour
    fault : Fault or None
    long_waits : float
        Share of calls that wait a quarter of an hour or longer.
    long_wait_leaves : float
        Share of those who give up because of such a wait.
    call_wait_s, chat_wait_s : float
        Mean of the usual wait.
    slow_chat_leaves : float
        Share of those whose chat took more than ten minutes who give up because of it.
    call_satisfaction, chat_satisfaction : float
        Mean of the answers, 0 to 1.
    dead_addresses : float
        Share of customers whose email bounces.
    needs_reminder : float
        Share of filled baskets that go on only after a reminder was opened.
    failed_payments, express_payments, phone_orders, double_orders, swapped_steps : float
    late_parcels, slow_parcels : float
        Shares of orders with that deviation: failed, missing, wrong channel, repeated, out of order, late;
        a slow parcel is weeks on its way.
    slow_checkouts, early_payments, lost_orders : float
        Deviations of journeys that are often cut short: share of filled baskets that come to the checkout
        later than promised; of those leaving at the checkout who pay first, before its page is recorded; of
        orders that nothing follows, until the customer gives up.
    longest_break_days : int
        Most days between two steps, pauses of slow customers aside.
    rejected_orders : float
        Share of orders that the company turns away.
    slow_customers : float
        Share of journeys that pause for longer than the map's patience and go on.
    quick_returns : float
        Share of those coming back who do so within the map's patience.
    returns : float
        Share of those who left that try again.
    stray : float
        Share of all events that belong to no plan (pages of the blog).
    sale : bool
        Whether there is a sale week in June, with more customers but no other behaviour.
    survey_starts : datetime
        Nobody was asked before.
    subscribers, loyalty, machine_opens : float
        Shares of customers with the newsletter, with a card, and whose mail program opens everything.
    undated_visits : float
        Share of store visits recorded by date alone.
    skipped_hour_visits : int
        Most visits that the till dates in the hour skipped when summer time begins.
    tag_down : bool
        Whether the export of the web lacks two days in May.
    guests, unlisted, birth_year_missing : float
        Share of web-only customers who never log in; of the others that are not in customers.csv; of those
        listed without a year of birth.
    clean : bool
        Whether the exports are free of duplicates, broken rows, placeholders and gaps.
    households : float
        Share of customers who live in twos, with one tablet, one computer and one telephone for both.
    typed_contacts : int
        How many contacts the CRM has with an address and a telephone number that are nobody's.
    typed_email : str
        That address.
    """

    customers: int = 2000
    seed: int = 7
    personas: tuple[Behaviour, ...] = field(default=PERSONAS, repr=False)
    fault: Fault | None = field(default_factory=Fault)
    long_waits: float = 0.15
    long_wait_leaves: float = 0.45
    call_wait_s: float = 60.0
    chat_wait_s: float = 420.0
    slow_chat_leaves: float = 0.25
    call_satisfaction: float = 0.80
    chat_satisfaction: float = 0.35
    dead_addresses: float = 0.05
    needs_reminder: float = 0.15
    failed_payments: float = 0.05
    express_payments: float = 0.06
    phone_orders: float = 0.03
    double_orders: float = 0.02
    swapped_steps: float = 0.03
    late_parcels: float = 0.05
    slow_parcels: float = 0.04
    slow_checkouts: float = 0.0
    early_payments: float = 0.0
    lost_orders: float = 0.0
    longest_break_days: int = 8
    rejected_orders: float = 0.03
    slow_customers: float = 0.012
    quick_returns: float = 0.04
    returns: float = 0.25
    stray: float = 0.10
    sale: bool = True
    survey_starts: datetime = datetime(2026, 3, 15, 23, tzinfo=UTC)
    subscribers: float = 0.60
    loyalty: float = 0.60
    machine_opens: float = 0.15
    undated_visits: float = 0.15
    skipped_hour_visits: int = 3
    tag_down: bool = True
    guests: float = 0.25
    unlisted: float = 0.03
    birth_year_missing: float = 0.05
    clean: bool = False
    households: float = 0.0
    typed_contacts: int = 0
    typed_email: str = "test@example.com"

    def __post_init__(self) -> None:
        if self.customers < 1:
            raise ValueError(f"customers must be at least 1, not {self.customers}")
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share between 0 and 1, not {getattr(self, name)}")

    @property
    def persona_names(self) -> tuple[str, ...]:
        """The personas in the order of their codes."""
        return tuple(each.persona for each in self.personas)

    def without_plants(self) -> Settings:
        """Return the same settings with nothing planted: personas alike, no trouble, no decoy."""
        nothing: dict[str, Any] = dict.fromkeys(_PLANTED, 0.0)
        alike: dict[str, Any] = {"chat_wait_s": self.call_wait_s, "chat_satisfaction": self.call_satisfaction}
        return replace(
            self,
            personas=ALIKE,
            fault=None,
            sale=False,
            skipped_hour_visits=0,
            tag_down=False,
            survey_starts=START,
            longest_break_days=1,
            **nothing,
            **alike,
        )


ONLY_WHERE_ASKED = ("households", "typed_contacts", "typed_email")
"""Settings that are told only where they differ from what they are by themselves."""
_PLANTED = (
    "long_waits", "slow_chat_leaves", "dead_addresses", "failed_payments", "express_payments", "phone_orders",
    "double_orders", "swapped_steps", "late_parcels", "slow_parcels", "slow_checkouts", "early_payments",
    "lost_orders", "slow_customers", "quick_returns", "stray", "undated_visits", "guests",
)  # fmt: skip
_SHARES = (
    *_PLANTED, "long_wait_leaves", "call_satisfaction", "chat_satisfaction", "needs_reminder",
    "rejected_orders", "returns", "subscribers", "loyalty", "machine_opens",
    "unlisted", "birth_year_missing", "households",
)  # fmt: skip
