"""How many examples property tests draw: a share of what each names; all of them: `EXAMPLES=1 make test`."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings

SHARE = float(os.environ.get("EXAMPLES", "0.4"))
"""As large as lets the whole suite stay under ten minutes."""
FEWEST = 5


def examples(number: int, **others: Any) -> settings:
    """Draw a share of so many examples, and some at least; other settings are the project's."""
    return settings(max_examples=max(FEWEST, round(number * SHARE)), **others)
