"""How far journeys come through given steps."""
