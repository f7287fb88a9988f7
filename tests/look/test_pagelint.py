"""The page linter sees each fault it promises to see, and nothing in a clean page."""

from __future__ import annotations

import pytest

from tests.pagelint import lint

HEAD = (
    '<!doctype html><html lang="nl-BE"><head><title>T</title><meta name="viewport" content="width=device-width">'
    '<script src="/a.js" nonce="n1"></script></head><body><main>'
)
PAGE = HEAD + '<h1>One</h1><h2>Two</h2><label for="a">A</label><input id="a"></main></body></html>'


def test_a_clean_page_has_no_faults() -> None:
    assert lint(PAGE, nonce="n1") == []


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (PAGE.replace('nonce="n1"', ""), "nonce"),
        (PAGE.replace('nonce="n1"', 'nonce="n2"'), "nonce"),
        (PAGE.replace("<h2>Two</h2>", "<h3>Three</h3>"), "jumps from h1 to h3"),
        (PAGE.replace("<h1>One</h1>", ""), "0 h1"),
        (PAGE.replace("h2>", "h1>"), "2 h1"),
        (PAGE.replace(' lang="nl-BE"', ""), "names no language"),
        (PAGE.replace("<title>T</title>", "<title></title>"), "no title"),
        (PAGE.replace("<main>", "").replace("</main>", ""), "one <main>"),
        (PAGE.replace("device-width", "").replace('name="viewport"', ""), "viewport"),
        (PAGE.replace('for="a"', 'for="b"'), "'b', which is not on the page"),
        (PAGE.replace("<h2>Two</h2>", "<p><b>open</p>"), "invalid HTML"),
    ],
)
def test_a_fault_of_a_page_is_named(broken: str, said: str) -> None:
    assert any(said in fault for fault in lint(broken, nonce="n1"))


@pytest.mark.parametrize(
    ("fragment", "said"),
    [
        ('<p id="x"></p><p id="x"></p>', "stands 2 times"),
        ('<p id="a b"></p>', "empty or has a space"),
        ('<input name="q">', "has no label"),
        ('<label for="q"></label><input id="q">', "has no label"),
        ("<style>p{}</style>", "<style>"),
        ('<script nonce="n1">1</script>', "inline script"),
        ('<p onclick="x()">t</p>', "inline handler"),
        ('<p hx-on:click="x()">t</p>', "inline handler"),
        ('<p style="color:red">t</p>', "inline style"),
        ('<a href="javascript:x()">t</a>', "runs code"),
        ('<a href="/x" target="_blank">t</a>', "noopener"),
        ('<img src="/x.png">', "no alt"),
        ('<a href="/x"><i></i></a>', "link without words"),
        ('<button type="button"></button>', "button without words"),
        ("<button>t</button>", "without a type"),
        ('<svg role="img"></svg>', "needs a name"),
        ('<table aria-label="t"><tbody><tr><td>1</td></tr></tbody></table>', "no header cells"),
        ('<table aria-label="t"><tbody><tr><th>1</th></tr></tbody></table>', "no scope"),
        ('<table><tbody><tr><th scope="row">1</th></tr></tbody></table>', "no caption or label"),
        ('<table aria-label="t"><tbody><tr><th scope="row"></th></tr></tbody></table>', "without words"),
        ("<ul><div>t</div></ul>", "may not hold"),
        ("<span><div>t</div></span>", "may not hold the block"),
        ('<a href="/x">t<button type="button">u</button></a>', "holds the control"),
        ('<tr><td class="a" class="b">1</td></tr>', "invalid HTML, duplicate-attribute"),
    ],
)
def test_a_fault_of_a_fragment_is_named(fragment: str, said: str) -> None:
    assert any(said in fault for fault in lint(fragment, nonce="n1"))


def test_a_row_is_a_fragment_too() -> None:
    assert lint('<tr><th scope="row">a</th><td>1</td></tr>', nonce="n1") == []
