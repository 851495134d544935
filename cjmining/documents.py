"""YAML files read safely, with the line of every value, and their mistakes gathered before any is told.

The map, the labels and the study file are read through here. Scalars are read as YAML 1.2 does: only `true`
and `false` are truth values, so that `no` or `on` stay text; times stay text; a number with a leading
zero stays text, since it is an identifier.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args, get_origin

import pydantic
import yaml

from cjmining.errors import CjminingError, nearest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=pydantic.BaseModel)
Steps = tuple[str | int, ...]
"""The way to a value: keys and list indices from the top, as in ``("stages", 0, "owner")``."""

MAX_VALUES = 100_000


@dataclass(frozen=True)
class Mistake:
    """What is wrong, and where."""

    steps: Steps
    what: str
    line: int | None = None


@dataclass(frozen=True)
class Document:
    """A YAML file as plain values, which knows the line of each.

    Attributes
    ----------
    data : Any
        Dicts, lists, text, numbers, truth values and None.
    path : str
        Where it was read, or what it is called in messages.
    text : str
        The file's text.
    lines : dict
        For the way to each value, its line, from 1; empty where the values come from no file.
    mistakes : tuple of Mistake
        What is wrong with the file itself (a key that stands twice); `validate` tells it with the rest.
    """

    data: Any
    path: str
    text: str
    lines: Mapping[Steps, int]
    mistakes: tuple[Mistake, ...] = ()

    def line(self, steps: Sequence[str | int]) -> int:
        """Return the line of a value, or that of the nearest value around it where it is not there."""
        way = tuple(steps)
        while way and way not in self.lines:
            way = way[:-1]
        return self.lines.get(way, 1)

    def describe(self, mistake: Mistake) -> str:
        """Return a mistake as one line: file, line, place, what."""
        place = _place(mistake.steps)
        line = f", line {self.line_of(mistake)}" if self.lines else ""
        return f"{self.path}{line}: {place}{': ' if place else ''}{mistake.what}"

    def line_of(self, mistake: Mistake) -> int:
        """Return the line of a mistake: its own, else that of its place."""
        return self.line(mistake.steps) if mistake.line is None else mistake.line


def read_document(source: str | Path, *, error: type[CjminingError]) -> Document:
    """Read a YAML file.

    Parameters
    ----------
    source : str or Path
        The file.
    error : type of CjminingError
        What to raise where it can't be read.

    Raises
    ------
    error
        If the file is missing, a folder, empty, not UTF-8 or not YAML.
    """
    path = Path(source)
    return parse_document(
        decode(read_content(source, error=error), str(path), error), name=str(path), error=error
    )


def read_content(
    source: str | Path,
    *,
    error: type[CjminingError],
    what: str = "a YAML file",
    suffixes: Sequence[str] = (".yaml", ".yml"),
) -> bytes:
    """Read a file of settings whole.

    Parameters
    ----------
    source : str or Path
        The file.
    error : type of CjminingError
        What to raise where it can't be read.
    what : str
        What is expected there, in messages.
    suffixes : sequence of str
        How the names of such files end: only those are suggested instead of a folder or a missing file.

    Raises
    ------
    error
        If the file is missing, a folder or can't be read.
    """
    path = Path(source)
    if "\n" in str(source):
        raise error(f"expected the path of a file, found text of {str(source).count(chr(10)) + 1} lines")
    if path.is_dir():
        raise error(f"{path} is a folder; {what} is expected{_files_in(path, suffixes)}")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise error(f"{path}: there is no such file{_neighbour(path, suffixes)}") from None
    except OSError as problem:
        raise error(f"{path} can't be read: {problem.strerror}") from None


def parse_document(text: str, *, name: str, error: type[CjminingError]) -> Document:
    r"""Read YAML text; `name` stands for the file in messages.

    Examples
    --------
    >>> document = parse_document("map: Shop\ngoal: [paid]", name="map.yaml", error=CjminingError)
    >>> document.data, document.line(("goal", 0))
    ({'map': 'Shop', 'goal': ['paid']}, 2)
    """
    root = _compose(text, name, error)
    if root is None:
        raise error(f"{name} is empty")
    reading = _Reading()
    data = reading.value(root, ())
    return Document(data, name, text, reading.lines, tuple(reading.mistakes))


def validate(
    document: Document,
    model: type[Model],
    *,
    error: type[CjminingError],
    context: Mapping[str, Any] | None = None,
) -> Model:
    """Hold a document against a pydantic model.

    Raises
    ------
    error
        With all mistakes at once, each with its line; also as `.mistakes`.
    """
    checked, mistakes = check(document, model, context=context)
    if checked is None:
        raise_mistakes(document, mistakes, error=error)
        raise AssertionError  # pragma: no cover -- raise_mistakes always raises
    return checked


def check(
    document: Document, model: type[Model], *, context: Mapping[str, Any] | None = None
) -> tuple[Model | None, list[Mistake]]:
    """Return the validated model, or None and its mistakes, for callers who have more checks to make."""
    if not isinstance(document.data, dict):
        keys = ", ".join(list(_keys_of(model))[:4])
        what = f"expected keys with values ({keys}, ...), found {_found(document.data)}"
        return None, [*document.mistakes, Mistake((), what)]
    try:
        checked = model.model_validate(document.data, context=dict(context or {}))
    except pydantic.ValidationError as problem:
        return None, [*document.mistakes, *_mistakes(document, model, problem.errors())]
    return (None if document.mistakes else checked), list(document.mistakes)


def raise_mistakes(document: Document, mistakes: Sequence[Mistake], *, error: type[CjminingError]) -> None:
    """Raise one `error` that lists all mistakes in the order of their lines."""
    ordered = sorted(mistakes, key=document.line_of)
    lines = tuple(dict.fromkeys(document.describe(mistake) for mistake in ordered))
    if len(lines) == 1:
        raise error(lines[0], mistakes=lines)
    message = "\n".join([f"{document.path} has {len(lines)} mistakes:", *(f"  {line}" for line in lines)])
    raise error(message, mistakes=lines)


_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(\d+(?:\.\d+)?) ?([smhdw])")


def parse_duration(text: object, *, otherwise: str = "") -> timedelta:
    """Read a duration: a number and one of s, m (minutes), h, d, w.

    `otherwise` is what a message names beside durations where something else may stand there too.

    Examples
    --------
    >>> parse_duration("36h")
    datetime.timedelta(days=1, seconds=43200)
    >>> parse_duration("2w")
    datetime.timedelta(days=14)
    """
    if isinstance(text, timedelta):
        return text
    match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        hint = f" (in which unit? {text} days are {text}d)" if _is_number(text) else ""
        expected = f"a duration such as 14d, 36h, 90m (minutes) or 20s{otherwise}"
        raise ValueError(f"expected {expected}, found {_found(text)}{hint}")
    try:
        duration = timedelta(**{_UNITS[match[2]]: float(match[1])})
    except OverflowError:
        raise ValueError(f"the duration {_found(text)} is too long") from None
    if not duration:
        raise ValueError(f"a duration must be longer than nothing, found {_found(text)}")
    return duration


Duration = Annotated[
    timedelta,
    pydantic.BeforeValidator(parse_duration),
    pydantic.WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)? ?[smhdw]$"}),
]
"""A duration in a file: 14d, 36h, 90m, 20s or 2w."""


# Files -------------------------------------------------------------------------------------------------


def decode(content: bytes, name: str, error: type[CjminingError]) -> str:
    """Return the text of a file, its lines ended by newlines alone; `name` stands for it in messages.

    Raises
    ------
    error
        If it is not UTF-8.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise error(f"{name} is UTF-16; save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise error(
            f"{name}, line {line}: byte 0x{content[problem.start]:02x} is not UTF-8; save the file as UTF-8"
        ) from None
    return text.replace("\r\n", "\n")


