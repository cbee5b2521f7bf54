"""Takes out of texts what is no text."""

from __future__ import annotations

import re
from collections.abc import Sequence

HTML_BREAK = re.compile(r"<br\s*/?>", re.I)


def clean_texts(texts: Sequence[str], how: str) -> list[str]:
    """The cleaned texts.

    Args:
        texts: raw texts.
        how: "none", "html_breaks" (`<br />` becomes a space) or "headers" (what stands before the
            first empty line is left out; a text without an empty line stays).
    """
    if how == "html_breaks":
        return [HTML_BREAK.sub(" ", text) for text in texts]
    if how == "headers":
        return [text.split("\n\n", 1)[-1] for text in texts]
    return list(texts)
