"""Takes out of texts what is no text."""

from __future__ import annotations

import re
from collections.abc import Sequence

HTML_BREAK = re.compile(r"<br\s*/?>", re.I)
HEADER = re.compile(r"^(?:from|subject|organization|lines):", re.I | re.M)


def clean_texts(texts: Sequence[str], how: str) -> list[str]:
    """The cleaned texts.

    Args:
        texts: raw texts.
        how: "none", "html_breaks" (`<br />` becomes a space) or "headers" (what stands before the
            first empty line is left out where it holds a sender, a subject or the like: copies of
            20 Newsgroups without headers keep their first paragraph).
    """
    if how == "html_breaks":
        return [HTML_BREAK.sub(" ", text) for text in texts]
    if how == "headers":
        return [_without_headers(text) for text in texts]
    return list(texts)


def _without_headers(text: str) -> str:
    head, empty_line, body = text.partition("\n\n")
    return body if empty_line and HEADER.search(head) else text
