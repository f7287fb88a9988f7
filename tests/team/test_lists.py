"""Reading lists of businesses: any order of columns, three languages, odd files."""

from __future__ import annotations

import pytest

from portal.kernel.errors import Invalid
from portal.team import lists


@pytest.mark.parametrize(
    "head",
    [
        "Name;Enterprise number;Country;City",
        "Naam,Ondernemingsnummer,Land,Plaats",
        "Nom\tNuméro d’entreprise\tPays\tVille",
    ],
)
def test_heads_of_three_languages_and_separators(head: str) -> None:
    separator = next(sign for sign in ";,\t" if sign in head)
    row = separator.join(("Boulangerie", "0945.217.389", "Belgique", "Mons"))
    [(number, details)] = lists.read(f"{head}\r\n\r\n{row}\r\n".encode(), "NL")
    assert (number, details.name, details.scheme, details.enterprise_number, details.city) == (
        3, "Boulangerie", "kbo", "0945.217.389", "Mons",
    )  # fmt: skip


def test_without_a_country_that_of_the_firm_is_meant_and_an_unknown_one_is_left_to_people() -> None:
    rows = lists.read(b"name;number;country\nA;1;\nB;2;Spain\nC;3;FR\nD", "NL")
    assert [details.scheme for _, details in rows] == ["kvk", "", "siren", "kvk"]
    assert rows[3][1].enterprise_number == ""


def test_files_of_spreadsheets_in_windows_letters_and_quoted_lines() -> None:
    content = 'Naam;Nummer\n"Café ""Ons\nDorp""";1'.encode("cp1252")
    [(number, details)] = lists.read(content, "BE")
    assert (number, details.name) == (3, 'Café "Ons\nDorp"')


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "newcomers.file_columns"),
        (b"\xff\xfe\x00", "newcomers.file_columns"),
        (b"Name;City\nA;B", "newcomers.file_columns"),
        (b"Name;Number\n\n;\n", "newcomers.file_empty"),
        (b'Name;Number\n"A;1', "newcomers.file_broken"),
        (b"x" * (lists.MOST_BYTES + 1), "newcomers.file_large"),
    ],
)
def test_what_cannot_be_read_is_said(content: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        lists.read(content, "BE")
    assert refused.value.code == code
