"""The ways that journeys take, those that stand for many, and those that are near."""
