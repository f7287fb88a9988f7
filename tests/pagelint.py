"""What every page must be, checked on each answer the test client gets.

Valid HTML, unique ids, a label for each control, one h1 and no skipped heading, a nonce on
each script, no inline script or style, a name for each picture, link, button and table head.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from xml.etree.ElementTree import Element

import html5lib

_WITHOUT_LABEL = frozenset({"hidden", "submit", "button", "reset", "image"})
_URLS = ("href", "src", "action", "formaction", "hx-get", "hx-post", "hx-put", "hx-delete", "hx-patch")
_IDREFS = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "popovertarget", "list")
_CONTAINERS = {"tr": "tbody", "tbody": "table", "thead": "table", "tfoot": "table", "td": "tr", "th": "tr"}
_CHILDREN = {
    "ul": {"li", "script", "template"},
    "ol": {"li", "script", "template"},
    "dl": {"dt", "dd", "div", "script", "template"},
    "select": {"option", "optgroup", "hr"},
}
_INTERACTIVE = frozenset({"a", "button", "select", "textarea", "details"})
_INLINE = frozenset({"span", "b", "strong", "small", "label", "code", "kbd", "h1", "h2", "h3", "h4", "h5", "h6"})
_BLOCKS = frozenset({"div", "p", "ul", "ol", "dl", "table", "section", "article", "form", "fieldset"})
_FIRST_TAG = re.compile(r"\s*(?:<!--.*?-->\s*)*<([a-z0-9]+)", re.DOTALL)


def lint(html: str, *, nonce: str) -> list[str]:
    """Every fault of a page, or of a fragment (text without a doctype), in words; [] when clean."""
    whole = html.lstrip()[:9].lower() == "<!doctype"
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    if whole:
        tree = parser.parse(html)
    else:
        first = _FIRST_TAG.match(html)
        container = _CONTAINERS.get(first[1], "div") if first else "div"
        tree = parser.parseFragment(html, container=container)
    faults = [_said(html, at, code) for at, code, _ in parser.errors]
    elements = [e for e in tree.iter() if isinstance(e.tag, str)]
    checks = [_ids, _nesting, _controls, _scripts, _handlers, _names, _tables, *([_page, _headings] if whole else [])]
    for check in checks:
        faults += list(check(elements, nonce))
    return faults


def _said(html: str, at: tuple[int, int], code: str) -> str:
    lines = html.splitlines()
    near = lines[at[0] - 1][max(at[1] - 40, 0) : at[1] + 20] if 0 < at[0] <= len(lines) else ""
    return f"invalid HTML, {code} on line {at[0]}: …{near}…"


def _ids(elements: list[Element], _: str) -> Iterator[str]:
    count = Counter(e.attrib["id"] for e in elements if "id" in e.attrib)
    yield from (f"id {key!r} stands {n} times" for key, n in count.items() if n > 1)
    yield from (f"id {key!r} is empty or has a space" for key in count if not key or re.search(r"\s", key))
    if any(e.tag == "html" for e in elements):
        for e in elements:
            for attribute in _IDREFS:
                for target in e.attrib.get(attribute, "").split():
                    if target not in count:
                        yield f"{_short(e)}: {attribute} names {target!r}, which is not on the page"


def _nesting(elements: list[Element], _: str) -> Iterator[str]:
    for e in elements:
        allowed = _CHILDREN.get(e.tag)
        for child in e:
            if allowed and child.tag not in allowed:
                yield f"{_short(e)} may not hold {_short(child)}"
            if e.tag in _INLINE and child.tag in _BLOCKS:
                yield f"{_short(e)} may not hold the block {_short(child)}"
        if e.tag in ("a", "button"):
            yield from (
                f"{_short(e)} holds the control {_short(c)}" for c in e.iter() if c is not e and c.tag in _INTERACTIVE
            )


def _controls(elements: list[Element], _: str) -> Iterator[str]:
    labelled = {e.attrib["for"] for e in elements if e.tag == "label" and "for" in e.attrib and _text(e)}
    inside = {id(c) for e in elements if e.tag == "label" and _text(e) for c in e.iter()}
    for e in elements:
        if e.tag not in ("input", "select", "textarea") or e.attrib.get("type") in _WITHOUT_LABEL:
            continue
        named = e.attrib.get("aria-label") or e.attrib.get("aria-labelledby")
        if not (named or e.attrib.get("id") in labelled or id(e) in inside):
            yield f"{_short(e)} has no label"


def _scripts(elements: list[Element], nonce: str) -> Iterator[str]:
    for e in elements:
        if e.tag == "style":
            yield "a <style> element stands in the page"
        if e.tag != "script":
            continue
        if not nonce or e.attrib.get("nonce") != nonce:
            yield f"{_short(e)} does not carry the nonce of the answer"
        if "src" not in e.attrib:
            yield "an inline script stands in the page"


def _handlers(elements: list[Element], _: str) -> Iterator[str]:
    for e in elements:
        for name, value in e.attrib.items():
            if name.startswith(("on", "hx-on")):
                yield f"{_short(e)} has the inline handler {name}"
            if name == "style":
                yield f"{_short(e)} has an inline style"
            if name in _URLS and re.match(r"\s*(javascript|vbscript|data:text)", value, re.IGNORECASE):
                yield f"{_short(e)}: {name} runs code"
        if e.tag == "a" and e.attrib.get("target") == "_blank" and "noopener" not in e.attrib.get("rel", ""):
            yield f"{_short(e)} opens a window without rel=noopener"


def _names(elements: list[Element], _: str) -> Iterator[str]:
    for e in elements:
        if e.tag == "img" and "alt" not in e.attrib:
            yield f"{_short(e)} has no alt"
        if e.tag == "a" and "href" in e.attrib and not _named(e):
            yield f"{_short(e)} is a link without words"
        if e.tag == "button" and not _named(e):
            yield f"{_short(e)} is a button without words"
        if e.tag == "button" and "type" not in e.attrib:
            yield f"{_short(e)} is a button without a type"
        if e.attrib.get("role") in ("img", "progressbar", "dialog") and not _labelled(e):
            yield f"{_short(e)} has a role that needs a name"


def _tables(elements: list[Element], _: str) -> Iterator[str]:
    for table in (e for e in elements if e.tag == "table"):
        heads = [e for e in table.iter() if e.tag == "th"]
        if not heads:
            yield f"{_short(table)} has no header cells"
        for head in heads:
            if head.attrib.get("scope") not in ("col", "row", "colgroup", "rowgroup"):
                yield f"{_short(head)} {_text(head)[:30]!r} has no scope"
            if not _named(head):
                yield f"{_short(head)} is a header cell without words"
        if not _labelled(table) and not any(e.tag == "caption" and _text(e) for e in table.iter()):
            yield f"{_short(table)} has no caption or label"


def _page(elements: list[Element], _: str) -> Iterator[str]:
    html = next(e for e in elements if e.tag == "html")
    if not re.fullmatch(r"[a-z]{2}(-[A-Z]{2})?", html.attrib.get("lang", "")):
        yield "the page names no language"
    if not any(e.tag == "title" and _text(e) for e in elements):
        yield "the page has no title"
    if sum(e.tag == "main" for e in elements) != 1:
        yield "the page needs one <main>"
    if not any(e.tag == "meta" and e.attrib.get("name") == "viewport" for e in elements):
        yield "the page names no viewport"


def _headings(elements: list[Element], nonce: str) -> Iterator[str]:
    levels = [(int(e.tag[1]), _text(e)) for e in elements if re.fullmatch("h[1-6]", e.tag)]
    first = sum(level == 1 for level, _ in levels)
    if first != 1:
        yield f"the page has {first} h1, not one"
    yield from (f"an h{level} is empty" for level, words in levels if not words)
    for (before, _), (level, words) in pairwise(levels):
        if level > before + 1:
            yield f"heading {words[:40]!r} jumps from h{before} to h{level}"


def _text(e: Element) -> str:
    return " ".join("".join(e.itertext()).split())


def _labelled(e: Element) -> bool:
    return bool(e.attrib.get("aria-label") or e.attrib.get("aria-labelledby"))


def _named(e: Element) -> bool:
    """A name for people who do not see it: words, a label, or a picture or control that has one."""
    seen: Any = (c for c in e.iter() if c is not e)
    return bool(_text(e)) or _labelled(e) or any(c.attrib.get("alt") or _labelled(c) for c in seen)


def _short(e: Element) -> str:
    keys = " ".join(f'{k}="{e.attrib[k]}"' for k in ("id", "name", "class", "href", "src") if e.attrib.get(k))
    return f"<{e.tag}{' ' + keys if keys else ''}>"[:100]
