"""Which dossier is proposed for a client, and how surely."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.be import vat as be_vat
from stdnum.fr import siret as fr_siret

from portal.couplings.detective import Verdict, missing_reasons
from portal.couplings.models import Dossier
from portal.couplings.names import similarity
from portal.couplings.numbers import Number, of_dossier
from portal.couplings.proposals import propose
from portal.tenants.models import Tenant
from portal.tenants.names import words
from tests.factories import kbo

NUMBER, OTHER = kbo(1), kbo(2)
CLIENT = Tenant(
    kind="client", name="Van den Broeck Bouw BV", country="BE", scheme="kbo", enterprise_number=NUMBER, vat_number=""
)


def row(name: str = "Van den Broeck Bouw BV", number: str = "", code: str = "1", **more: object) -> Dossier:
    values: dict[str, object] = {
        "number": code, "status": "active", "country": "BE", "vat_number": "", "siret": "", "customer_name": "",
        "archived_on": None, "blocking": "", "gone_at": None,
    }  # fmt: skip
    return Dossier(code=code, name=name, enterprise_number=number, **(values | more))


def told(*dossiers: Dossier, client: Tenant = CLIENT, taken: tuple[str, ...] = ()) -> list[tuple[str, str, list[str]]]:
    return [(p.dossier.code, p.confidence, [r.code for r in p.reasons]) for p in propose(client, dossiers, taken)]


def test_same_number_and_name_is_certain() -> None:
    assert told(row(number=NUMBER)) == [("1", "certain", ["number_equal", "name_equal"])]


@pytest.mark.parametrize(
    "written", [f"BE {NUMBER[:4]}.{NUMBER[4:7]}.{NUMBER[7:]}", NUMBER[1:], f"BE{NUMBER}", f" {NUMBER} "]
)
def test_however_the_number_is_written(written: str) -> None:
    assert told(row(number=written))[0][1] == "certain"
    assert told(row(vat_number=f"BE{NUMBER}"))[0][1] == "certain"


def test_same_number_under_another_name_is_left_to_a_person() -> None:
    assert told(row("Holding Zuid NV", NUMBER)) == [("1", "likely", ["number_equal", "name_differs"])]


def test_same_name_with_another_number_is_unlikely() -> None:
    assert told(row("Van den Broek Bouw en Renovatie", OTHER)) == [("1", "unlikely", ["name_alike", "number_differs"])]
    assert told(row(number=OTHER)) == [("1", "unlikely", ["name_equal", "number_differs"])]


def test_same_name_without_a_number_is_likely() -> None:
    assert told(row()) == [("1", "likely", ["name_equal", "no_number"])]


def test_a_mistyped_number_is_no_number() -> None:
    assert told(row(number=NUMBER[:-1] + str((int(NUMBER[-1]) + 1) % 10)))[0][2] == ["name_equal", "no_number"]


def test_a_vat_number_that_contradicts_the_enterprise_number_makes_it_doubtful() -> None:
    assert told(row(number=NUMBER, vat_number=f"BE{OTHER}"))[0][1:] == (
        "likely",
        ["number_equal", "name_equal", "numbers_contradict"],
    )


def test_two_certain_dossiers_are_none() -> None:
    found = told(row(number=NUMBER), row("Van den Broeck Bouw kopie", NUMBER, "2"))
    assert {(code, confidence) for code, confidence, _ in found} == {("1", "likely"), ("2", "likely")}
    assert all(reasons[-1] == "several" for _, _, reasons in found)


def test_an_archived_twin_leaves_the_living_one_certain() -> None:
    archived = row(number=NUMBER, code="2", status="archived", archived_on=date(2023, 1, 14))
    assert [x[:2] for x in told(archived, row(number=NUMBER))] == [("1", "certain"), ("2", "unusable")]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"status": "archived"}, "archived_once"),
        ({"status": "blocked", "blocking": "conversion"}, "blocked"),
        ({"status": "inactive"}, "inactive"),
        ({"gone_at": datetime(2026, 1, 1, tzinfo=UTC)}, "gone"),
        ({"code": "9"}, "taken"),
    ],
)
def test_what_cannot_be_coupled_stays_visible_with_the_reason(more: dict[str, object], why: str) -> None:
    found = told(row(number=NUMBER, **more), taken=("9",))  # type: ignore[arg-type]
    assert [x[1:] for x in found] == [("unusable", [why, "number_equal", "name_equal"])]


def test_others_are_not_shown() -> None:
    assert told(row("Bakkerij De Korenbloem", OTHER)) == []


def test_a_french_client_is_found_by_siret_or_vat() -> None:
    client = Tenant(
        name="Menuiserie Roussel-Caron SAS", country="FR", scheme="siren", enterprise_number="732829320", vat_number=""
    )
    assert told(row("Roussel Caron menuiserie", siret="73282932000074", country="FR"), client=client)[0][1] == "certain"
    assert told(row("Roussel Caron", vat_number="FR 44 732829320", country="FR"), client=client)[0][1] == "certain"
    assert told(row("Roussel Caron", vat_number="FR 45 732829320", country="FR"), client=client)[0][1] != "certain"


def test_a_dutch_client_is_found_by_kvk_or_vat() -> None:
    client = Tenant(
        name="Jansen & Postma B.V.",
        country="NL",
        scheme="kvk",
        enterprise_number="91827364",
        vat_number="NL123456789B01",
    )
    assert told(row("Jansen en Postma", "9182 7364", country="NL"), client=client)[0][1] == "certain"
    assert told(row("Jansen Postma BV", vat_number="NL123456789B01", country="NL"), client=client)[0][1] == "certain"
    assert told(row("Jansen Postma BV", "91827365", country="NL"), client=client)[0][1] == "unlikely"


# ------------------------------------------------------------------ numbers and names


@given(st.integers(0, 9_999_999_999))
def test_belgian_numbers_agree_with_an_independent_check(number: int) -> None:
    digits = f"{number:010d}"
    ours = Number("kbo", digits) in of_dossier(row(number=digits))
    assert ours == (be_vat.is_valid(digits) and digits[0] in "01")


@given(st.integers(0, 99_999_999_999_999))
def test_french_establishments_agree_with_an_independent_check(number: int) -> None:
    digits = f"{number:014d}"
    assert bool(of_dossier(row(siret=digits, country="FR"))) == (fr_siret.is_valid(digits) and int(digits[:9]) > 0)


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        ("Boulangerie Delmotte S.R.L.", "SRL Boulangerie Delmotte", 1, 1),
        ("Éts. Müller & Fils", "Ets Muller et fils SPRL", 1, 1),
        ("Van den Broeck Bouw", "Vandenbroeck Bouw BV", 1, 1),
        ("Van den Broeck Bouw", "Van den Broek Bouw en Renovatie", 0.5, 0.9),
        ("Bakkerij Peeters", "Slagerij Peeters", 0.3, 0.6),
        ("Bakkerij Peeters", "Garage Moens", 0, 0),
        ("NV", "BV", 0, 0.4),
        ("", "Garage Moens", 0, 0),
    ],
)
def test_names_are_compared_without_form_and_accents(one: str, other: str, least: float, most: float) -> None:
    assert least <= similarity(one, other) <= most
    assert similarity(one, other) == similarity(other, one)


def test_a_name_of_nothing_but_a_legal_form_keeps_it() -> None:
    assert words("S.A.") == ("sa",)


# ------------------------------------------------------------------ the missing dossier


def verdicts(*dossiers: Dossier, taken: tuple[str, ...] = (), **environments: list[Dossier] | None) -> dict[str, str]:
    return {c.code: c.verdict for c in missing_reasons(CLIENT, dossiers, environments, taken)}


def test_nothing_found_leaves_the_right_of_the_app_to_check() -> None:
    found = verdicts(nl=[])
    assert found.pop("app_right") == "to_check"
    assert set(found.values()) == {"ruled_out"}


def test_an_app_of_one_environment_names_no_other() -> None:
    assert "other_environment" not in {cause.code for cause in missing_reasons(CLIENT, [], {})}


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        ({"status": "archived"}, "archived"),
        ({"status": "blocked"}, "blocked"),
        ({"status": "inactive"}, "inactive"),
        ({"gone_at": datetime(2026, 1, 1, tzinfo=UTC)}, "no_longer_listed"),
        ({"code": "9"}, "taken"),
    ],
)
def test_each_cause_is_found_alone(more: dict[str, object], cause: str) -> None:
    found = verdicts(row(number=NUMBER, **more), taken=("9",), nl=[])  # type: ignore[arg-type]
    assert [code for code, verdict in found.items() if verdict == Verdict.FOUND] == [cause]


def test_another_environment_is_found_ruled_out_or_unknown() -> None:
    there = row("anything", NUMBER, code="7")
    assert verdicts(nl=[there])["other_environment"] == "found"
    assert verdicts(nl=[row("x", OTHER)])["other_environment"] == "ruled_out"
    assert verdicts(nl=None)["other_environment"] == "to_check"


def test_a_dossier_in_the_list_proves_the_right_of_the_app() -> None:
    assert verdicts(row(number=NUMBER))["app_right"] == "ruled_out"
