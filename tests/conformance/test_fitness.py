"""Fitness of a log and of its journeys, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cjmining.conformance.fitness import table


def test_of_the_log_and_of_journeys() -> None:
    """North: 1 of 4 and 0 of 2 lost. South: 3 of 4. What is not aligned (worst 0) counts nowhere."""
    found = table(
        {0: "North", 2: "South", 3: "West"},
        np.array([0, 0, 2, 2, 3], dtype=np.int32),
        [(np.array([1, 0, 3]), np.array([4, 2, 4])), (np.array([0, 0]), np.array([0, 0]))],
    ).set_index("by")
    assert found.index.tolist() == ["North", "South", "West"]
    assert found["journeys"].tolist() == [2, 1, 0]
    assert found["cost"].tolist() == [1, 3, 0]
    assert found["worst"].tolist() == [6, 4, 0]
    assert found["fitness"].tolist() == pytest.approx([1 - 1 / 6, 1 / 4, np.nan], nan_ok=True)
    assert found["mean_fitness"].tolist() == pytest.approx([(3 / 4 + 1) / 2, 1 / 4, np.nan], nan_ok=True)
    assert found["perfect"].tolist() == [1, 0, 0]


def test_a_log_without_journeys_keeps_the_types_of_columns() -> None:
    found = table({}, np.zeros(0, np.int32), [])
    assert len(found) == 0
    assert found.dtypes.drop("by").astype(str).tolist() == ["int64"] * 3 + ["float64"] * 2 + ["int64"]
