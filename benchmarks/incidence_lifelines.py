"""lifelines on spells in a file, in an environment of its own: `PYTHON incidence_lifelines.py FILE`."""

from __future__ import annotations

import json
import resource
import sys
import time

import lifelines
import numpy as np
import pandas as pd

N_ENDS = 4


def main(path: str) -> None:
    given = np.load(path)
    time_, end, points = given["time"], given["end"], given["points"]
    observed = np.where(end < N_ENDS, end + 1, 0)
    start = time.perf_counter()
    fitted = [
        lifelines.AalenJohansenFitter(calculate_variance=True).fit(time_, observed, event_of_interest=k + 1)
        for k in range(N_ENDS)
    ]
    seconds = time.perf_counter() - start
    curves = [each.cumulative_density_.iloc[:, 0] for each in fitted]
    found = {
        "seconds": seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "probability": [[float(curve[curve.index <= at].iloc[-1]) for at in points] for curve in curves],
        "versions": {"lifelines": lifelines.__version__, "pandas": pd.__version__},
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
