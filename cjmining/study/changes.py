"""What an earlier run said of a map, and which settings differ: then not only customers may have changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from cjmining.report import words

Settings = Mapping[str, Any]

_PART_OF_THE_QUESTION = (
    "version",
    "map_sha256",
    "map_rest_sha256",
    "labels_sha256",
    "sources_sha256",
    "patience_s",
    "stage_patience_s",
    "horizon_s",
    "by",
    "min_group",
    "data_end_given",
)
_TEXTS = {
    "map_rest_sha256": "the map (beside patience and horizon)",
    "labels_sha256": "the labels",
    "sources_sha256": "what the study says of its sources",
}


def earlier_of(earlier: Mapping[str, Any] | None, name: str, *, alone: bool) -> Mapping[str, Any] | None:
    """Return what an earlier run said of one map, as a run with this map alone writes it.

    Parameters
    ----------
    earlier : dict or None
        The earlier run's `findings.json`.
    name : str
        The name of the map.
    alone : bool
        Whether the study has this map only. Where the earlier run had one map only, too, they are compared
        whatever their names.

    Returns
    -------
    dict or None
        None where the earlier run did not have the map.
    """
    if earlier is None:
        return None
    settings = earlier.get("settings", {})
    maps = settings.get("maps") or {settings.get("map", name): {}}
    [only, *others] = maps
    known = only if alone and not others else name
    if known not in maps:
        return None
    findings = [finding for finding in earlier["findings"] if finding.get("map", known) == known]
    return {**earlier, "findings": findings, "settings": {**settings, **maps[known]}}


def say_maps(names: Sequence[str], earlier: Mapping[str, Any] | None) -> str:
    """Say which maps the earlier run had not, and which only it had; empty where they are the same."""
    settings = {} if earlier is None else earlier.get("settings", {})
    before = list(settings.get("maps") or filter(None, [settings.get("map")]))
    if not before or set(before) == set(names) or len(before) == len(names) == 1:
        return ""
    said = [
        f"{what} {words.several([_called(name) for name in these])}"
        for what, these in (
            ("it did not have", [name for name in names if name not in before]),
            ("only it had", [name for name in before if name not in names]),
        )
        if these
    ]
    return f"The last run had other maps: {' and '.join(said)}."


def _called(name: str) -> str:
    return f"\N{LEFT DOUBLE QUOTATION MARK}{name}\N{RIGHT DOUBLE QUOTATION MARK}"


def changed_settings(settings: Settings, earlier: Mapping[str, Any] | None) -> list[str]:
    """Name the settings that differ from the earlier run's; those that it did not write are left out."""
    before = {} if earlier is None else earlier.get("settings", {})
    return [name for name in _PART_OF_THE_QUESTION if name in before and before[name] != settings[name]]


def say_changes(settings: Settings, earlier: Mapping[str, Any] | None) -> str:
    """Say in one sentence which settings differ from the earlier run's; empty where none does."""
    changed = changed_settings(settings, earlier)
    if earlier is None or not changed:
        return ""
    before = earlier["settings"]
    said = [
        *_values(settings, before, changed),
        *(f"{_TEXTS[name]} changed" for name in changed if name in _TEXTS),
    ]
    if not said:
        return ""
    text = f"{words.several(said, most=9)} since the last run, so differences may come from that."
    return text[0].upper() + text[1:]


def _values(settings: Settings, before: Settings, changed: list[str]) -> Iterator[str]:
    """Say each changed setting that is a value, with what it was and what it is."""
    if "version" in changed:
        yield _was(settings, before, "version", "the version of cjmining", str)
    if "patience_s" in changed:
        yield _was(settings, before, "patience_s", "the patience", _period)
    if "stage_patience_s" in changed:
        yield from _stage_patiences(settings, before)
    if "horizon_s" in changed:
        yield _was(settings, before, "horizon_s", "the horizon", _period)
    if "by" in changed:
        yield _was(settings, before, "by", "the grouping", lambda by: words.name(by) if by else "none")
    if "min_group" in changed:
        yield _was(settings, before, "min_group", "the smallest group shown", str)
    if "data_end_given" in changed:
        yield _was(
            settings,
            before,
            "data_end_given",
            "the end of the data",
            lambda end: end or "that of the sources",
        )


def _stage_patiences(settings: Settings, before: Settings) -> Iterator[str]:
    """Say the stages whose patience changed other than with that of the map."""
    now, then = settings["stage_patience_s"], before["stage_patience_s"]
    for stage in now:
        was, is_now = then.get(stage, now[stage]), now[stage]
        if was != is_now and (was, is_now) != (before.get("patience_s"), settings["patience_s"]):
            yield f"the patience of {stage} was changed from {_period(was)} to {_period(is_now)}"


def _was(settings: Settings, before: Settings, name: str, what: str, said: Any) -> str:  # noqa: ANN401 -- a function
    return f"{what} was changed from {said(before[name])} to {said(settings[name])}"


def _period(seconds: float | None) -> str:
    return words.patience(None if seconds is None else timedelta(seconds=seconds))
