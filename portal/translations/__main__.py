"""`python -m portal.translations …`: the upkeep of the catalogues.

update         read code and templates, add new strings, drop what is gone
missing LANG   untranslated strings as JSON, ready to be filled in
fill LANG [F]  take such JSON from a file or standard input
check          list what is missing, fuzzy, stale or differs in placeholders; status 1 if anything
compile        write the .mo files that the product reads
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from portal.translations import catalogues

SHOWN = 40  # faults in words; the rest is counted


def main(argv: list[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    match options.command:
        case "update":
            catalogues.update()
        case "compile":
            catalogues.compile_all()
        case "missing":
            print(json.dumps(catalogues.missing(options.language), ensure_ascii=False, indent=0))
        case "fill":
            return _fill(options.language, options.file)
        case "check":
            return _check()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m portal.translations", description="Upkeep of the catalogues.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("update", help="add new strings to every catalogue, drop what is gone")
    commands.add_parser("check", help="status 1 and a list when a language is not complete")
    commands.add_parser("compile", help="write the .mo files")
    for name, text in (("missing", "untranslated strings as JSON"), ("fill", "take translations as JSON")):
        command = commands.add_parser(name, help=text)
        command.add_argument("language", choices=catalogues.TRANSLATED)
        if name == "fill":
            command.add_argument("file", nargs="?", type=Path, help="a JSON file; standard input when left out")
    return parser


def _fill(language: str, file: Path | None) -> int:
    words = json.loads(file.read_text() if file else sys.stdin.read())
    refused = catalogues.fill(language, words)
    for msgid in refused:
        print(f"not in the catalogue (run update first?), or singular and plural mixed up: {msgid!r}", file=sys.stderr)
    return 1 if refused else 0


def _check() -> int:
    faults = catalogues.check()
    for fault in faults[:SHOWN]:
        print(fault)
    if faults:
        count = Counter(f"{f.language} {f.kind}" for f in faults)
        print("; ".join(f"{n} {kind}" for kind, n in sorted(count.items())), file=sys.stderr)
        print("`update`, `missing` and `fill` mend them", file=sys.stderr)
        return 1
    print("translations: complete")
    return 0


if __name__ == "__main__":
    sys.exit(main())
