"""The frame, the components and the error pages, in every language."""

from __future__ import annotations

import re

import pytest
from flask import Flask, render_template_string

from portal import charts, kit, templating
from portal.kernel.i18n import LOCALES
from portal.shapes import Paging, Segment
from portal.shell import initials
from tests.look.stage import shell
from tests.pagelint import lint

NONCE = re.compile(r'nonce="([^"]+)"')


def faults(html: str) -> list[str]:
    found = NONCE.search(html)
    return lint(html, nonce=found[1] if found else "")


@pytest.mark.parametrize("locale", LOCALES)
def test_every_component_is_clean_in_every_language(stage: Flask, locale: str) -> None:
    answer = stage.test_client().get(f"/?locale={locale}")
    assert answer.status_code == 200
    assert faults(answer.text) == []
    assert f'<html lang="{locale}"' in answer.text


@pytest.mark.parametrize("locale", ["nl-BE", "fr-FR"])
def test_the_frame_is_translated(stage: Flask, locale: str) -> None:
    page = stage.test_client().get(f"/?locale={locale}").text
    assert "Skip to content" not in page
    assert {"nl-BE": "Naar de inhoud", "fr-FR": "Aller au contenu"}[locale] in page
    assert {"nl-BE": "Wacht op goedkeuring", "fr-FR": "Attend une approbation"}[locale] in page


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 413, 418, 429, 500, 502, 503])
def test_every_error_page_says_what_stays_safe(stage: Flask, status: int) -> None:
    page = stage.test_client().get(f"/error/{status}").text
    assert faults(page) == []
    assert "KP-7F31" in page


def test_the_theme_is_set_by_the_server(stage: Flask) -> None:
    client = stage.test_client()
    assert "data-bs-theme" not in client.get("/").text
    client.set_cookie("kp-theme", "dark")
    assert 'data-bs-theme="dark"' in client.get("/").text
    client.set_cookie("kp-theme", '"><script>')
    assert "data-bs-theme" not in client.get("/").text


def test_the_menu_shows_only_what_exists(stage: Flask) -> None:
    with stage.test_request_context("/"):
        main, manage = templating.nav(templating.Scope("portal", active="clients", counts={"clients": 3}))
    assert [(i.url, i.active, i.count) for i in main] == [("/", False, None), ("/clients", True, 3)]
    assert manage == []


def test_here_changes_only_what_it_is_told(stage: Flask) -> None:
    with stage.test_request_context("/clients?q=a%26b&page=3&sort=name"):
        assert templating.here(page=None, sort="-name") == "/clients?q=a%26b&sort=-name"
        assert templating.here(q=None, page=None, sort=None) == "/clients"


def test_bold_words_do_not_let_markup_through() -> None:
    assert templating.strong("Open **<b>Periods</b>** & **save**") == (
        "Open <b>&lt;b&gt;Periods&lt;/b&gt;</b> &amp; <b>save</b>"
    )


def test_words_from_outside_are_escaped_in_components(stage: Flask) -> None:
    evil = '"><script>x</script>'
    template = (
        "{{ note(x, x) }}{{ copy(x, what=x) }}{{ mark(x|initials) }}{{ searchbox('/', 'Find', value=x) }}"
        "{{ upload_result(x, x, x) }}{{ sparkline([1, 2], x) }}{{ tick(x, x) }}{{ steps([x]) }}{{ kv([(x, x)]) }}"
    )
    with stage.test_request_context("/"):
        html = render_template_string(template, x=evil)
    assert "<script" not in html


def test_a_sorted_column_says_so_and_turns(stage: Flask) -> None:
    with stage.test_request_context("/clients?sort=-name&page=4"):
        html = render_template_string("{{ sort_th('Client', 'name', '-name') }}")
    assert 'aria-sort="descending"' in html
    assert 'href="/clients?sort=name"' in html


@pytest.mark.parametrize(
    ("paging", "shown"),
    [(Paging(1, 50, 0), (0, 0)), (Paging(1, 50, 49), (1, 49)), (Paging(9, 50, 412), (401, 412))],
)
def test_paging_counts_rows(paging: Paging, shown: tuple[int, int]) -> None:
    assert (paging.first, paging.last) == shown
    assert not paging.has_next


@pytest.mark.parametrize("name", list(templating.MACROS))
def test_every_named_macro_exists(stage: Flask, name: str) -> None:
    module = stage.jinja_env.get_template(f"components/{name}.html").module
    assert [m for m in templating.MACROS[name] if not callable(getattr(module, m, None))] == []


def test_colours_have_the_contrast_they_need() -> None:
    low = [(a, b) for a, b, light, dark, need in kit.contrasts() if min(light, dark) < need]
    assert low == []
    assert kit.contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize(
    ("name", "mark"),
    [("Van den Broeck Bouw BV", "BB"), ("Claire Delmotte", "CD"), ("Xero", "XE"), ("’t & de", "’T"), ("", "?")],
)
def test_marks_come_from_what_names_the_firm(name: str, mark: str) -> None:
    assert initials(name) == mark


def test_charts_keep_zero_in_sight() -> None:
    drawn = charts.spark([900, -142])
    assert drawn.below_zero
    assert drawn.line.startswith("M0.0 3.0 L240.0 ")
    assert charts.spark([5]).line.count("L") == 1
    assert charts.spark([]).area.endswith("Z")
    assert [b.height for b in charts.bars([0, 10])] == [2, 56]


def test_a_stack_leaves_out_what_is_empty() -> None:
    parts = [Segment(12, "a", "stop"), Segment(0, "b", "warn"), Segment(3, "c", "ok")]
    assert [(x, p.count) for x, p in charts.stack(parts, 1)] == [(0, 12), (13, 3)]


def test_a_reader_without_a_portal_sees_no_switcher(stage: Flask) -> None:
    with stage.test_request_context("/"):
        html = render_template_string(
            "{% extends 'layouts/app.html' %}{% block content %}<h1>T</h1>{% endblock %}",
            shell=shell(switch_url="", ctx="me", rehearsal=False),
        )
    assert "switcher" not in html
    assert "kp-rehearsal" not in html
