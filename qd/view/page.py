"""A page of plain HTML: everything that is put into it is escaped, it has no scripts, and loads nothing."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Any

from archives.escape import escaped

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # a browser runs and loads nothing else
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --quiet: #59636e; --paper: #fff; --card: #f5f7f9; --line: #d9dee3;
  --accent: #0b6bb0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --quiet: #9aa5b1; --paper: #14181c; --card: #1d2329;
  --line: #343c45; --accent: #6cb6f0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
p.note, figcaption, .unit { color: var(--quiet); }
p.note { margin: .2rem 0 .6rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .6rem; margin: 1.2rem 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .55rem .8rem; }
.card b { display: block; font-size: 1.3rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.card span { color: var(--quiet); font-size: .85rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
table.pairs { width: auto; }
th, td { text-align: start; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid var(--line); }
th { color: var(--quiet); font-weight: 600; white-space: nowrap; }
td.number, th.number { text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.name { white-space: nowrap; }
td.text { min-width: 14rem; }
pre, code { font: .85rem/1.45 ui-monospace, monospace; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem; margin: .4rem 0;
  white-space: pre-wrap; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); gap: 1rem; }
figure { margin: 0; break-inside: avoid; }
figure img { width: 100%; height: auto; background: #fff; border: 1px solid var(--line); border-radius: 6px; }
bdi { unicode-bidi: isolate; }
@media print { body { max-width: none; padding: 0; font-size: 11px; } h2 { break-after: avoid; }
  .figures { grid-template-columns: 1fr 1fr; } details > * { display: block; } }
@media (max-width: 30rem) { .figures { grid-template-columns: 1fr; } }
"""


class Html(str):
    """Text that is HTML already, made in this module: nothing that a user wrote."""

    __slots__ = ()


def page(title: str, parts: Iterable[Html]) -> str:
    """A whole document."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(title)}</title>\n<style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def put(value: Any) -> Html:
    """A value as text that keeps its direction to itself; ``Html`` as it is."""
    return value if isinstance(value, Html) else Html(f"<bdi>{escaped(value)}</bdi>")


def heading(text: str, level: int = 2) -> Html:
    """A heading."""
    return Html(f"<h{level}>{put(text)}</h{level}>")


def note(text: str) -> Html:
    """A quiet paragraph."""
    return Html(f'<p class="note">{put(text)}</p>')


def code(text: str) -> Html:
    """Text with its line breaks."""
    return Html(f"<pre>{escaped(text)}</pre>")


def folded(summary: str, inside: Html) -> Html:
    """What is opened by a click."""
    return Html(f"<details><summary>{put(summary)}</summary>{inside}</details>")


def cards(pairs: Iterable[tuple[str, str]]) -> Html:
    """Numbers to see first: (label, value)."""
    made = "".join(f'<div class="card"><b>{put(value)}</b><span>{put(label)}</span></div>' for label, value in pairs)
    return Html(f'<div class="cards">{made}</div>')


def table(rows: Iterable[Sequence[Any]], head: Sequence[str] = (), kinds: Sequence[str] = ()) -> Html:
    """A table.

    Args:
        rows: values, or ``Html``.
        head: titles of the columns.
        kinds: of the columns: ``"number"``, ``"name"``, ``"text"`` or ``""``.
    """

    def cells(row: Sequence[Any], tag: str) -> str:
        classes = [f' class="{kind}"' if kind else "" for kind in [*kinds, *[""] * len(row)][: len(row)]]
        return "".join(f"<{tag}{cls}>{put(value)}</{tag}>" for cls, value in zip(classes, row, strict=True))

    top = f"<thead><tr>{cells(head, 'th')}</tr></thead>" if head else ""
    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    pairs = ' class="pairs"' if not head else ""
    return Html(f'<div class="wide"><table{pairs}>{top}<tbody>{body}</tbody></table></div>')


def picture(data: bytes, caption: str) -> Html:
    """A PNG inside the page."""
    return Html(
        f'<figure><img alt="{escaped(caption)}" src="data:image/png;base64,{b64encode(data).decode()}">'
        f"<figcaption>{put(caption)}</figcaption></figure>"
    )


def figures(made: Iterable[Html]) -> Html:
    """Pictures beside each other."""
    return Html(f'<div class="figures">{"".join(made)}</div>')
