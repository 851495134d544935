"""Results to facts: what the page says, section by section (`gather` puts them together)."""
