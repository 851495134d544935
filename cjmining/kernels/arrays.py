"""Arrays that grow while a kernel fills them."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"
# ruff: noqa: ANN001, ANN201 -- numba infers the types of inner steps

from __future__ import annotations

import numpy as np

from cjmining.kernels._jit import kernel


@kernel
def longer(array, n, size):
    """Return an array of that size that begins with the first n entries."""
    grown = np.empty(size, array.dtype)
    grown[:n] = array[:n]
    return grown
