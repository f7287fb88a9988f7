"""Reading statements: CPU seconds and memory against the packages people use for it.

Each reading is a process of its own; ours and theirs take turns, and the best of five is
shown, because whatever else the machine does can only add. The peers live in environments of
their own, because two of them share a module name. Every reader must find all movements, and
ours checks balances, totals and record counts too.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.makers.camt import camt_file
from bench.makers.coda import coda_file
from bench.makers.csv import few_file, kbc_file
from bench.makers.ofx import ofx_file
from bench.makers.qif import qif_file
from bench.table import Row

ROOT = Path(__file__).parents[1]
FILES = ROOT / "var" / "bench"
ENVIRONMENTS = ROOT / "var" / "bench-venvs"
ROUNDS = 5
LINES = 1_000  # a statement
MEMORY = 20.0  # MB above start

_FRAME = """
import json, resource, sys, time
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
{imports}
start, before = peak(), time.process_time()
{read}
print(json.dumps([time.process_time() - before, peak() - start, count]))
"""


@dataclass(frozen=True, slots=True)
class Reader:
    """A program that reads `sys.argv[1]` and leaves the number of movements in `count`."""

    name: str
    requirement: str  # "" for our own
    imports: str
    read: str


OURS = Reader(
    "ours",
    "",
    "from portal.connectors.files import open_statements\nfrom portal.connectors.files.limits import LOCAL",
    "with open(sys.argv[1], 'rb') as f:\n"
    "    count = sum(1 for statement in open_statements(f, LOCAL)[1] for line in statement.lines)",
)
PYCODA = Reader(
    "pycoda 1.1.0",
    "pycoda==1.1.0",
    "from coda.parser import Parser",
    "count = sum(len(s.movements) for s in Parser().parse_file(sys.argv[1]))",
)
FEBELFIN = Reader(
    "febelfin-coda 0.5.0",
    "febelfin-coda==0.5.0",
    "from coda import CODA",
    "count = sum(len(s.moves) for s in CODA(sys.argv[1]).statements)",
)
CAMT053 = Reader(
    "camt053 0.0.20",
    "camt053==0.0.20",
    "from camt053 import parse_document",
    "count = sum(len(s.entries) for s in parse_document(open(sys.argv[1], encoding='utf-8').read()).statements)",
)

BANKSTATEMENTPARSER = Reader(
    "bankstatementparser 0.0.29",
    "bankstatementparser==0.0.29",
    "from bankstatementparser.parsers.ofx import OfxParser",
    "count = len(OfxParser(sys.argv[1]).parse())",
)
OFXTOOLS = Reader(
    "ofxtools 1.1.1",
    "ofxtools==1.1.1",
    "from ofxtools.Parser import OFXTree",
    "tree = OFXTree()\nwith open(sys.argv[1], 'rb') as f:\n    tree.parse(f)\n"
    "count = sum(len(s.transactions) for s in tree.convert().statements)",
)
QUIFFEN = Reader(
    "quiffen 4.0.1",
    "quiffen==4.0.1",
    "from quiffen import Qif",
    "accounts = Qif.parse(sys.argv[1], day_first=False).accounts.values()\n"
    "count = sum(len(entries) for account in accounts for entries in account.transactions.values())",
)
# What one writes by hand: the csv module's rows as dictionaries, each day by strptime, each amount a Decimal.
DICT_READER = Reader(
    "DictReader, strptime, Decimal",
    "",
    "import csv\nfrom datetime import datetime\nfrom decimal import Decimal\n"
    "def amount(text): return Decimal(text.replace('.', '').replace(',', '.'))\n"
    "def day(text): return datetime.strptime(text, '%d/%m/%Y').date()",
    "count = 0\n"
    "with open(sys.argv[1], encoding='cp1252', newline='') as f:\n"
    "    for row in csv.DictReader(f, delimiter=';'):\n"
    "        line = day(row['Datum']), amount(row['Bedrag']), row.get('Saldo') and amount(row['Saldo'])\n"
    "        value = row.get('Valuta') and day(row['Valuta'])\n"
    "        count += 1",
)


def rows(quick: bool = False) -> Iterator[Row]:
    """Each format against the packages that read it, and memory at two sizes."""
    FILES.mkdir(parents=True, exist_ok=True)
    statements = 10 if quick else 100
    coda = FILES / f"{statements}.coda"
    coda_file(coda, statements, LINES)
    yield from _compare(coda, f"CODA {_size(coda)}, checked", statements, ((PYCODA, 3.0), (FEBELFIN, 3.0)))
    for version, count in (("02", statements), ("08", statements // 5)):
        camt = FILES / f"{count}-{version}.xml"
        camt_file(camt, count, LINES, version)
        yield from _compare(camt, f"CAMT.053.001.{version} {_size(camt)}", count, ((CAMT053, 2.0),))
    yield from _personal(statements // 2)
    yield from _tables(statements)


def _personal(statements: int) -> Iterator[Row]:
    """OFX and QIF, which programs for people at home read too."""
    for version, peers in (("1", ((BANKSTATEMENTPARSER, 1.7), (OFXTOOLS, 10.0))), ("2", ((OFXTOOLS, 10.0),))):
        ofx = FILES / f"{statements}-{version}.ofx"
        ofx_file(ofx, statements, LINES, version)
        yield from _compare(ofx, f"OFX {version}.x {_size(ofx)}", statements, peers)
    qif = FILES / f"{statements}.qif"
    qif_file(qif, statements, LINES)
    yield from _compare(qif, f"QIF {_size(qif)}", statements, ((QUIFFEN, 15.0),))


def _tables(statements: int) -> Iterator[Row]:
    """CSV: all columns of KBC with balances that are checked, and the few columns of others."""
    for work, make in (("CSV of KBC, checked,", kbc_file), ("CSV of four columns", few_file)):
        path = FILES / f"{statements}-{make.__name__}.csv"
        make(path, statements, LINES)
        yield from _compare(path, f"{work} {_size(path)}", statements, ((DICT_READER, 2.5),))


def _compare(path: Path, work: str, statements: int, peers: tuple[tuple[Reader, float], ...]) -> Iterator[Row]:
    readers = (OURS, *(peer for peer, _ in peers))
    pythons = {reader.name: _python(reader) for reader in readers}
    seconds: dict[str, list[float]] = {reader.name: [] for reader in readers}
    memory: dict[str, float] = {}
    for _ in range(ROUNDS):
        for reader in readers:
            cpu, above, count = _measure(pythons[reader.name], reader, path)
            if count != statements * LINES:
                raise RuntimeError(f"{reader.name} read {count} movements of {statements * LINES}")
            seconds[reader.name].append(cpu)
            memory[reader.name] = max(memory.get(reader.name, 0), above)
    ours = min(seconds[OURS.name])
    for peer, goal in peers:
        theirs = min(seconds[peer.name])
        yield Row(work, f"{ours:.2f} s CPU", f"{theirs:.2f} s CPU {peer.name}", theirs / ours, goal)
    above = max(memory[OURS.name], 0.1)
    yield Row(f"{work}: memory above start", f"{above:.1f} MB", f"{MEMORY:g} MB allowed", MEMORY / above, 1.0)


def _measure(python: Path, reader: Reader, path: Path) -> tuple[float, float, int]:
    """(CPU seconds, MB above start, movements) of one reading."""
    program = _FRAME.format(imports=reader.imports, read=reader.read)
    done = subprocess.run(
        [python, "-c", program, path], cwd=ROOT, capture_output=True, text=True, check=True, timeout=600
    )
    cpu, above, count = json.loads(done.stdout.splitlines()[-1])
    return float(cpu), float(above), int(count)


def _python(reader: Reader) -> Path:
    """The interpreter to run a reader with; a peer's environment is made on first use."""
    if not reader.requirement:
        return Path(sys.executable)
    folder = ENVIRONMENTS / reader.requirement.replace("==", "-")
    python = folder / "bin" / "python"
    if not python.exists():
        uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, reader.requirement], check=True)
    return python


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.0f} MB"
