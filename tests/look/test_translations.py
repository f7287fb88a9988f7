"""The catalogues: nothing lost, nothing fuzzy, nothing that breaks when it is filled in."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.translations import catalogues


@pytest.fixture
def tree(tmp_path: Path) -> tuple[Path, Path]:
    """A small source tree with catalogues in step, nl and fr filled: (catalogues, source)."""
    source, root = tmp_path / "source", tmp_path / "catalogues"
    (source / "templates").mkdir(parents=True)
    root.mkdir()
    (root / "__init__.py").write_text("")
    (source / "a.py").write_text('x = N_("Sum of {count}")\ny = ngettext("%(num)s line", "%(num)s lines", 2)\n')
    (source / "templates" / "a.html").write_text(
        '{{ _("Hello %(name)s", name=n) }}{% trans %}\n  Two\n  words\n{% endtrans %}'
    )
    catalogues.update(root, source)
    plural = ["%(num)s a", "%(num)s b"]
    words: dict[str, str | list[str]] = {
        "Sum of {count}": "Som van {count}",
        "%(num)s line": plural,
        "Hello %(name)s": "Dag %(name)s",
        "Two words": "Twee",
    }
    for language in catalogues.TRANSLATED:
        assert catalogues.fill(language, words, root) == []
    return root, source


def kinds(tree: tuple[Path, Path]) -> set[tuple[str, str]]:
    return {(f.language, f.kind) for f in catalogues.check(*tree)}


def test_a_filled_catalogue_is_complete(tree: tuple[Path, Path]) -> None:
    assert catalogues.check(*tree) == []
    assert catalogues.missing("nl", *tree) == {}


def test_a_new_string_is_missing_then_untranslated(tree: tuple[Path, Path]) -> None:
    root, source = tree
    (source / "b.py").write_text('z = _("New here")')
    assert kinds(tree) == {("en", "missing"), ("fr", "missing"), ("nl", "missing")}
    catalogues.update(root, source)
    assert kinds(tree) == {("fr", "untranslated"), ("nl", "untranslated")}
    assert catalogues.missing("nl", *tree) == {"New here": ""}


def test_a_string_that_is_gone_is_stale_and_leaves(tree: tuple[Path, Path]) -> None:
    root, source = tree
    (source / "a.py").write_text("")
    assert ("nl", "stale") in kinds(tree)
    catalogues.update(root, source)
    assert catalogues.check(*tree) == []
    assert "Som van" not in catalogues.path_of("nl", root).read_text()


@pytest.mark.parametrize(
    ("msgid", "text", "kind"),
    [
        ("Hello %(name)s", "Dag %(naam)s", "marks"),
        ("Hello %(name)s", "Dag", "marks"),
        ("Sum of {count}", "Som van {count} {count}", "marks"),
        ("%(num)s line", ["%(num)s regel", "regels"], "marks"),
        ("Two words", " Twee", "spaces"),
        ("%(num)s line", ["%(num)s regel", ""], "untranslated"),
    ],
)
def test_a_translation_that_would_break_is_found(
    tree: tuple[Path, Path], msgid: str, text: str | list[str], kind: str
) -> None:
    catalogues.fill("nl", {msgid: text}, tree[0])
    assert kinds(tree) == {("nl", kind)}


def test_a_fuzzy_string_does_not_count(tree: tuple[Path, Path]) -> None:
    path = catalogues.path_of("fr", tree[0])
    path.write_text(path.read_text().replace('msgid "Two words"', '#, fuzzy\nmsgid "Two words"'))
    assert ("fr", "fuzzy") in kinds(tree)


def test_a_lone_percent_in_a_template_is_found(tree: tuple[Path, Path]) -> None:
    root, source = tree
    (source / "templates" / "b.html").write_text('{{ _("100 % sure") }}')
    catalogues.update(root, source)
    assert ("source", "percent") in kinds(tree)


def test_updating_twice_changes_nothing(tree: tuple[Path, Path]) -> None:
    root, source = tree
    before = catalogues.path_of("nl", root).read_bytes()
    catalogues.update(root, source)
    assert catalogues.path_of("nl", root).read_bytes() == before
    assert b"#:" not in before
    assert b"POT-Creation-Date" not in before


def test_a_file_that_does_not_parse_loses_nothing(tree: tuple[Path, Path]) -> None:
    root, source = tree
    (source / "templates" / "a.html").write_text('{{ _("Hello %(name)s" }}')
    before = catalogues.path_of("nl", root).read_bytes()
    with pytest.raises(Exception, match="unexpected"):
        catalogues.update(root, source)
    assert catalogues.path_of("nl", root).read_bytes() == before


def test_an_unknown_string_is_not_filled_in(tree: tuple[Path, Path]) -> None:
    assert catalogues.fill("nl", {"Never seen": "Nooit"}, tree[0]) == ["Never seen"]
    assert catalogues.check(*tree) == []


def test_one_text_does_not_fill_a_plural(tree: tuple[Path, Path]) -> None:
    assert catalogues.fill("nl", {"%(num)s line": "%(num)s regel"}, tree[0]) == ["%(num)s line"]
    assert catalogues.fill("nl", {"Two words": ["Twee", "woorden"]}, tree[0]) == ["Two words"]
    assert catalogues.check(*tree) == []


def test_the_product_is_complete_in_every_language() -> None:
    assert [str(fault) for fault in catalogues.check()] == []
