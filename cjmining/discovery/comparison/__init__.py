"""What differs between two groups of journeys."""
