"""Lists of businesses that come as CSV: whatever the order of its columns and the language of its head."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Mapping, Sequence

from portal.kernel.errors import Invalid
from portal.tenants.numbers import SCHEME_OF_COUNTRY
from portal.tenants.service import Details

MOST_BYTES = 2_000_000
# What a column may be called, folded to small letters without accents and signs.
HEADS: Mapping[str, frozenset[str]] = {
    "name": frozenset({"name", "naam", "nom", "client", "klant", "company", "bedrijf", "societe", "raisonsociale"}),
    "enterprise_number": frozenset(
        {"enterprisenumber", "ondernemingsnummer", "numerodentreprise", "numeroentreprise", "number", "nummer",
         "numero", "kbo", "bce", "kvk", "kvknummer", "siren", "kbonummer", "numerobce", "vat", "btw", "tva"}
    ),
    "country": frozenset({"country", "land", "pays"}),
    "street": frozenset({"street", "straat", "rue", "address", "adres", "adresse", "streetandnumber"}),
    "postcode": frozenset({"postcode", "postalcode", "codepostal", "zip"}),
    "city": frozenset({"city", "place", "plaats", "gemeente", "stad", "ville", "localite", "commune"}),
    "billing_email": frozenset({"email", "emailaddress", "emailadres", "mail", "adresseemail", "courriel"}),
}  # fmt: skip
COUNTRIES: Mapping[str, str] = {
    "be": "BE", "belgium": "BE", "belgie": "BE", "belgique": "BE",
    "nl": "NL", "netherlands": "NL", "nederland": "NL", "paysbas": "NL", "thenetherlands": "NL",
    "fr": "FR", "france": "FR", "frankrijk": "FR",
}  # fmt: skip


def read(content: bytes, country: str) -> Sequence[tuple[int, Details]]:
    """The rows with the line that each began on. `country` ("BE") is meant where a row names none.

    UTF-8 or Windows-1252; semicolons, commas or tabs. Raises Invalid: "newcomers.file_large",
    "newcomers.file_empty", "newcomers.file_columns", "newcomers.file_broken".
    """
    if len(content) > MOST_BYTES:
        raise Invalid("newcomers.file_large", field="file", most=MOST_BYTES // 1_000_000)
    text = _decoded(content).replace("\x00", "")
    head, _, _rest = text.lstrip("\r\n").partition("\n")
    separator = max(";,\t", key=head.count)
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    try:
        names = [_folded(cell) for cell in next(reader, [])]
        places = {field: names.index(name) for field, known in HEADS.items() for name in names if name in known}
        if not {"name", "enterprise_number"} <= places.keys():
            raise Invalid("newcomers.file_columns", field="file")
        rows = [(reader.line_num, _details(cells, places, country)) for cells in reader if any(map(str.strip, cells))]
    except csv.Error:
        raise Invalid("newcomers.file_broken", field="file", row=reader.line_num) from None
    if not rows:
        raise Invalid("newcomers.file_empty", field="file")
    return rows


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _folded(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.lower())
    return "".join(c for c in letters if c.isascii() and c.isalnum())


def _details(cells: Sequence[str], places: Mapping[str, int], country: str) -> Details:
    def of(field: str) -> str:
        place = places.get(field, len(cells))
        return cells[place].strip() if place < len(cells) else ""

    typed = _folded(of("country"))
    scheme = SCHEME_OF_COUNTRY[COUNTRIES.get(typed, country)] if not typed or typed in COUNTRIES else ""
    return Details(
        of("name"), scheme, of("enterprise_number"), of("street"), of("postcode"), of("city"), of("billing_email")
    )
