"""One prompt as text: tokens as they are, those that were left out struck through.

White space is shown by signs, letters that no font here has by their numbers, and a ``$`` starts no formula.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qd.errors import QDError
from qd.view.style import LINE, NOTE, POINTS, TITLE_SIZE, WIDTH, figure, put_title, run_title, text_width, wrapped

_SIGNS = {" ": "·", "\n": "↵", "\t": "⇥", "\r": "\\r", "\xa0": "⍽"}
_TEXT_SIZE, _LEADING = 8.5, 13.5  # points
MARGIN = 11.0  # points beside text
LINES = 90  # that a picture holds
_GONE, _GONE_LINE, _FIELD = "#767676", "#a0a0a0", "#dbe9f6"
INK = "#1a1a1a"


def shown(text: str) -> str:
    r"""A token as a picture shows it: white space by signs, what no font has by its number.

    >>> shown(" great\n"), shown("\x1b[0m")
    ('·great↵', '\\x1b[0m')
    """
    return "".join(_SIGNS.get(letter) or (letter if _drawable(letter) else _number(letter)) for letter in text)


def _number(letter: str) -> str:
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@lru_cache(4096)
def _drawable(letter: str) -> bool:
    return letter.isprintable() and bool(_font().get_char_index(ord(letter)))


@lru_cache(1)
def _font() -> Any:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return get_font(findfont(FontProperties(family="DejaVu Sans")))


def drawable(text: str) -> str:
    """For matplotlib: a dollar sign is a dollar sign."""
    return text.replace("$", r"\$")


# ---------------------------------------------------------------- one prompt


def prompt_figure(
    words: Sequence[str], kept: ArrayLike, summary: Mapping[str, Any], note: str = "", fields: Sequence[int] = ()
) -> Any:
    """A prompt with the tokens that were left out struck through, in grey.

    Args:
        words: d texts of tokens.
        kept: (d,) true where one stays.
        summary: of the run, for the title.
        note: what the title adds.
        fields: numbers of the tokens that are places of an example's fields; they are boxed.

    Raises:
        QDError: where there are not as many of ``kept`` as of ``words``.
    """
    from matplotlib.patches import Rectangle

    mask = np.asarray(kept).astype(bool)
    if mask.shape != (len(words),):
        raise QDError(f"prompt_figure.kept: got shape {mask.shape}, wanted ({len(words)},), one a token")
    rows, left = _set(words, (WIDTH * POINTS) - 2 * MARGIN)
    tokens, places = len(words) - len(set(fields)), set(fields)
    stay = int(mask.sum()) - sum(bool(mask[i]) for i in places)
    count = f"{stay} of {tokens} tokens kept" + (f" ({100 * stay / tokens:.0f} %)" if tokens else "")
    fig, axes = _page(len(rows) + bool(left), summary, f"{note}; {count}" if note else count)
    for line, row in enumerate(rows):
        base = -(line + 0.7) * _LEADING
        for number, x, width, text in row:
            if number in places:
                axes.add_patch(Rectangle((x - 0.5, base - 3), width + 1, _LEADING - 2.5, fc=_FIELD, ec=LINE, lw=0.7))
            color = INK if mask[number] else _GONE
            axes.text(x, base, drawable(text), size=_TEXT_SIZE, color=color, va="baseline", ha="left")
            if not mask[number]:
                axes.plot([x, x + width], [base + 2.6] * 2, color=_GONE_LINE, linewidth=1.1, solid_capstyle="butt")
    if left:
        axes.text(0, -(len(rows) + 0.7) * _LEADING, f"… and {left} more tokens", size=_TEXT_SIZE, color=NOTE,
                  style="italic")  # fmt: skip
    return fig


_Placed = tuple[int, float, float, str]  # token, x [points], width, text


def _set(words: Sequence[str], width: float) -> tuple[list[list[_Placed]], int]:
    """Lines of tokens side by side, and how many tokens found no room. A line break in a token ends its line."""
    lines: list[list[_Placed]] = [[]]
    x = 0.0
    for number, word in enumerate(words):
        for text in _cut(shown(word), width):
            wide = text_width(text, _TEXT_SIZE)
            if x and x + wide > width:
                lines.append([])
                x = 0.0
            if len(lines) > LINES:
                return lines[:LINES], len(words) - number
            lines[-1].append((number, x, wide, text))
            x += wide
        if "\n" in word and number + 1 < len(words):
            lines.append([])
            x = 0.0
    return lines, 0


def _cut(text: str, width: float) -> list[str]:
    """Pieces of a token, each far shorter than a line: what is drawn is a little wider than what is measured."""
    most = max(1, int(width / 25))
    return [text[start : start + most] for start in range(0, len(text), most)]


def _page(lines: float, summary: Mapping[str, Any], note: str) -> tuple[Any, Any]:
    """A figure for so many lines of text under the title, and axes in points, the origin at the top left."""
    room = (WIDTH - 0.3) * POINTS
    above = wrapped(run_title(summary), room, TITLE_SIZE) + "\n" + wrapped(note, room, TITLE_SIZE)
    head = (above.count("\n") + 1) * TITLE_SIZE * 1.3 + 20
    body = max(lines, 1) * _LEADING + 6
    fig = figure((head + body) / POINTS)
    axes = fig.add_subplot()
    axes.set_axis_off()
    put_title(fig, summary, note)
    box = axes.get_position()
    axes.set(xlim=(0, box.width * WIDTH * POINTS), ylim=(-box.height * (head + body), 0))
    return fig, axes
