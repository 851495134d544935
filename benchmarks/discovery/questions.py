"""What is asked of funnels and patterns; read by the peer that has an environment of its own, too."""

FUNNEL = ("product_viewed", "basket_filled", "order_placed")
FUNNEL_DAYS = 7
PATTERN = ("basket_filled", "order_placed")
PATTERN_DAYS = 2
DAY = 86_400_000_000
"""Microseconds."""
