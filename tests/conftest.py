"""Fixtures that several test modules share."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest

from tests.examples import SHARE

# Kernels compile on their first call, so deadlines would misfire; the same examples in every run.
hypothesis.settings.register_profile(
    "project", deadline=None, derandomize=True, max_examples=round(100 * SHARE)
)
hypothesis.settings.load_profile("project")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real and published data; the tests that need it skip where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the folder of published data is not on this machine")
    return folder


@pytest.fixture(scope="session")
def sample_shop() -> Path:
    """The committed sample: native exports of a simulated shop."""
    return ROOT / "data" / "samples" / "shop"
