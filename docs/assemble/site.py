"""The folder that Sphinx builds: the pages of `docs/`, others from their places, and made ones."""

from __future__ import annotations

from pathlib import Path

from docs.assemble import (
    api_pages,
    command_page,
    decision_pages,
    format_pages,
    gallery_page,
    source_pages,
)
from docs.assemble.links import linked

ROOT = Path(__file__).resolve().parents[2]

ELSEWHERE = {
    "CHANGELOG.md": "changelog.md",
    "benchmarks/README.md": "benchmarks/index.md",
    "benchmarks/accuracy/README.md": "benchmarks/accuracy.md",
    "data/samples/shop/README.md": "sample.md",
}
"""Pages that stand elsewhere in the repository, and where the site has them."""

_NOT_PAGES = ("assemble", "gallery")


def assemble(folder: Path) -> None:
    """Write everything that Sphinx reads into a folder; what no longer belongs there is taken away."""
    files = site_files()
    for path in sorted(folder.rglob("*"), reverse=True) if folder.is_dir() else []:
        if path.is_file() and not path.is_symlink() and path.relative_to(folder).as_posix() not in files:
            path.unlink()
    for name, content in files.items():
        _write(folder / name, content)
    data = folder / "data"
    if not data.exists():
        data.symlink_to(ROOT / "data", target_is_directory=True)  # what notebooks and the tour read


def site_files() -> dict[str, str | Path]:
    """Return every file of the site's folder by its name: its text, or the file to copy."""
    places = page_places()
    files: dict[str, str | Path] = {}
    for origin, place in places.items():
        path = ROOT / origin
        files[place] = (
            linked(path.read_text(encoding="utf-8"), origin, place, places) if _is_text(path) else path
        )
    return files | made_pages()


def made_pages() -> dict[str, str]:
    """Return the pages that are made from the code and from what lies in folders."""
    return {
        **api_pages.pages(),
        **source_pages.pages(),
        **format_pages.pages(),
        **command_page.pages(),
        **decision_pages.pages(ROOT / "docs" / "decisions"),
        **gallery_page.pages(ROOT / "docs" / "images" / "gallery"),
    }


def page_places() -> dict[str, str]:
    """Return where the site has each file of the repository that it shows."""
    docs = ROOT / "docs"
    inside = (path.relative_to(docs) for path in sorted(docs.rglob("*")) if path.is_file())
    places = {
        f"docs/{path.as_posix()}": path.as_posix()
        for path in inside
        if path.parts[0] not in _NOT_PAGES and "__pycache__" not in path.parts
    }
    notebooks = {f"notebooks/{path.name}": f"notebooks/{path.name}" for path in _notebooks()}
    return places | ELSEWHERE | notebooks


def _notebooks() -> list[Path]:
    return sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))


def _is_text(path: Path) -> bool:
    return path.suffix == ".md"


def _write(path: Path, content: str | Path) -> None:
    """Write a file only where it says something else, so that Sphinx reads again what has changed alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = content.read_bytes() if isinstance(content, Path) else content.encode()
    if not path.is_file() or path.read_bytes() != new:
        path.write_bytes(new)
