"""What findings depend on beside the data themselves: kept with them, so that a later run can compare."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog
    from cjmining.study.form import StudyForm

Settings = dict[str, Any]


def common_settings(form: StudyForm, study_text: str, labels_text: str | None, log: JourneyLog) -> Settings:
    """Return what is the same for every map of a study."""
    from cjmining import __version__

    sources = log.sources[["source", "kind", "records", "first", "last", "timezone"]]
    return {
        "version": __version__,
        "labels_sha256": None if labels_text is None else _hash(labels_text),
        "sources_sha256": _hash(repr((form.sources, form.customers, form.identities))),
        "study_sha256": _hash(study_text),
        "by": form.by,
        "min_group": form.report.min_group,
        "data_end": log.data_end.isoformat(),
        "data_end_given": form.data_end,
        "customers": log.n_customers,
        "events": log.n_events,
        "sources": [
            {str(key): _plain(value) for key, value in row.items()} for row in sources.to_dict("records")
        ],
    }


def map_settings(intended: IntendedMap, journeys: int) -> Settings:
    """Return what is a map's own."""
    return {
        "map": intended.name,
        "map_sha256": _hash(intended.text),
        "map_rest_sha256": _hash(_without_times(intended.text)),
        "patience_s": None if intended.patience_us < 0 else intended.patience_us / 1e6,
        "stage_patience_s": {
            stage.stage: None if stage.patience_us < 0 else stage.patience_us / 1e6
            for stage in intended.stages
        },
        "horizon_s": intended.horizon.total_seconds(),
        "journeys": journeys,
    }


def _without_times(map_text: str) -> str:
    """Return what a map says beside patience and horizon, which are told by their values."""
    said = yaml.safe_load(map_text) or {}
    for part in (said, *said.get("stages", ())):
        for key in ("patience", "horizon"):
            part.pop(key, None)
    return repr(said)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:  # noqa: ANN401 -- any cell
    if value is None or value != value:
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value
