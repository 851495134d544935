"""A short run over damaged exports of every source; the long one is `make fuzz`.

Properties: the ledger counts each file's records as a plain reader does; only damaged ones are quarantined;
what is left gives the events and customers of the same export without them; whatever is refused is refused by
name; nothing takes long.
"""

from __future__ import annotations

import pytest

from tests.ingest.fuzz.runs import module_names, run_batch, run_series


@pytest.mark.parametrize("name", module_names())
def test_damaged_records_harm_no_others(name, tmp_path):
    found = run_batch(name, 1, tmp_path, n_files=2, most=16, share=0.6)
    assert found.problems == []


@pytest.mark.parametrize("name", module_names())
def test_a_damaged_file_is_read_in_part_or_refused_by_name(name, tmp_path):
    found = run_series(name, 3, tmp_path, n=2)
    assert found.problems == []
    assert found.cases
