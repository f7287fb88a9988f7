"""Charts of accounts, journals and VAT codes per country, as an accounting firm would set them up.

Account lines: code, type (12 bank, 10 cash, 20 receivable, 22 payable, 24 VAT, 90 general, 110 revenue,
111 cost of goods, 121 other costs, 122 staff, 123 depreciation), name. Codes of 6 and 7 in BE and FR, of
4 and 8 in NL are profit and loss.
"""

from __future__ import annotations

from dataclasses import dataclass

_BE = """
100000 90 Kapitaal|130000 90 Wettelijke reserve|140000 90 Overgedragen winst|170000 90 Leningen op meer dan een jaar
200000 90 Oprichtingskosten|220000 90 Terreinen en gebouwen|230000 90 Installaties en machines
240000 90 Meubilair|241000 90 Rollend materieel|241009 90 Afschrijvingen rollend materieel
300000 90 Voorraad grondstoffen|340000 90 Voorraad handelsgoederen|400000 20 Handelsdebiteuren
411000 24 Terugvorderbare btw|411059 24 Terug te vorderen btw op aankopen|416000 90 Diverse vorderingen
430000 90 Financiële schulden op korte termijn|440000 22 Leveranciers|451000 24 Te betalen btw
451054 24 Verschuldigde btw op verkopen|453000 90 Ingehouden voorheffing|454000 90 Rijksdienst voor Sociale Zekerheid
455000 90 Bezoldigingen|489000 90 Andere diverse schulden|490000 90 Over te dragen kosten|499000 90 Wachtrekening
550000 12 Bank zichtrekening|551000 12 Bank spaarrekening|570000 10 Kas|580000 90 Interne overboekingen
600000 111 Aankopen grondstoffen|604000 111 Aankopen handelsgoederen|610000 121 Huur en huurlasten
612000 121 Elektriciteit, gas en water|613000 121 Erelonen|614000 121 Publiciteit|615000 121 Autokosten
620000 122 Bezoldigingen personeel|621000 122 Werkgeversbijdragen|630000 123 Afschrijvingen
640000 121 Andere bedrijfskosten|650000 121 Kosten van schulden|657000 121 Bankkosten|700000 110 Omzet handelsgoederen
702000 110 Omzet diensten|743000 110 Diverse opbrengsten|750000 110 Financiële opbrengsten
"""
_NL = """
0100 90 Bedrijfsgebouwen|0150 90 Inventaris|0155 90 Afschrijving inventaris|0200 90 Vervoermiddelen
0205 90 Afschrijving vervoermiddelen|0500 90 Aandelenkapitaal|0510 90 Algemene reserve|0550 90 Resultaat boekjaar
0700 90 Langlopende lening|0900 90 Voorziening onderhoud|1000 10 Kas|1100 12 Rabobank|1110 12 Spaarrekening
1200 90 Kruisposten|1300 20 Debiteuren|1400 90 Vooruitbetaalde kosten|1500 24 Af te dragen btw hoog
1510 24 Af te dragen btw laag|1520 24 Voorbelasting|1530 24 Btw-aangifte|1600 22 Crediteuren
1700 90 Af te dragen loonheffing|1710 90 Te betalen nettolonen|1800 90 Rekening-courant directie
1900 90 Nog te betalen kosten|2000 90 Vraagposten|2100 90 Tussenrekening bank|3000 90 Voorraad handelsgoederen
4000 122 Brutolonen|4010 122 Sociale lasten|4100 121 Huur|4110 121 Energie|4200 121 Kantoorkosten
4300 121 Autokosten|4400 121 Verkoopkosten|4500 121 Accountantskosten|4600 123 Afschrijvingen
4700 121 Bankkosten|4800 121 Algemene kosten|7000 111 Inkoopwaarde omzet|8000 110 Omzet hoog tarief
8010 110 Omzet laag tarief|8100 110 Omzet diensten|9000 110 Rentebaten|9100 121 Rentelasten
"""
_FR = """
101000 90 Capital|106100 90 Réserve légale|110000 90 Report à nouveau|120000 90 Résultat de l'exercice
164000 90 Emprunts auprès des établissements de crédit|205000 90 Logiciels|213500 90 Agencements|215000 90 Matériel
218200 90 Matériel de transport|218300 90 Matériel de bureau|281820 90 Amortissements matériel de transport
310000 90 Stocks de matières premières|370000 90 Stocks de marchandises|401000 22 Fournisseurs
408100 90 Factures non parvenues|411000 20 Clients|418100 90 Factures à établir|421000 90 Rémunérations dues
431000 90 Sécurité sociale|445510 24 TVA à décaisser|445660 24 TVA déductible|445710 24 TVA collectée
455000 90 Associés, comptes courants|467000 90 Débiteurs et créditeurs divers|471000 90 Compte d'attente
486000 90 Charges constatées d'avance|512000 12 Banque|512100 12 Compte d'épargne|530000 10 Caisse
580000 90 Virements internes|601000 111 Achats de matières premières|607000 111 Achats de marchandises
606100 121 Énergie|606400 121 Fournitures administratives|613200 121 Locations immobilières|615500 121 Entretien
616000 121 Assurances|622600 121 Honoraires|623000 121 Publicité|625100 121 Déplacements|627000 121 Services bancaires
641000 122 Rémunérations du personnel|645000 122 Charges de sécurité sociale|661000 121 Intérêts
681100 123 Dotations aux amortissements|701000 110 Ventes de produits finis|706000 110 Prestations de services
707000 110 Ventes de marchandises|768000 110 Produits financiers
"""


