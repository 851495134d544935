"""Write the exports of a simulated shop: ``python -m cjmining.simulate FOLDER``.

Without options it writes the sample that is committed under ``data/samples/shop``.
"""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import TYPE_CHECKING

from cjmining.simulate.settings import SAMPLE_FAULT, Fault
from cjmining.simulate.shop import null_shop, shop

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the exports that the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m cjmining.simulate", description=__doc__)
    parser.add_argument("folder", help="where the exports go; made where it does not exist")
    parser.add_argument("--customers", type=int, default=2000, help="how many customers (default 2000)")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same shop (default 7)")
    parser.add_argument("--no-fault", action="store_true", help="the same shop without the checkout fault")
    parser.add_argument(
        "--fault-leave", type=float, default=SAMPLE_FAULT.leave, help="share of those hit that leave"
    )
    parser.add_argument("--fault-start", type=datetime.fromisoformat, default=SAMPLE_FAULT.start)
    parser.add_argument("--fault-end", type=datetime.fromisoformat, default=SAMPLE_FAULT.end)
    parser.add_argument(
        "--clean", action="store_true", help="exports without duplicates, broken rows and gaps"
    )
    parser.add_argument("--null", action="store_true", help="a shop in which nothing is planted")
    given = parser.parse_args(arguments)
    fault = Fault(leave=given.fault_leave, start=given.fault_start, end=given.fault_end)
    make = null_shop if given.null else shop
    made = make(given.customers, seed=given.seed, fault=None if given.no_fault else fault, clean=given.clean)
    made.write(given.folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
