"""How every kernel is compiled: without the GIL, and kept on disk where a folder is writable."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., object])


def kernel(function: _Function) -> _Function:
    """Compile a loop over arrays to machine code when it is first called.

    Parameters
    ----------
    function : callable
        A function of numba's subset of Python; it may be called by other kernels.

    Returns
    -------
    callable
        The compiled function. Its machine code is cached beside the module or in the user's cache
        folder; where neither can be written, it is compiled anew in each process.

    Examples
    --------
    >>> import numpy as np
    >>> @kernel
    ... def total(values):
    ...     result = 0
    ...     for value in values:
    ...         result += value
    ...     return result
    >>> total(np.arange(4))
    6
    """
    try:
        return cast("_Function", numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # numba found no folder to keep the machine code in
        return cast("_Function", numba.njit(nogil=True)(function))


def inlined(function: _Function) -> _Function:
    """Copy a small step into the kernels that use it: a call that hands over arrays costs more than it."""
    return cast("_Function", numba.njit(inline="always", nogil=True)(function))
