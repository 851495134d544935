"""The steps that a simulated journey is made of, and how each system calls them."""

from __future__ import annotations

from typing import Final, NamedTuple


class Step(NamedTuple):
    """One kind of event: what it is for the customer, and how its source records it."""

    touchpoint: str
    source: str
    native: str
    actor: str = "customer"
    channel: str = "web"
    stage: str = ""
    native_app: str = ""


SOURCES: Final = ("crm", "email", "web", "calls", "survey", "store")
"""Names of the sources, in the order of the study."""

STEPS: Final = (
    Step("ad_clicked", "web", "page_view", channel="ad", stage="Awareness"),
    Step("newsletter_opened", "email", "Open", channel="email", stage="Awareness"),
    Step("store_visited", "store", "store_visited", channel="store", stage="Awareness"),
    Step("catalogue_requested", "crm", "Lead created", channel="crm", stage="Awareness"),
    Step("product_viewed", "web", "page_view", stage="Research", native_app="view_item"),
    Step("reviews_read", "web", "page_view", stage="Research", native_app="view_reviews"),
    Step("chat_answered", "calls", "CHAT answered", channel="chat", stage="Research"),
    Step("chat_rated", "survey", "chat_rated", channel="survey", stage="Research"),
    Step("call_answered", "calls", "VOICE answered", channel="phone", stage="Research"),
    Step("call_rated", "survey", "call_rated", channel="survey", stage="Research"),
    Step("basket_filled", "web", "page_view", stage="Basket", native_app="add_to_cart"),
    Step("basket_reminder_sent", "email", "Sent", actor="company", channel="email", stage="Basket"),
    Step("basket_reminder_opened", "email", "Open", channel="email", stage="Basket"),
    Step("checkout_opened", "web", "page_view", stage="Checkout", native_app="begin_checkout"),
    Step("payment_entered", "web", "page_view", stage="Checkout", native_app="add_payment_info"),
    Step("order_placed", "web", "purchase", stage="Checkout", native_app="purchase"),
    Step("checkout_rated", "survey", "checkout_rated", channel="survey", stage="Checkout"),
    Step("order_rejected", "crm", "Opportunity: Rejected", actor="company", channel="crm"),
    Step("parcel_sent", "email", "Sent", actor="company", channel="email", stage="Delivery"),
    Step(
        "order_delivered", "crm", "Opportunity: Delivered", actor="company", channel="mail", stage="Delivery"
    ),
    Step("delivery_rated", "survey", "delivery_rated", channel="survey", stage="Support"),
    Step("support_called", "calls", "VOICE answered", channel="phone", stage="Support"),
    Step("support_chatted", "calls", "CHAT answered", channel="chat", stage="Support"),
    Step("case_opened", "crm", "Case opened", channel="phone", stage="Support"),
    Step("case_closed", "crm", "Case closed", actor="company", channel="phone", stage="Support"),
    Step("unsubscribed", "email", "Unsubscribe", channel="email"),
    Step("blog_read", "web", "page_view"),
    Step("newsletter_sent", "email", "Sent", actor="company", channel="email"),
    Step("newsletter_prefetched", "email", "Open", actor="system", channel="email"),
    Step("email_bounced", "email", "HardBounce", actor="system", channel="email"),
)

CODE: Final = {step.touchpoint: code for code, step in enumerate(STEPS)}
"""Code of each step, by its touchpoint."""
