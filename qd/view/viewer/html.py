"""A packed document and the program that shows it, as one HTML file."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib.resources import files

_SCRIPTS = ("data.js", "archive.js", "map.js", "player.js", "elite.js", "curves.js", "app.js")


def html(packed: str, title: str, version: str = "") -> str:
    """The whole page.

    Args:
        packed: of ``Packing.packed``; base64, so nothing in it can end the element that holds it.
        title: for the browser's window, until the document is read.
        version: of the run's files, where a server hands out the page; empty for a file.
    """
    from plotly.offline import get_plotlyjs

    assets = files("qd.view.viewer") / "assets"
    own = "\n".join((assets / name).read_text() for name in _SCRIPTS)
    program = f'"use strict";\n{own}'
    drawing = get_plotlyjs()
    # The drawing library makes functions of text for its points on the graphics card; nothing else may.
    policy = (
        f"default-src 'none'; script-src {_hash(drawing)} {_hash(program)} 'unsafe-eval'; "
        f"style-src 'unsafe-inline'; img-src data: blob:; connect-src 'self'"
    )
    served = f' data-served="yes" data-version="{escape(version)}"' if version else ""
    return (
        f'<!doctype html>\n<html lang="en"{served}><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{(assets / 'page.css').read_text()}</style></head>\n<body>\n"
        f"{(assets / 'page.html').read_text()}"
        f'<script type="application/octet-stream" id="data">{packed}</script>\n'
        f"<script>{drawing}</script>\n<script>{program}</script>\n</body></html>\n"
    )


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


__all__ = ["html"]
