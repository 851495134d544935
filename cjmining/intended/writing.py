"""A map written back: as the plain values of its file, and as the text of that file."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cjmining.documents import Steps
    from cjmining.intended.model import IntendedMap, Persona, Stage

Plain = dict[str, Any]


def plain(intended: IntendedMap) -> Plain:
    """Return a map as the values of its file: what equals its default is left out.

    Examples
    --------
    >>> from cjmining.intended import parse_map
    >>> till = parse_map("{map: Till, goal: [paid], patience: 48h, "
    ...                  "stages: [{stage: Pay, touchpoints: [{touchpoint: paid}]}]}")
    >>> plain(till)
    {'map': 'Till', 'goal': ['paid'], 'patience': '2d',
     'stages': [{'stage': 'Pay', 'touchpoints': [{'touchpoint': 'paid'}]}]}
    """
    followers: list[tuple[str, ...]] = [*((name,) for name in intended.stage_names[1:]), ()]
    values = _values(intended, without=_NO_KEYS)
    return {
        "map": values.pop("map"),
        "goal": values.pop("goal"),
        **({"exits": values.pop("exits")} if "exits" in values else {}),
        "patience": "never" if intended.patience is None else _plain_value(intended.patience),
        **values,
        "stages": [_stage(stage, after) for stage, after in zip(intended.stages, followers, strict=True)],
        **({"personas": [_persona(one, intended) for one in intended.personas]} if intended.personas else {}),
    }


def to_yaml(data: Plain, *, head: Sequence[str] = (), comments: Mapping[Steps, str] | None = None) -> str:
    """Return the values of a map's file as YAML text, as people write it.

    Parameters
    ----------
    data : dict
        Plain values, such as `plain` gives them.
    head : sequence of str
        Lines of comment to begin with.
    comments : mapping, optional
        For the way to a value, what to say behind the line on which it begins.

    Examples
    --------
    >>> print(to_yaml({"map": "Till", "goal": ["paid", "12"]}, comments={("goal",): "either will do"}))
    map: Till
    goal: [paid, "12"]  # either will do
    """
    writing = _Writing(dict(comments or {}))
    for line in head:
        writing.lines.append(f"# {_comment(line)}".rstrip())
    writing.mapping(data, (), "")
    return "\n".join(writing.lines)


def duration_text(duration: timedelta) -> str:
    """Return a duration as files have it, in the largest unit that divides it.

    Examples
    --------
    >>> duration_text(timedelta(days=14)), duration_text(timedelta(seconds=1.5))
    ('14d', '1.5s')
    """
    microseconds = duration // timedelta(microseconds=1)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if microseconds % (size * 1_000_000) == 0:
            return f"{microseconds // (size * 1_000_000)}{unit}"
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{seconds}.{rest:06d}".rstrip("0").rstrip(".") + "s"


def scalar(value: object) -> str:
    """Return one plain value as YAML that is read back as the same value."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _LARGE else repr(value)
    text = str(value)
    if _BARE.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


class Names:
    """Names given once: the second of a name gets a number.

    Examples
    --------
    >>> names = Names()
    >>> names.of("call"), names.of("call"), names.of("mail_sent", "_sent"), names.of("mail_sent", "_sent")
    ('call', 'call_2', 'mail_sent', 'mail_2_sent')
    """

    def __init__(self, joint: str = "_") -> None:
        self._given: set[str] = set()
        self._joint = joint

    def of(self, name: str, ending: str = "") -> str:
        """Return a name, with a number (before `ending`) where it has been given before."""
        stem = name.removesuffix(ending).removesuffix(ending) if ending else name
        found, number = f"{stem}{ending}", 1
        while found in self._given:
            number += 1
            found = f"{stem}{self._joint}{number}{ending}"
        self._given.add(found)
        return found


_NO_KEYS = {"stages", "personas", "remarks", "settled", "text", "path", "patience"}
"""Attributes of a map that are no keys of its file, or are written in their own way."""

# Values ------------------------------------------------------------------------------------------------


_TIMES = ("patience", "within", "within_share")


def _stage(stage: Stage, following: tuple[str, ...]) -> Plain:
    values = _values(stage, without={"touchpoints", "next", "patience_us"})
    branches = {} if stage.next == following else {"next": list(stage.next)}
    behind = {name: values.pop(name) for name in (*_TIMES, "returns_to") if name in values}
    return {
        **values,
        "touchpoints": [_values(touchpoint) for touchpoint in stage.touchpoints],
        **{name: behind[name] for name in _TIMES if name in behind},
        **branches,
        **{name: behind[name] for name in ("returns_to",) if name in behind},
    }