@dataclass(frozen=True, slots=True)
class Chart:
    """`journals`: (code, type, name, ledger account). `vat`: (code, fraction, name, to pay, to claim)."""

    accounts: tuple[tuple[str, int, str], ...]
    journals: tuple[tuple[str, int, str, str], ...]
    vat: tuple[tuple[str, float, str, str, str], ...]
    profit_and_loss: str  # first digits

    def is_result(self, code: str) -> bool:
        return code[0] in self.profit_and_loss


def _accounts(text: str) -> tuple[tuple[str, int, str], ...]:
    items = (item.split(" ", 2) for item in text.strip().replace("\n", "|").split("|"))
    return tuple((code, int(kind), name) for code, kind, name in items)


CHARTS = {
    "BE": Chart(
        _accounts(_BE),
        (
            ("10", 10, "Kas", "570000"), ("20", 12, "Bank zichtrekening", "550000"), ("21", 12, "Bank spaarrekening",
            "551000"),
            ("60", 22, "Aankopen", "440000"), ("70", 20, "Verkopen", "400000"), ("71", 21, "Creditnota's verkoop",
            "400000"),
            ("90", 90, "Diverse verrichtingen", "499000"), ("91", 90, "Loonjournaal", "455000"),
        ),
        (
            ("0", 0.0, "Btw 0 %", "451054", "411059"), ("1", 0.06, "Btw 6 %", "451054", "411059"),
            ("2", 0.12, "Btw 12 %", "451054", "411059"), ("4", 0.21, "Btw 21 %", "451054", "411059"),
            ("IC", 0.0, "Intracommunautair", "451054", "411059"), ("MC", 0.0, "Medecontractant", "451054", "411059"),
        ),
        "67",
    ),
    "NL": Chart(
        _accounts(_NL),
        (
            ("10", 10, "Kas", "1000"), ("20", 12, "Rabobank", "1100"), ("21", 12, "Spaarrekening", "1110"),
            ("60", 22, "Inkoopboek", "1600"), ("70", 20, "Verkoopboek", "1300"), ("71", 21, "Creditfacturen", "1300"),
            ("90", 90, "Memoriaal", "2000"), ("91", 90, "Loonjournaal", "1710"),
        ),
        (
            ("0", 0.0, "Geen btw", "1500", "1520"), ("1", 0.09, "Btw laag 9 %", "1510", "1520"),
            ("2", 0.21, "Btw hoog 21 %", "1500", "1520"), ("3", 0.0, "Btw verlegd", "1500", "1520"),
            ("IC", 0.0, "Intracommunautair", "1500", "1520"),
        ),
        "4789",
    ),
    "FR": Chart(
        _accounts(_FR),
        (
            ("10", 10, "Caisse", "530000"), ("20", 12, "Banque", "512000"), ("21", 12, "Compte d'épargne", "512100"),
            ("60", 22, "Achats", "401000"), ("70", 20, "Ventes", "411000"), ("71", 21, "Avoirs", "411000"),
            ("90", 90, "Opérations diverses", "471000"), ("91", 90, "Paie", "421000"),
        ),
        (
            ("0", 0.0, "TVA 0 %", "445710", "445660"), ("1", 0.055, "TVA 5,5 %", "445710", "445660"),
            ("2", 0.1, "TVA 10 %", "445710", "445660"), ("3", 0.2, "TVA 20 %", "445710", "445660"),
            ("IC", 0.0, "Intracommunautaire", "445710", "445660"),
        ),
        "67",
    ),
}  # fmt: skip
