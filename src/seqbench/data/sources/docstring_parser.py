"""Reads docstring summaries out of Python files, as a program of its own.

It imports nothing but the standard library, so that it starts at once and can be run in several
processes without importing what the calling program has loaded: paths come in as a JSON list, one
line of JSON goes out a file, `[index, [[kind, name, summary], ...]]`.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator

KINDS = {
    ast.Module: "module",
    ast.ClassDef: "class",
    ast.FunctionDef: "function",
    ast.AsyncFunctionDef: "function",
}


def parse_file(path: str) -> list[tuple[str, str, str]]:
    """The (kind, name, summary) of every docstring; empty where the file is not valid Python."""
    try:
        with open(path, "rb") as file:
            code = file.read()
        # a docstring without triple quotes is rare, and parsing is what costs
        if b'"""' not in code and b"'''" not in code:
            return []
        tree = ast.parse(code)
    except (SyntaxError, ValueError, OSError, RecursionError, MemoryError):
        return []
    return list(_summaries(tree))


def summary_of(docstring: str) -> str:
    """The first paragraph, without an example that follows at once, on one line."""
    paragraph: list[str] = []
    for line in docstring.strip().splitlines():
        words = line.split()
        if not words or words[0].startswith((">>>", "---", "===", "~~~")):
            break
        paragraph += words
    return " ".join(paragraph)


def _summaries(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    """In the order of the file; only statements are walked, never expressions."""
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        kind = KINDS.get(type(node))
        if kind is not None:
            docstring = ast.get_docstring(node, clean=False)  # type: ignore[arg-type]
            if docstring and (summary := summary_of(docstring)):
                yield kind, getattr(node, "name", ""), summary
        for field in ("finalbody", "orelse", "handlers", "body"):
            stack.extend(reversed(getattr(node, field, ())))


def main() -> None:
    """Parse the files named on standard input; results go to standard output as they come."""
    for index, path in json.load(sys.stdin):
        print(json.dumps([index, parse_file(path)]), flush=True)


if __name__ == "__main__":
    main()
