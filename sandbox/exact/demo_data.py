"""The demo firm: 120 divisions, five users in each environment where they have one, two apps.

Deterministic: the numbers are counted up from fixed starts and completed with their check digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

APPS: list[dict[str, Any]] = [
    {
        "client_id": "6f1a1c0e-7d0b-4f55-9c0e-2f6d0b7f5a01", "name": "Koppelpoort",
        "secret": "demo-secret-self-registered",
        "redirect_uris": ["http://127.0.0.1:*", "http://localhost:*"], "published": False,
    },
    {
        "client_id": "6f1a1c0e-7d0b-4f55-9c0e-2f6d0b7f5a02", "name": "Koppelpoort (App Center)",
        "secret": "demo-secret-published",
        "redirect_uris": ["http://127.0.0.1:*", "http://localhost:*"], "published": True,
    },
]  # fmt: skip

# Name, country, postcode and city.
_NAMED = """
Van den Broeck Bouw BV|BE|2800 Mechelen
Bakkerij Het Zoete Deeg BV|BE|9000 Gent
Drukkerij Ingels & Zoon NV|BE|8500 Kortrijk
Tandartspraktijk Wouters-Claes BV|BE|3000 Leuven
Fietsen Martens BV|BE|2300 Turnhout
Boulangerie Delmotte SRL|BE|5000 Namur
Slagerij Bogaerts-Pauwels BV|BE|2200 Herentals
Café De Gele Tram B.V.|NL|2513 AA Den Haag
Dakwerken Struyf BV|BE|2500 Lier
Hoeve ’t Lindenhof CommV|BE|3500 Hasselt
Jansen & Postma Installatietechniek B.V.|NL|8011 CD Zwolle
Menuiserie Roussel-Caron SAS|FR|59000 Lille
Kapsalon Lijn & Lok VOF|BE|9100 Sint-Niklaas
Zorgboerderij Wijde Blik B.V.|NL|6711 AB Ede
Garage Kerkhofs & Zoon BV|BE|3600 Genk
Brouwerij De Zwarte Zwaan NV|BE|8000 Brugge
Pharmacie du Grognon SRL|BE|5000 Namur
Tuinaanleg De Groene Vinger BV|BE|2960 Brecht
Schilderwerken Peeraer BV|BE|2440 Geel
Kinesitherapie Vandamme BV|BE|8400 Oostende
Frituur Den Hoek BV|BE|1500 Halle
Transport Coppens & Co NV|BE|9160 Lokeren
Librairie La Page Tournée SRL|BE|4000 Liège
Boucherie Saint-Roch SRL|BE|7000 Mons
Electro Van Looveren BV|BE|2900 Schoten
Bloemenatelier Madelief BV|BE|9300 Aalst
Advocatenkantoor Nijs & Verbeke BV|BE|1000 Brussel
Optiek De Scherpe Blik BV|BE|2018 Antwerpen
Houthandel Verhaegen NV|BE|9700 Oudenaarde
Apotheek Bij de Kerk BV|BE|3800 Sint-Truiden
Bouwbedrijf Van Rijn & Zonen B.V.|NL|3011 AA Rotterdam
Rijschool Rechtdoor B.V.|NL|5611 BC Eindhoven
Dierenkliniek De Uiterwaard B.V.|NL|6811 DA Arnhem
Fysiotherapie Zuidas B.V.|NL|1077 XX Amsterdam
Boulangerie Maison Lefèvre SARL|FR|80000 Amiens
Plomberie Dufour et Fils SARL|FR|62000 Arras
Cabinet Infirmier des Tilleuls SELARL|FR|59100 Roubaix
Garage du Canal SAS|FR|02100 Saint-Quentin
Traiteur Mercier BV|BE|8900 Ieper
Wijnhandel De Kurkentrekker BV|BE|3290 Diest
"""
_TRADES = (
    "Bakkerij", "Slagerij", "Garage", "Kapsalon", "Drukkerij", "Schrijnwerkerij", "Loodgieterij", "Apotheek",
    "Tuinbouw",
    "Transport",
)  # fmt: skip
_FAMILIES = {
    "BE": ("Aerts", "Bauwens", "Cools", "De Backer", "Engelen", "Goossens", "Hermans", "Lenaerts"),
    "NL": ("Bakker", "De Vries", "Hoekstra", "Kuipers", "Mulder", "Smit", "Visser", "Willems"),
    "FR": ("Blanchard", "Chevalier", "Fontaine", "Garnier", "Lambert", "Perrin", "Renard", "Vasseur"),
}
_TRADES_FR = (
    "Boulangerie", "Boucherie", "Garage", "Salon", "Imprimerie", "Menuiserie", "Plomberie", "Pharmacie", "Jardins",
    "Transports",
)  # fmt: skip
_FORMS = {"BE": "BV", "NL": "B.V.", "FR": "SARL"}
_CITIES = {
    "BE": ("2000 Antwerpen", "9000 Gent", "3000 Leuven", "8500 Kortrijk"),
    "NL": ("1011 AB Amsterdam", "3511 CD Utrecht", "5038 EA Tilburg", "9711 GH Groningen"),
    "FR": ("59000 Lille", "75011 Paris", "80000 Amiens", "51100 Reims"),
}
# Position (1-based) → what is the matter. Positions from 113 stand in another country's environment.
_ARCHIVED = (29, 55, 67, 81, 99, 110)
_BLOCKED = {30: 1, 72: 5}
_INACTIVE = (40, 61, 90)
_CLOSED = {8: [(2026, month) for month in range(1, 4)], 22: [(2025, month) for month in range(1, 13)]}
_OTHER_ENVIRONMENT = 113
_OTHER_LICENCE = (39, 58)  # the client's own subscription: not opened to the firm


def divisions() -> Iterator[dict[str, Any]]:
    """Specifications for `seed.add_division`, codes from 320101. The firm's own division comes last."""
    named = [tuple(line.split("|")) for line in _NAMED.strip().splitlines()]
    for position in range(1, 120):
        name, country, place = named[position - 1] if position <= len(named) else _invented(position)
        postcode, city = _split(country, place)
        spec: dict[str, Any] = {
            "code": 320_100 + position, "hid": 20_100 + position, "name": name, "country": country,
            "postcode": postcode,
            "city": city, "address": f"{'Rue du Moulin' if country == 'FR' else 'Molenstraat'} {position}",
            "environment": country.lower() if position >= _OTHER_ENVIRONMENT else "be",
            "status": 2 if position in _ARCHIVED else 0 if position in _INACTIVE else 1,
            "blocking": _BLOCKED.get(position, 0), "closed": _CLOSED.get(position, ()),
            "licence": f"own-{position}" if position in _OTHER_LICENCE else "peeters-lambrechts",
        }  # fmt: skip
        yield spec | identity_numbers(country, position)
    yield {
        "code": 320_100, "hid": 1, "name": "Peeters Lambrechts Accountants BV", "country": "BE", "city": "Mechelen",
        "postcode": "2800", "environment": "be", "main": True, "practice": True,
    } | identity_numbers("BE", 0)  # fmt: skip