def _files_in(folder: Path, suffixes: Sequence[str]) -> str:
    files = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in suffixes)
    return f": one of {', '.join(files[:5])} in it?" if files else ""


def _neighbour(path: Path, suffixes: Sequence[str]) -> str:
    try:
        names = sorted(entry.name for entry in path.parent.iterdir() if entry.suffix.lower() in suffixes)
        return nearest(path.name, names)
    except OSError:
        return f" (nor a folder {path.parent})"


def _compose(text: str, name: str, error: type[CjminingError]) -> yaml.Node | None:
    _check_characters(text, name, error)
    loader = yaml.SafeLoader(text)
    try:
        return loader.get_single_node()
    except yaml.MarkedYAMLError as problem:
        raise error(_syntax_error(problem, text, name)) from None
    except RecursionError:
        raise error(f"{name} is nested too deeply to be read") from None
    finally:
        loader.dispose()


def _check_characters(text: str, name: str, error: type[CjminingError]) -> None:
    found = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        raise error(
            f"{name}, line {line}: the character U+{ord(found[0]):04X} can't stand in YAML; remove it"
        )


def _syntax_error(problem: yaml.MarkedYAMLError, text: str, name: str) -> str:
    mark = problem.problem_mark or problem.context_mark
    line = mark.line + 1 if mark else 1
    what = problem.problem or "it can't be read"
    lines = text.split("\n")
    content = lines[line - 1].rstrip() if line <= len(lines) else ""
    if "'\\t'" in what:
        return f"{name}, line {line}: a tab can't indent YAML; use spaces"
    shown = f" (the line reads: {content.strip()[:80]})" if content.strip() else ""
    if "but found another document" in what:
        return f"{name}, line {line}: a second document begins ('---'); one is expected"
    began = problem.context_mark.line + 1 if problem.context_mark else line
    since = f", in what begins on line {began}" if began != line else ""
    return f"{name}, line {line}: this is not YAML: {what}{since}{shown}"


