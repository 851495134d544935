"""Write the folder that Sphinx builds: `python -m docs.assemble build/docs-source`."""

from __future__ import annotations

import sys
from pathlib import Path

from docs.assemble.site import assemble

if __name__ == "__main__":
    assemble(Path(sys.argv[1]))
