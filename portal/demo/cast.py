"""Who is in the demo, and how each client account stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PASSWORD = "kalm water stroomt diep"  # noqa: S105  (printed at the start; for a demo on this machine only)
FIRM = "Peeters Lambrechts"
FIRM_EMAIL = "portaal@peeters-lambrechts.example"
FIRM_NUMBER = "0945217389"


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    email: str
    role: str
    locale: str = "nl-BE"


STAFF: Sequence[Person] = (
    Person("Nadia El Amrani", "nadia@peeters-lambrechts.example", "administrator"),
    Person("Karin Wouters", "karin@peeters-lambrechts.example", "staff"),
    Person("Thomas Dubois", "thomas@peeters-lambrechts.example", "staff", "fr-BE"),
)
OWNERS: Sequence[Person] = (
    Person("Claire Delmotte", "claire@delmotte.example", "owner", "fr-BE"),
    Person("Luc Van den Broeck", "luc@vandenbroeck.example", "owner"),
    Person("Pieter Jansen", "pieter@jansen-postma.example", "owner", "nl-NL"),
    Person("Anne Roussel", "anne@roussel-caron.example", "owner", "fr-FR"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """What happens to a client in the demo, by its place in the list of forty (from 0)."""

    login: str  # "main", "lapsing", "failing" or "" for no coupling
    files: int  # months of statements, of the last three
    automatic: bool
    closed: bool = False  # the package has closed the last month
    gap: bool = False  # the middle month is missing


def part_of(index: int, environment: str) -> Part:
    if environment != "be":
        return Part("lapsing" if environment == "nl" else "french", 2, True)
    if index in (4, 17, 29):
        return Part("failing", 3, True)
    if index in (9, 23):
        return Part("", 3, True)
    if index in (13, 31):
        return Part("", 0, True)
    if index in (18, 26):
        return Part("main", 0, True)
    if index == 14:
        return Part("main", 3, True, closed=True)
    if index == 21:
        return Part("main", 3, True, gap=True)
    return Part("main", 3, automatic=index % 4 != 3)