# Values ------------------------------------------------------------------------------------------------

_TAG = "tag:yaml.org,2002:"
_TAGS = {
    _TAG + kind
    for kind in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "value", "merge")
}
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(
    r"[-+]?(0|[1-9][0-9]*)?\.[0-9]+([eE][-+]?[0-9]+)?|[-+]?(0|[1-9][0-9]*)\.?[eE][-+]?[0-9]+"
)
_WORDS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NOTHING = {"", "~", "null", "Null", "NULL"}


class _Reading:
    """One walk over the nodes of a file: values, lines, mistakes."""

    def __init__(self) -> None:
        self.lines: dict[Steps, int] = {}
        self.mistakes: list[Mistake] = []
        self._open: set[int] = set()
        self._count = 0

    def value(self, node: yaml.Node, steps: Steps) -> Any:  # noqa: ANN401 -- any plain value
        self.lines.setdefault(steps, node.start_mark.line + 1)
        self._count += 1
        if self._count > MAX_VALUES or id(node) in self._open:
            if not any("too many values" in mistake.what for mistake in self.mistakes):
                what = f"too many values (over {MAX_VALUES:,}), or an alias (*) that contains itself"
                self.mistakes.append(Mistake(steps, what))
            return None
        if node.tag not in _TAGS:
            tag = node.tag.replace(_TAG, "!!")
            self.mistakes.append(Mistake(steps, f"the tag '{tag}' is not read here; leave it out"))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        self._open.add(id(node))
        if isinstance(node, yaml.MappingNode):
            value: Any = self._mapping(node, steps)
        else:
            value = [self.value(item, (*steps, number)) for number, item in enumerate(node.value)]
        self._open.discard(id(node))
        return value

    def _mapping(self, node: yaml.MappingNode, steps: Steps) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.mistakes.append(Mistake(steps, "a key must be a word, not a list or mapping", line))
                continue
            key = str(key_node.value)
            if key in values:
                what = f"the key '{key}' stands twice, on lines {self.lines[*steps, key]} and {line}"
                self.mistakes.append(Mistake(steps, what, line))
                continue
            self.lines[*steps, key] = line
            values[key] = self.value(value_node, (*steps, key))
        return values

    def _scalar(self, node: yaml.ScalarNode) -> str | int | float | bool | None:
        text = str(node.value)
        if node.style is not None:
            return text
        if text in _NOTHING:
            return None
        if text in _WORDS:
            return _WORDS[text]
        if node.tag == f"{_TAG}str" and _WHOLE.fullmatch(text):
            return text  # written as `!!str 12`
        if _WHOLE.fullmatch(text):
            return int(text) if len(text) <= 18 else text
        return float(text) if _DECIMAL.fullmatch(text) else text


# Mistakes ----------------------------------------------------------------------------------------------


def _mistakes(
    document: Document, model: type[pydantic.BaseModel], errors: list[ErrorDetails]
) -> list[Mistake]:
    located = [(_steps_in(document.data, details), details) for details in errors]
    unknown = [steps for steps, details in located if details["type"] == "extra_forbidden"]
    return [
        _mistake(document, model, steps, details)
        for steps, details in located
        if not _is_a_consequence(steps, details, unknown)
    ]


def _is_a_consequence(steps: Steps, details: ErrorDetails, unknown: list[Steps]) -> bool:
    """Say whether a mistake only follows from another: a list is not empty because its items are wrong."""
    if details["type"] == "too_short":
        return bool(details["input"])
    return details["type"] == "missing" and any(_is_misspelt(steps, other) for other in unknown)


