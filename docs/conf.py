"""Configuration of Sphinx: ``make docs``. Nothing of it asks the network."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from horizon_ryu import __version__

project = "Horizon"
author = "The Horizon maintainers"
copyright = f"{author}; Apache-2.0"
version = release = __version__

extensions = ["tools.docs.extension"]
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {
    "description": "Virtual networks you can pilot",
    "page_width": "1100px",
    "fixed_sidebar": True,
}
html_show_sphinx = False
html_show_sourcelink = False
highlight_language = "none"
nitpicky = True
# What a schema of REST calls itself is no title of a page.
suppress_warnings = ["misc.highlighting_failure"]
