"""Ways between two touchpoints."""
