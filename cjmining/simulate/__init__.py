"""Customers with a known truth: a simulated shop as a log in memory and as native exports.

`shop` and `null_shop` make one; `python -m cjmining.simulate FOLDER` writes its exports.
"""

from __future__ import annotations

from cjmining.simulate.settings import PERSONAS, SAMPLE_FAULT, Behaviour, Fault, Settings
from cjmining.simulate.shop import Shop, null_shop, shop

__all__ = ["PERSONAS", "SAMPLE_FAULT", "Behaviour", "Fault", "Settings", "Shop", "null_shop", "shop"]
