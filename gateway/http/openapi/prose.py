"""Docstrings as HTML: paragraphs, lists and code, which is all that they hold."""

import re
from html import escape

CODE = re.compile(r"`+([^`]+)`+")
ITEM = re.compile(r"^[-*] ", re.MULTILINE)


def as_html(text: str) -> str:
    """Of what a docstring says."""
    return "".join(_block(each) for each in re.split(r"\n\s*\n", text.strip()) if each)


def _block(text: str) -> str:
    if ITEM.match(text):
        items = "".join(f"<li>{_inline(each)}" for each in ITEM.split(text) if each.strip())
        return f"<ul>{items}</ul>"
    if all(line.startswith("    ") for line in text.splitlines()):
        return f"<pre>{escape(text)}</pre>"
    return f"<p>{_inline(text)}</p>"


def _inline(text: str) -> str:
    return CODE.sub(r"<code>\1</code>", escape(text.strip()))