def _persona(persona: Persona, intended: IntendedMap) -> Plain:
    of_map = {stage.stage: stage for stage in intended.stages}
    values = _values(persona, without={"stages"})
    if persona.stages:
        values["stages"] = [_override(stage, of_map[stage.stage]) for stage in persona.stages]
    return values


def _override(stage: Stage, of_map: Stage) -> Plain:
    """Return what differs from the map's stage; what the persona does without is None or empty."""
    names = [field.name for field in dataclasses.fields(stage) if field.name != "patience_us"]
    differing = [name for name in names if getattr(stage, name) != getattr(of_map, name)]
    kept = differing or ["optional"]  # an override that says what the map says all the same
    return {"stage": stage.stage, **{name: _plain_value(getattr(stage, name)) for name in kept}}


def _values(thing: Any, *, without: set[str] | frozenset[str] = frozenset()) -> Plain:  # noqa: ANN401
    """Return what differs from the defaults of a model class; names in `without` are left out."""
    found = {}
    for field in dataclasses.fields(thing):
        value = getattr(thing, field.name)
        if field.name not in without and not _is_default(field, value):
            found[field.name] = _plain_value(value)
    return found


def _is_default(field: dataclasses.Field[Any], value: object) -> bool:
    if field.default_factory is not dataclasses.MISSING:
        return bool(value == field.default_factory())
    return field.default is not dataclasses.MISSING and bool(value == field.default)


def _plain_value(value: Any) -> Any:  # noqa: ANN401 -- any value of the model
    if dataclasses.is_dataclass(value):
        return _values(value)
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, Mapping):
        return {str(key): _plain_value(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_value(one) for one in value]
    return value


# Text --------------------------------------------------------------------------------------------------

_LARGE = 10**15
"""Whole numbers below are exact as floats, and short enough to be read as numbers."""
_BARE = re.compile(r"[^\W\d_](?:[\w ./()'+&%-]*[\w.)%])?|\d+(?:\.\d+)?[smhdw]")
"""Text that needs no quotes: words, and durations."""
_WORDS = {"true", "false", "null"}
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What can't stand in YAML as it is, or would be read as the end of a line."""


class _Writing:
    """The lines written so far."""

    def __init__(self, comments: dict[Steps, str]) -> None:
        self.lines: list[str] = []
        self._comments = comments

    def mapping(self, values: Plain, steps: Steps, indent: str, *, first: str | None = None) -> None:
        """Write keys with values; `first` stands before the first key where the mapping is in a list."""
        for number, (key, value) in enumerate(values.items()):
            lead = first if number == 0 and first is not None else indent
            self._entry(f"{lead}{scalar(key)}:", value, (*steps, key), indent)

    def _entry(self, lead: str, value: Any, steps: Steps, indent: str) -> None:  # noqa: ANN401
        if not _is_block(value):
            self._line(f"{lead} {_flow(value)}", steps)
            return
        self._line(lead, steps)
        if isinstance(value, dict):
            self.mapping(value, steps, f"{indent}  ")
            return
        for number, item in enumerate(value):
            at = (*steps, number)
            if isinstance(item, dict) and _is_large(item):
                self.mapping(item, at, f"{indent}    ", first=f"{indent}  - ")
            else:
                self._line(f"{indent}  - {_flow(item)}", at)

    def _line(self, text: str, steps: Steps) -> None:
        said = next((self._comments[way] for way in _begun_by(steps) if way in self._comments), None)
        self.lines.append(text if said is None else f"{text}  # {_comment(said)}")


def _comment(text: str) -> str:
    """Return a comment on one line, without what can't stand in YAML."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _begun_by(steps: Steps) -> Iterator[Steps]:
    """Yield the ways whose values begin on the line of `steps`: itself, and the item whose name it is."""
    yield steps
    if steps and steps[-1] in {"stage", "touchpoint", "persona"}:
        yield steps[:-1]


def _is_block(value: object) -> bool:
    """Say whether a value is written over several lines."""
    if isinstance(value, list):
        return any(isinstance(item, dict) for item in value)
    return isinstance(value, dict) and _is_large(value)


def _is_large(value: Plain) -> bool:
    """Say whether a mapping is written with a line a key: stages, touchpoints with much to them, personas."""
    return any(key in value for key in ("stage", "persona")) or (
        "touchpoint" in value and (len(value) > 4 or any(_is_block(one) for one in value.values()))
    )


def _flow(value: Any) -> str:  # noqa: ANN401 -- any plain value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return scalar(value)
