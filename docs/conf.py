"""How Sphinx builds the site; `make docs` puts its pages together first (docs/assemble)."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import os
from pathlib import Path

import numpydoc.xref
from nbclient import NotebookClient

import cjmining
from cjmining.results import Result
from docs.assemble.links import in_docstring
from docs.assemble.names import documented, is_class


def _code() -> str:
    """Return what the code is known by: a run of a notebook by other code tells nothing."""
    digest = hashlib.sha256()
    for path in sorted(Path(cjmining.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


project = "cjmining"
author = "the authors of cjmining"
copyright = "the authors of cjmining, Apache-2.0"  # noqa: A001 -- Sphinx's own name for it
version = release = cjmining.__version__

extensions = [
    "sphinx.ext.autodoc",
    "numpydoc",
    "myst_nb",
    "sphinx_design",
    "sphinx_copybutton",
]
exclude_patterns = ["data/**", "schema/**", "readings/*.yaml", "**/.ipynb_checkpoints"]
nitpicky = True
default_role = "code"
suppress_warnings = ["config.cache"]  # the hook below can't be pickled, and needn't be

# Pages
myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 4
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True

# Notebooks are kept without what they show, so they are run here, on the sample; a run is kept until they
# change.
NotebookClient.extra_arguments.default_args = (["--log-level=40"],)  # kernels warn of how they are spoken to
nb_execution_mode = "cache"
nb_execution_cache_path = str(
    Path(os.environ.get("CJMINING_DOCS_CACHE", "build/docs-cache")).resolve() / _code()
)
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # nothing from another machine

# The reference
autodoc_typehints = "none"  # the docstrings say more
autodoc_member_order = "bysource"
add_module_names = False
python_display_short_literal_types = True
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_attributes_as_param_list = True
numpydoc.xref.DEFAULT_LINKS.clear()  # Python's own types: their pages are elsewhere, and nothing is fetched
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"  # what others' types are is not said here
numpydoc_xref_aliases = {
    name.rpartition(".")[2]: f"cjmining.{name}" for name in documented() if is_class(name)
}

# How it looks
html_theme = "pydata_sphinx_theme"
html_title = "cjmining"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_favicon = "_static/mark.svg"
html_show_sourcelink = False
html_copy_source = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "cjmining", "image_light": "_static/mark.svg", "image_dark": "_static/mark-dark.svg"},
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "show_prev_next": False,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {"index": [], "gallery": [], "changelog": [], "installation": [], "tour": []}

_LONGEST = 600
"""Letters of a signature that still helps; the parameters are told below it anyway."""


def setup(app: object) -> None:
    """Let signatures of logs and results go (nobody makes one by hand), and link names in docstrings."""
    app.connect("autodoc-process-signature", _without_fields)  # type: ignore[attr-defined]
    app.connect("autodoc-process-docstring", _linked)  # type: ignore[attr-defined]


def _without_fields(
    _app: object, what: str, _name: str, thing: object, _options: object, signature: str, _returned: object
) -> tuple[str, None] | None:
    if what != "class" or not inspect.isclass(thing) or not dataclasses.is_dataclass(thing):
        return None
    kept_inside = any(field.name.startswith("_") for field in dataclasses.fields(thing))
    too_long = len(signature or "") > _LONGEST
    return ("", None) if kept_inside or too_long or issubclass(thing, Result) else None


def _linked(_app: object, _what: str, name: str, _thing: object, _options: object, lines: list[str]) -> None:
    lines[:] = [in_docstring(line, within=name) for line in lines]
