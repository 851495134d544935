"""Which customers are held out by lot: the same ones whenever an audience is made again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from cjmining.dropout.identifiers import identities_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.log import JourneyLog

_STEADY = ("user_id", "crm_id", "loyalty", "email", "phone")
"""Kinds of identifiers that stay with a customer, the steadiest first."""


def drawn_below(
    share: float, seed: int, log: JourneyLog, customers: NDArray[np.int64], kinds: tuple[str, ...]
) -> NDArray[np.bool_]:
    """Say for which customers a number below a share is drawn.

    Parameters
    ----------
    share : float
        Above 0 and below 1.
    seed : int
        Another seed draws other numbers.
    log : JourneyLog
        Which knows their identifiers.
    customers : int64[C]
        Ascending.
    kinds : tuple of str
        The kinds of identifiers that lots are drawn from first.
    """
    lots = _lots(identities_of(log, customers), kinds).reindex(customers)
    drawn = (
        _drawn(f"customer\x1f{customer}" if unknown else lot, seed) < share
        for customer, lot, unknown in zip(customers.tolist(), lots, lots.isna(), strict=True)
    )
    return np.fromiter(drawn, np.bool_, len(customers))


def _lots(own: pd.DataFrame, kinds: tuple[str, ...]) -> pd.Series[str]:
    """Return by customer the identifier that the lot is drawn from."""
    order = {kind: place for place, kind in enumerate((*kinds, *_STEADY))}
    ranked = own.assign(rank=own["kind"].map(order).fillna(len(order)))
    first = ranked.sort_values(["customer", "rank", "kind", "value"]).drop_duplicates("customer")
    lots: pd.Series[str] = (first["kind"] + "\x1f" + first["value"]).set_axis(first["customer"])
    return lots


def _drawn(lot: str, seed: int) -> float:
    """Return a number from 0 to below 1, the same whenever the same lot is drawn."""
    digest = hashlib.blake2b(f"{seed}\x1f{lot}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
