"""Reads the strings out of code and templates, and keeps the .po files in step with them.

The files hold no line numbers and no dates, one string a line, sorted by msgid, and are
written under a lock: so that several people can add strings without stepping on each other.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_file, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

ROOT = Path(__file__).resolve().parent
SOURCE = ROOT.parent
LANGUAGES = ("en", "fr", "nl")
TRANSLATED = ("fr", "nl")
_PLURALS = {"en": "n != 1", "nl": "n != 1", "fr": "n > 1"}

_KEYWORDS: Mapping[str, tuple[int, ...] | None] = {
    **dict.fromkeys(("_", "_l", "N_", "gettext", "lazy_gettext"), None),
    **dict.fromkeys(("ngettext", "lazy_ngettext", "NN_"), (1, 2)),
}
_JINJA = {"silent": "false", "trimmed": "true", "newstyle_gettext": "true"}

# what must be the same on both sides: %(name)s, {name}, **, and a doubled %
_MARKS = re.compile(r"%\(\w+\)[a-z]|%%|\{\w*\}|\*\*")
_LONE_PERCENT = re.compile(r"%(?![(%])")


@dataclass(frozen=True, slots=True)
class Fault:
    language: str
    kind: str  # "missing", "untranslated", "fuzzy", "stale", "marks", "spaces", "percent"
    msgid: str

    def __str__(self) -> str:
        return f"{self.language}: {self.kind}: {self.msgid!r}"


def extract(source: Path = SOURCE) -> Catalog:
    """Every string marked for translation under `source`, in Python and Jinja files.

    Raises jinja2.TemplateSyntaxError or SyntaxError for a file that does not parse, rather
    than take its strings for gone.
    """
    found = Catalog(charset="utf-8")
    for path in sorted(
        [*source.rglob("*.py"), *source.rglob("templates/**/*.html"), *source.rglob("templates/**/*.txt")]
    ):
        template = path.suffix != ".py"
        method = babel_extract if template else extract_python
        options = _JINJA if template else {}
        name = str(path.relative_to(source))
        for line, text, _, context in extract_from_file(method, path, _KEYWORDS, (), options):  # type: ignore[arg-type]  # Babel's stub knows no callables of jinja2
            found.add(text, locations=[(name, line)], context=context)
    return found


def path_of(language: str, root: Path = ROOT) -> Path:
    return root / language / "LC_MESSAGES" / "messages.po"


def load(language: str, root: Path = ROOT) -> Catalog:
    """The catalogue on disk, an empty one when there is none."""
    path = path_of(language, root)
    if not path.exists():
        return Catalog(language, charset="utf-8")
    with path.open("rb") as stream:
        return read_po(stream, locale=language)


def save(language: str, catalogue: Catalog, root: Path = ROOT) -> None:
    """Write in the one form that merges well, in one step."""
    body = BytesIO()
    write_po(body, catalogue, width=0, no_location=True, omit_header=True, sort_output=True, ignore_obsolete=True)
    head = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {language}\\n"\n'
        '"MIME-Version: 1.0\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Plural-Forms: nplurals=2; plural=({_PLURALS[language]});\\n"\n\n'
    )
    path = path_of(language, root)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_bytes(head.encode() + body.getvalue().lstrip())
    fresh.replace(path)


@contextmanager
def locked(root: Path = ROOT) -> Iterator[None]:
    """One writer at a time, over processes."""
    with (root / "__init__.py").open("rb") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def messages(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id]


def update(root: Path = ROOT, source: Path = SOURCE) -> None:
    """Bring every catalogue in step: new strings come in empty, strings that are gone leave."""
    with locked(root):
        wanted = messages(extract(source))
        for language in LANGUAGES:
            old, fresh = load(language, root), Catalog(language, charset="utf-8")
            for message in wanted:
                known = old.get(message.id)
                kept = known is not None and not known.fuzzy and len(_forms(known.id)) == len(_forms(message.id))
                fresh.add(message.id, string=known.string if known and kept else None)
            save(language, fresh, root)


def fill(language: str, words: Mapping[str, str | Sequence[str]], root: Path = ROOT) -> list[str]:
    """Set translations by msgid (of a plural: its singular, with two texts).

    Returns the ids that were left alone: not in the catalogue, or given one text for two forms.
    """
    refused = []
    with locked(root):
        catalogue = load(language, root)
        for msgid, text in words.items():
            message = catalogue.get(msgid)
            if message is None or len(_forms(message.id)) != len(_forms(text)):
                refused.append(msgid)
            else:
                message.string = text if isinstance(text, str) else tuple(text)
        save(language, catalogue, root)
    return refused


def compile_all(root: Path = ROOT) -> None:
    """Write the .mo files that the running product reads."""
    for language in LANGUAGES:
        target = path_of(language, root).with_suffix(".mo")
        fresh = target.with_suffix(f".{os.getpid()}")
        with fresh.open("wb") as stream:
            write_mo(stream, load(language, root))
        fresh.replace(target)


def missing(language: str, root: Path = ROOT, source: Path = SOURCE) -> dict[str, str | list[str]]:
    """Strings without a translation, in the shape that `fill` takes: msgid → "" or ["", ""]."""
    catalogue = load(language, root)
    found: dict[str, str | list[str]] = {}
    for message in messages(extract(source)):
        known = catalogue.get(message.id)
        if known is None or not _is_translated(known):
            found[singular(message)] = ["", ""] if message.pluralizable else ""
    return found


def check(root: Path = ROOT, source: Path = SOURCE) -> list[Fault]:
    """Everything that keeps a language from being complete and safe; empty when all is well."""
    wanted = {singular(m): m for m in messages(extract(source))}
    faults = [Fault("source", "percent", m) for m, found in wanted.items() if _has_lone_percent(found)]
    for language in LANGUAGES:
        have = {singular(m): m for m in messages(load(language, root))}
        faults += [Fault(language, "missing", m) for m in wanted.keys() - have.keys()]
        faults += [Fault(language, "stale", m) for m in have.keys() - wanted.keys()]
        for msgid in wanted.keys() & have.keys():
            faults += [Fault(language, kind, msgid) for kind in _kinds(language, wanted[msgid], have[msgid])]
    return sorted(faults, key=str)


def _kinds(language: str, wanted: Message, have: Message) -> Iterator[str]:
    if have.fuzzy:
        yield "fuzzy"
    if wanted.id != have.id:
        yield "stale"
    if not _is_translated(have):
        if language in TRANSLATED:
            yield "untranslated"
        return
    source, target = _forms(wanted.id), _forms(have.string)
    for ours, theirs in zip(source, target, strict=False):
        if sorted(_MARKS.findall(ours)) != sorted(_MARKS.findall(theirs)):
            yield "marks"
        if (ours[:1].isspace(), ours[-1:].isspace()) != (theirs[:1].isspace(), theirs[-1:].isspace()):
            yield "spaces"


def _has_lone_percent(message: Message) -> bool:
    """In a template every string is formatted, so a lone % would break the page."""
    in_template = any(not str(name).endswith(".py") for name, _ in message.locations)
    return in_template and any(_LONE_PERCENT.search(form) for form in _forms(message.id))


def _is_translated(message: Message) -> bool:
    forms = _forms(message.string)
    return bool(forms) and all(forms)


def singular(message: Message) -> str:
    return _forms(message.id)[0]


def _forms(text: str | Sequence[str] | None) -> tuple[str, ...]:
    """A message's singular and plural, its one text, or nothing."""
    return (text,) if isinstance(text, str) else tuple(text or ())
