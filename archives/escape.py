"""Text as HTML that shows it and does nothing else."""

from html import escape
from unicodedata import category


def escaped(text: object) -> str:
    r"""Any value as text for a page: no tag, no attribute, and no mark that turns the direction of what follows.

    Characters that are not to be seen (controls, marks of direction, half characters) stand as their escapes.

    >>> escaped('<b a="1">\u202ex')
    '&lt;b a=&quot;1&quot;&gt;\\u202ex'
    """
    plain = "".join(
        c if c in "\n\t" or category(c) not in ("Cc", "Cf", "Cs") else c.encode("unicode_escape").decode()
        for c in str(text)
    )
    return escape(plain, quote=True)
