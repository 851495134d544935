"""Links in pages: to files where the site has them, and from names of the code to what is said of them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

from docs.assemble.names import METHODS_OF, documented

_LINK = re.compile(r"(?P<before>!?)\[(?P<text>[^\]\[]*(?:\[[^\]]*\][^\]\[]*)*)\]\((?P<target>[^)\s]+)\)")
_FENCE = re.compile(r"^ {0,3}(```|~~~)")
_NAME = re.compile(
    r"(?<![`\[\w}])`(?P<said>(?P<name>(?:cj|cjmining|log|check|found)(?:\.\w+)+)(?:\([^`]*\))?)`(?![`\]])"
)
_IN_DOCSTRING = re.compile(r"(?<![`:])`cj\.(?P<name>[\w.]+)(?:\([^`]*\))?`(?!`)")
_VARIABLES = {"log": "JourneyLog", "check": "Conformance", "found": "Discovery"}


def linked(text: str, origin: str, place: str, places: Mapping[str, str]) -> str:
    """Return a page with its links as the site needs them.

    Parameters
    ----------
    text : str
        The page, as Markdown.
    origin, place : str
        Where it stands in the repository, and where in the site.
    places : {origin: place}
        Of all files that the site has.
    """
    lines, inside = [], False
    for line in text.split("\n"):
        if _FENCE.match(line):
            inside = not inside
            lines.append(line)
            if not inside and len(lines) > 1 and not lines[-2].strip():
                del lines[-2]  # the empty line that ends an example, for those who run it
        elif inside:
            lines.append(line)
        else:
            lines.append(_with_names(_LINK.sub(lambda found: _moved(found, origin, place, places), line)))
    return "\n".join(lines)


def named(text: str) -> str:
    """Return a page that is made, without code of its own, with the names of the code as links."""
    return "\n".join(map(_with_names, text.split("\n")))


def _with_names(line: str) -> str:
    return line if line.startswith("#") else _NAME.sub(_named, line)


def _moved(found: re.Match[str], origin: str, place: str, places: Mapping[str, str]) -> str:
    """Return the link with the target's place in the site; its text alone where the site doesn't have it."""
    target, _, anchor = found["target"].partition("#")
    if not target or re.match(r"[a-z]+:", target):
        return found[0]
    file = posixpath.normpath(posixpath.join(posixpath.dirname(origin), target))
    there = site_place(file, places)
    if there is None:
        return found["text"]
    relative = posixpath.relpath(there, posixpath.dirname(place) or ".")
    return f"{found['before']}[{found['text']}]({relative}{'#' + anchor if anchor else ''})"


def site_place(file: str, places: Mapping[str, str]) -> str | None:
    """Return where the site has a file or folder of the repository; None where it doesn't."""
    made = {
        "docs/decisions": "decisions/index.md",
        "docs/discovery": "discovery/index.md",
        "docs": "index.md",
    }
    if file in places:
        return places[file]
    if file in made:
        return made[file]
    if file.startswith(("docs/api/", "docs/sources/")) or file in {
        "docs/gallery.md",
        "docs/log-format.md",
        "docs/command-line.md",
    }:
        return file.removeprefix("docs/")
    return None


def in_docstring(line: str, *, within: str = "") -> str:
    """Return a line of a docstring with the names of the code as links, but for its own name."""
    if ">>>" in line or line.lstrip().startswith("..."):
        return line
    return _IN_DOCSTRING.sub(lambda found: _role(found, within), line)


def _role(found: re.Match[str], within: str) -> str:
    name = found["name"]
    if name not in documented() or within.startswith(f"cjmining.{name}"):
        return found[0]
    return f":py:obj:`cj.{name} <cjmining.{name}>`"


def _named(found: re.Match[str]) -> str:
    """Return a name of the code as a link to its page, where it has one."""
    first, *rest = found["name"].split(".")
    owner = _VARIABLES.get(first)
    if owner is None:
        name = ".".join(rest)
        return f"{{py:obj}}`{found['said']} <cjmining.{name}>`" if name in documented() else found[0]
    if len(rest) == 1 and rest[0] in METHODS_OF(owner):
        return f"{{py:obj}}`{found['said']} <cjmining.{owner}.{rest[0]}>`"
    return found[0]
