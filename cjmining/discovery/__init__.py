"""What customers do: transitions, variants, touchpoints, starts and ends of their journeys."""

from cjmining.discovery.discovery import Discovery, discover

__all__ = ["Discovery", "discover"]
