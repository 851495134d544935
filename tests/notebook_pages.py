"""Pages that dress an output as notebooks do, with the rules by which each would spoil a table."""

from __future__ import annotations

_JUPYTER = """
.jp-RenderedHTMLCommon { color: var(--text); font: 14px/1.6 system-ui, sans-serif; padding-right: 20px }
.jp-RenderedHTMLCommon ul:not(.list-inline) { padding-left: 2em }
.jp-RenderedHTMLCommon ul { list-style: disc; margin-bottom: 1em }
.jp-RenderedHTMLCommon table { border-collapse: collapse; border: none; color: var(--ui); font-size: 13px;
  table-layout: fixed; margin: 0 auto 1em }
.jp-RenderedHTMLCommon thead { border-bottom: 1px solid var(--rule); vertical-align: bottom }
.jp-RenderedHTMLCommon td, .jp-RenderedHTMLCommon th, .jp-RenderedHTMLCommon tr { vertical-align: middle;
  padding: .5em; line-height: normal; white-space: normal; max-width: none; border: none }
:not(.jp-RenderedMarkdown).jp-RenderedHTMLCommon td, :not(.jp-RenderedMarkdown).jp-RenderedHTMLCommon th,
:not(.jp-RenderedMarkdown).jp-RenderedHTMLCommon tr { text-align: right }
.jp-RenderedHTMLCommon tbody tr:nth-child(odd) { background: var(--paper) }
.jp-RenderedHTMLCommon tbody tr:nth-child(even) { background: var(--zebra) }
.jp-RenderedHTMLCommon p { text-align: left; margin: 0 0 1em }
.jp-OutputArea-child { display: table; table-layout: fixed; width: 100%; overflow: hidden }
.jp-OutputPrompt { display: table-cell; width: 64px; vertical-align: top }
.jp-OutputArea-output { width: 100%; overflow: auto; display: table-cell }
"""
_JUPYTER_COLOURS = {
    "light": "--text: rgba(0,0,0,.87); --ui: rgba(0,0,0,.87); --paper: #fff; --zebra: #eee; --rule: #bdbdbd",
    "dark": "--text: #fff; --ui: rgba(255,255,255,.87); --paper: #111; --zebra: #212121; --rule: #616161",
}
_CODE = """
body { font: 13px/1.4 system-ui, sans-serif; background: var(--paper); color: var(--text) }
table { border-collapse: collapse } table, thead, tr, th, td, tbody { border: none }
table th, table tr { vertical-align: middle; text-align: right } table, th, td { font-size: 12px }
thead { background-color: rgba(130,130,130,.16) } th, td { padding: 4px 8px }
tr:nth-child(even) { background-color: rgba(130,130,130,.08) } tbody th { font-weight: normal }
"""
_CODE_COLOURS = {
    "light": "--paper: #ffffff; --text: #3b3b3b",
    "dark": "--paper: #1f1f1f; --text: #cccccc",
}
_PYDATA = """
body { font: 16px/1.65 system-ui, sans-serif; background: var(--page); color: var(--page-text) }
.bd-content { max-width: 740px }
.cell_output { color-scheme: light; color: #222832 }
html[data-theme=dark] .cell_output .text_html { background: #fff; padding: .5rem }
table { display: table; width: fit-content; max-width: 100%; overflow: auto }
p { margin-bottom: 1.15rem } ul { padding-left: 2rem } .output { max-width: 100%; overflow-x: auto }
details { margin: 1em 0; padding: 1em; border: 2px solid red }
"""
_PYDATA_COLOURS = {
    "light": "--page: #fff; --page-text: #222832",
    "dark": "--page: #14181e; --page-text: #ced6dd",
}
NOTEBOOKS = ("jupyter", "code", "pydata")
SCHEMES = ("light", "dark")


def page(notebook: str, scheme: str, outputs: list[str]) -> str:
    """Return a page with outputs: "jupyter" as in JupyterLab, "code" as in VS Code, "pydata" as in a site."""
    rules, colours, output = {
        "jupyter": (_JUPYTER + "body { background: var(--paper) }", _JUPYTER_COLOURS, _JUPYTER_OUTPUT),
        "code": (_CODE, _CODE_COLOURS, '<div class="output"><div class="cell">{}</div></div>'),
        "pydata": (_PYDATA, _PYDATA_COLOURS, _PYDATA_OUTPUT),
    }[notebook]
    cells = "".join(output.replace("{}", each) for each in outputs)
    return (
        f'<!doctype html><html data-theme="{scheme}"><meta charset="utf-8"><style>:root {{{colours[scheme]}}}'
        f'{rules}</style><body class="jp-ThemedContainer"><div class="bd-content">{cells}</div></body></html>'
    )


_JUPYTER_OUTPUT = (
    '<div class="jp-OutputArea-child"><div class="jp-OutputPrompt">[1]:</div>'
    '<div class="jp-RenderedHTMLCommon jp-OutputArea-output cell">{}</div></div>'
)
_PYDATA_OUTPUT = '<div class="cell_output"><div class="output text_html cell">{}</div></div>'