def _is_misspelt(missing: Steps, unknown: Steps) -> bool:
    """A key that is missing because it is misspelt is told once, as the unknown key that it is."""
    return missing[:-1] == unknown[:-1] and bool(nearest(str(unknown[-1]), [str(missing[-1])]))


def _mistake(
    document: Document, model: type[pydantic.BaseModel], steps: Steps, details: ErrorDetails
) -> Mistake:
    key = str(steps[-1]) if steps else ""
    if details["type"] == "extra_forbidden":
        known = list(_keys_of(_annotation_at(model, steps[:-1])))
        hint = nearest(key, known) or f"; possible are {', '.join(known)}"
        return Mistake(steps[:-1], f"unknown key '{key}'{hint}", document.line(steps))
    if details["type"] == "missing":
        return Mistake(steps[:-1], f"'{key}' is missing")
    return Mistake(steps, _in_words(details, _annotation_at(model, steps)))


def _steps_in(data: Any, details: ErrorDetails) -> Steps:  # noqa: ANN401 -- any plain value
    """Return pydantic's location without the parts that name its own validators."""
    steps: list[str | int] = []
    here = data
    for part in details["loc"]:
        if isinstance(here, dict) and (part in here or details["type"] == "missing"):
            here = here.get(part)
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
        else:
            continue
        steps.append(part)
    return tuple(steps)


def _annotation_at(model: Any, steps: Steps) -> Any:  # noqa: ANN401 -- types of any kind
    """Return the type that a model asks for at a place."""
    here: Any = model
    for step in steps:
        here = _bare(here)
        if isinstance(here, type) and issubclass(here, pydantic.BaseModel):
            field = here.model_fields.get(str(step))
            here = field.annotation if field else None
        else:
            inner = get_args(here)
            here = inner[-1 if get_origin(here) is dict else 0] if inner else None
    return _bare(here)


def _bare(annotation: Any) -> Any:  # noqa: ANN401 -- types of any kind
    """Strip Annotated and "or None" from a type."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    options = [option for option in get_args(annotation) if option is not type(None)]
    is_optional = type(None) in get_args(annotation)
    return _bare(options[0]) if is_optional and options else annotation


def _keys_of(annotation: Any) -> Iterator[str]:  # noqa: ANN401 -- types of any kind
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        yield from (field.alias or name for name, field in annotation.model_fields.items())


def _in_words(details: ErrorDetails, annotation: Any) -> str:  # noqa: ANN401 -- types of any kind
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    found = _found(value)
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        options = re.findall(r"'([^']*)'", str(context["expected"]))
        return f"expected {_one_of(options)}, found {found}{nearest(str(value), options)}"
    if kind in _LIMITS:
        name, words = _LIMITS[kind]
        return f"expected {words} {context[name]:g}, found {found}"
    if kind in {"too_short", "string_too_short"}:
        return "must not be empty"
    if kind in {"tuple_type", "list_type"}:
        return f"expected a list such as [{value if isinstance(value, str) else 'a, b'}], found {found}"
    if kind in {"dict_type", "model_type", "model_attributes_type"}:
        key = next(_keys_of(annotation), "key")
        return f"expected {{{key}: {value if isinstance(value, str) else '...'}, ...}}, found {found}"
    if kind == "string_type":
        hint = "; quotes make it text" if isinstance(value, (bool, int, float)) else ""
        return f"expected text, found {found}{hint}"
    for part, words in _EXPECTED.items():
        if part in kind:
            return f"expected {words}, found {found}"
    return f"{details['msg'][:1].lower()}{details['msg'][1:]}, found {found}"


_LIMITS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_EXPECTED = {"bool": "true or false", "int": "a whole number", "float": "a number", "finite": "a number"}


def _one_of(options: Sequence[str]) -> str:
    return options[0] if len(options) == 1 else f"{', '.join(options[:-1])} or {options[-1]}"


def _found(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"'{value if len(value) <= 60 else value[:57] + '...'}'"
    if isinstance(value, dict):
        return f"keys with values ({', '.join(list(value)[:3])})" if value else "an empty mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return str(value)


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        return value.isdigit()
    return isinstance(value, int) and not isinstance(value, bool)


def _place(steps: Steps) -> str:
    """Return the way to a value as people write it: stages[1].touchpoints[0]."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")