def _invented(position: int) -> tuple[str, str, str]:
    country = "BE" if position % 10 < 5 else "NL" if position % 10 < 8 else "FR"
    if position >= _OTHER_ENVIRONMENT:
        country = "NL" if position % 2 else "FR"
    trades = _TRADES_FR if country == "FR" else _TRADES
    family = _FAMILIES[country][(position // 10 + position) % 8]
    name = f"{trades[position % 10]} {family} {_FORMS[country]}"
    return name, country, _CITIES[country][position % 4]


def _split(country: str, place: str) -> tuple[str, str]:
    """Postcode and city; a Dutch postcode has a space."""
    words = place.split(" ")
    cut = 2 if country == "NL" else 1
    return " ".join(words[:cut]), " ".join(words[cut:])


def identity_numbers(country: str, position: int) -> dict[str, str]:
    """Enterprise, VAT and establishment numbers with right check digits, and an IBAN."""
    if country == "BE":
        kbo = _mod97(9_312_000 + position * 37)
        return {"enterprise_number": kbo, "vat_number": f"BE{kbo}", "iban": _iban("BE", _belgian_account(position))}
    if country == "NL":
        rsin = _dutch_rsin(85_000_000 + position * 113)
        return {
            "enterprise_number": str(90_416_000 + position * 271), "vat_number": f"NL{rsin}B01",
            "iban": _iban("NL", f"RABO{3_100_000_00 + position:010d}"),
        }  # fmt: skip
    siren = _luhn(f"{91_238_000 + position * 59:08d}")
    siret = _luhn(f"{siren}0001")
    key = (12 + 3 * (int(siren) % 97)) % 97
    account = f"3000400001{position:011d}"
    return {
        "enterprise_number": siren, "siret": siret, "establishment": siret[9:], "vat_number": f"FR{key:02d}{siren}",
        "iban": _iban("FR", f"{account}{97 - (89 * 30004 + 15 * 1 + 3 * position) % 97:02d}"),
    }  # fmt: skip


def _mod97(number: int) -> str:
    """A Belgian enterprise number: ten digits, the last two are 97 - the others mod 97."""
    return f"{number:08d}{97 - number % 97:02d}"


def _belgian_account(position: int) -> str:
    number = 7_340_000_000 + position
    return f"{number:010d}{number % 97 or 97:02d}"


def _dutch_rsin(number: int) -> str:
    """Nine digits that pass the eleven test; a start without a check digit is counted up."""
    while True:
        digits = f"{number:08d}"
        check = sum(int(digit) * weight for digit, weight in zip(digits, range(9, 1, -1), strict=True)) % 11
        if check < 10:
            return f"{digits}{check}"
        number += 1


def _luhn(digits: str) -> str:
    """The digits with the Luhn digit behind them."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 - index % 2)
        total += value - 9 if value > 9 else value
    return f"{digits}{-total % 10}"


def _iban(country: str, account: str) -> str:
    number = "".join(str(int(char, 36)) for char in f"{account}{country}00")
    return f"{country}{98 - int(number) % 97:02d}{account}"


def users() -> Iterator[dict[str, Any]]:
    """All passwords are "demo"."""
    for environment in ("be", "nl", "fr"):
        current = {"be": 320_100, "nl": 320_213, "fr": 320_214}[environment]
        yield {
            "login": "kantoor", "name": "Anke Peeters", "environment": environment,
            "role": "firm",
            "email": "anke.peeters@peeters-lambrechts.example", "current": current,
        }  # fmt: skip
    yield {
        "login": "vervanger", "name": "Joris De Smet", "environment": "be", "language": "EN-US", "role": "firm",
        "email": "joris.desmet@peeters-lambrechts.example", "current": 320_100,
    }  # fmt: skip
    yield {
        "login": "client", "name": "Luc Van den Broeck", "environment": "be", "role": "client", "divisions": [320_101],
        "company": "Van den Broeck Bouw BV", "email": "luc@vandenbroeckbouw.example",
    }  # fmt: skip
    yield {
        "login": "mijnkantoor", "name": "Sara Claes", "environment": "be", "role": "portal", "divisions": [320_104],
        "company": "Tandartspraktijk Wouters-Claes BV", "email": "sara@wouters-claes.example",
    }  # fmt: skip
    yield {
        "login": "zonder", "name": "Piet Zonderrecht", "environment": "be", "role": "none", "current": 320_100,
        "email": "piet@peeters-lambrechts.example",
    }  # fmt: skip
