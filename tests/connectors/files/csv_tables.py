"""A small table in the way of each bank, with made-up people."""

from __future__ import annotations

BE, BE_OTHER = "BE68539007547034", "BE71096123456769"
NL, NL_OTHER = "NL91ABNA0417164300", "NL20INGB0001234567"
FR = "FR1420041010050500013M02606"

KBC = f"""\
Rekeningnummer;Rubrieknaam;Naam;Munt;Afschriftnummer;Datum;Omschrijving;Valuta;Bedrag;Saldo;credit;debet;\
rekeningnummer tegenpartij;BIC tegenpartij;Naam tegenpartij;Adres tegenpartij;gestructureerde mededeling;\
Vrije mededeling
{BE};   ;DELMOTTE;EUR;  02024001;31/01/2024;OVERSCHRIJVING NAAR   ;30/01/2024;-12,50;1.087,50;      ;-12,50;\
BE71 0961 2345 6769;GKCCBEBB;JANSEN PIET   ;;;Brood
{BE};   ;DELMOTTE;EUR;  02024001;01/02/2024;OVERSCHRIJVING VAN;01/02/2024;1.100,00;2.187,50;1.100,00;;\
;;PEETERS;;+++090/9337/55493+++;
"""
KBC_FR = f"""\
Numéro de compte;Nom de la rubrique;Nom;Devise;Numéro de l'extrait;Date;Description;Valeur;Montant;Solde;crédit;débit;\
numéro de compte contrepartie;BIC contrepartie;Nom contrepartie;Adresse contrepartie;communication structurée;\
Communication libre
{BE};;DELMOTTE;EUR;02024001;31/01/2024;VIREMENT;30/01/2024;-12,50;1087,50;;-12,50;{BE_OTHER};GKCCBEBB;JANSEN PIET;;;Pain
"""
BNP = f"""\
Volgnummer;Uitvoeringsdatum;Valutadatum;Bedrag;Valuta rekening;Rekeningnummer;Type verrichting;Tegenpartij;\
Naam van de tegenpartij;Mededeling;Details;Status;Reden van weigering
2024-00002;31/01/2024;30/01/2024;-12,50;EUR;{BE};Overschrijving;{BE_OTHER};JANSEN PIET;Brood;OVERSCHRIJVING;\
Geaccepteerd;
2024-00001;30/01/2024;30/01/2024;-99,00;EUR;{BE};Domiciliëring;{BE_OTHER};TELECOM;;;Geweigerd;Onvoldoende saldo
"""
BNP_OLD = f"""\
VOLGNUMMER;UITVOERINGSDATUM;VALUTADATUM;BEDRAG;VALUTA REKENING;TEGENPARTIJ VAN DE VERRICHTING;DETAILS;REKENINGNUMMER
2017-0001;31/01/2024;30/01/2024;-12,50;EUR;JANSEN PIET;Brood;{BE}
"""
BNP_FR = f"""\
Nº de séquence;Date d'exécution;Date valeur;Montant;Devise du compte;Numéro de compte;Type de transaction;Contrepartie;\
Nom de la contrepartie;Communication;Détails;Statut;Motif du refus
2024-00002;31/01/2024;30/01/2024;-12,50;EUR;{BE};Virement;{BE_OTHER};JANSEN PIET;Pain;;Accepté;
"""
FINTRO = f"""\
Volgnummer;Uitvoeringsdatum;Valutadatum;Bedrag;Valuta rekening;Details;Rekeningnummer
2024-0001;31/01/2024;30/01/2024;-7.012,50;EUR;MET KAART BROOD;{BE}
"""
BELFIUS = """\
Boekingsdatum vanaf;01/01/2024
Boekingsdatum tot en met;31/01/2024
Bedrag vanaf;
Bedrag tot en met;
Rekeninguittrekselnummer vanaf;
Rekeninguittrekselnummer tot en met;
Mededeling;
Naam tegenpartij bevat;
Rekening tegenpartij;
Laatste saldo;1234,56 EUR
Datum/uur van het laatste saldo;19/02/2024 12:46:57 ;
;
Rekening;Boekingsdatum;Rekeninguittrekselnummer;Transactienummer;Rekening tegenpartij;Naam tegenpartij bevat;\
Straat en nummer;Postcode en plaats;Transactie;Valutadatum;Bedrag;Devies;BIC;Landcode;Mededelingen
BE68 5390 0754 7034;31/01/2024;00010;52;BE71 0961 2345 6769;JANSEN PIET;;;OVERSCHRIJVING;30/01/2024;-12,50;EUR;\
GKCCBEBB;BE;Brood
"""
ING_BE = f"""\
Rekeningnummer;Naam van de rekening;Rekening tegenpartij;Omzetnummer;Boekingsdatum;Valutadatum;Bedrag;Munteenheid;\
Omschrijving;Detail van de omzet;Bericht
{BE};DELMOTTE;{BE_OTHER};12;31/01/2024;30/01/2024;-12,50;EUR;Overschrijving;Naar JANSEN;Brood
"""
ING_BE_FR = f"""\
Numéro de compte;Nom du compte;Compte partie adverse;Numéro de mouvement;Date comptable;Date valeur;Montant;Devise;\
Libellés;Détails du mouvement;Message
{BE};DELMOTTE;{BE_OTHER};12;31/01/2024;30/01/2024;-12,50;EUR;Virement;A JANSEN;Pain
"""
ARGENTA = f"""\
Rekening;Boekdatum;Valutadatum;Referentie;Beschrijving;Bedrag;Munt;Verrichtingsdatum;Rekening tegenpartij;\
Naam tegenpartij;Mededeling
{BE};31-01-2024;30-01-2024;B4A1;Overschrijving;-12,50;EUR;30-01-2024;{BE_OTHER};JANSEN PIET;Brood
"""
KEYTRADE = f"""\
Extract;Date;Value date;Account;Description;Amount;Currency
7;31.01.2024;30.01.2024;{BE_OTHER};JANSEN PIET Brood;-12,50;EUR
"""
ING_NL = f"""\
"Datum";"Naam / Omschrijving";"Rekening";"Tegenrekening";"Code";"Af Bij";"Bedrag (EUR)";"Mutatiesoort";"Mededelingen";\
"Saldo na mutatie";"Tag"
"20240201";"Peeters";"{NL}";"{NL_OTHER}";"OV";"Bij";"1.100,00";"Overschrijving";"Rekening";"2.187,50";""
"20240131";"Jansen Piet";"{NL}";"";"BA";"Af";"12,50";"Betaalautomaat";"Brood";"1.087,50";""
"""
ING_NL_EN = f"""\
"Date","Name / Description","Account","Counterparty","Code","Debit/credit","Amount (EUR)","Transaction type",\
"Notifications"
"20240131","Jansen Piet","{NL}","{NL_OTHER}","BA","Debit","12,50","Payment terminal","Bread"
"""
ING_NL_SAVINGS = f"""\
"Datum";"Omschrijving";"Rekening";"Rekening naam";"Tegenrekening";"Af Bij";"Bedrag";"Valuta";"Mutatiesoort";\
"Mededelingen";"Saldo na mutatie"
"2024-01-31";"Inleg";"A 123-45678";"Spaarrekening";"{NL_OTHER}";"Bij";"12,50";"EUR";"Inleg";"";"112,50"
"""
RABOBANK = f"""\
"IBAN/BBAN","Munt","BIC","Volgnr","Datum","Rentedatum","Bedrag","Saldo na trn","Tegenrekening IBAN/BBAN",\
"Naam tegenpartij","Naam uiteindelijke partij","Naam initiërende partij","BIC tegenpartij","Code","Batch ID",\
"Transactiereferentie","Machtigingskenmerk","Incassant ID","Betalingskenmerk","Omschrijving-1","Omschrijving-2",\
"Omschrijving-3","Reden retour","Oorspr bedrag","Oorspr munt","Koers"
"{NL}","EUR","RABONL2U","000000000000001","2024-01-31","2024-01-30","-12,50","+1087,50","{NL_OTHER}",\
"Jansen Piet","","",\
"INGBNL2A","cb","","E2E-1","","","","Brood ","","","","","",""
"{NL_OTHER}","EUR","RABONL2U","000000000000009","2024-02-01","2024-02-01","+5,00","+5,00","{NL}","Eigen","","",\
"","tb","","","","","","","","","","","",""
"""
ABN_AMRO = (
    "417164300\tEUR\t20240131\t1100,00\t1087,50\t20240130\t-12,50\tSEPA Overboeking                 "
    f"IBAN: {NL_OTHER}        BIC: INGBNL2A                    Naam: Jansen Piet               "
    "Omschrijving: Brood\n"
    "417164300\tEUR\t20240201\t1087,50\t2187,50\t20240201\t1100,00\t"
    f"/TRTP/SEPA OVERBOEKING/IBAN/{NL_OTHER}/BIC/INGBNL2A/NAME/Peeters/REMI/Rekening/EREF/E2E-2\n"
)
ASN = f"""\
31-01-2024,{NL},{NL_OTHER},Jansen Piet,,,,EUR,1100.00,EUR,-12.50,31-01-2024,30-01-2024,2754,NGM,51392971,,'Brood',26
01-02-2024,{NL},,,,,,EUR,1087.50,EUR,1100.00,01-02-2024,01-02-2024,2755,OVB,51392972,,,26
"""
KNAB = f"""\
KNAB EXPORT;;;;;;;;;;;;;;;;
Rekeningnummer;Transactiedatum;Valutacode;CreditDebet;Bedrag;Tegenrekeningnummer;Tegenrekeninghouder;Valutadatum;\
Betaalwijze;Omschrijving;Type betaling;Machtigingsnummer;Incassant ID;Adres;Referentie;Boekdatum;
"{NL}";"31-01-2024";"EUR";"D";"12,50";"{NL_OTHER}";"Jansen Piet";"30-01-2024";"Overboeking";"Brood";"";"";"";"";\
"B9F2";"31-01-2024";
"{NL}";"01-02-2024";"EUR";"C";"2500";"{NL_OTHER}";"Peeters";"01-02-2024";"Overboeking";"";"";"";"";"";"B9F3";\
"01-02-2024";
"""
BUNQ = f"""\
"Date","Interest Date","Amount","Account","Counterparty","Name","Description"
"2024-01-31","2024-01-30","-12,50","{NL}","{NL_OTHER}","Jansen Piet","Brood"
"""
CREDIT_AGRICOLE = """\
Téléchargement du 02/02/2024;


M. DELMOTTE
Compte de Dépôt carte n° 12345678901;
Solde au 02/02/2024 1 087,50 €

Liste des opérations du compte entre le 01/01/2024 et le 02/02/2024;

Date;Libellé;Débit euros;Crédit euros;
31/01/2024;"PAIEMENT PAR CARTE
BOULANGERIE
";12,50;;
01/02/2024;"VIREMENT EN VOTRE FAVEUR
";;1 100,00;
"""
CREDIT_MUTUEL = """\
Date;Date de valeur;Débit;Crédit;Libellé;Solde
31/01/2024;30/01/2024;-12,50;;PAIEMENT CB BOULANGERIE;1087,50
01/02/2024;01/02/2024;;1100,00;VIR DELMOTTE;2187,50
"""

# Name → (table, encoding, account, currency, (date, value date, amount, name, account of the other side) of each line,
# (opening, closing))
TABLES = {
    "KBC": (KBC, "cp1252", BE, "EUR", [("2024-01-31", "2024-01-30", "-12.50", "JANSEN PIET", BE_OTHER),
        ("2024-02-01", "2024-02-01", "1100.00", "PEETERS", "")], ("1100.00", "2187.50")),
    "KBC in French": (KBC_FR, "cp1252", BE, "EUR",
        [("2024-01-31", "2024-01-30", "-12.50", "JANSEN PIET", BE_OTHER)], ("1100.00", "1087.50")),
    "BNP Paribas Fortis": (BNP, "utf-8-sig", BE, "EUR",
        [("2024-01-31", "2024-01-30", "-12.50", "JANSEN PIET", BE_OTHER)], None),
    "BNP Paribas Fortis before 2019": (BNP_OLD, "cp1252", BE, "EUR",
        [("2024-01-31", "2024-01-30", "-12.50", "JANSEN PIET", "")], None),
    "BNP Paribas Fortis in French": (BNP_FR, "utf-8", BE, "EUR",
        [("2024-01-31", "2024-01-30", "-12.50", "JANSEN PIET", BE_OTHER)], None),
    "Fintro": (FINTRO, "utf-8", BE, "EUR", [("2024-01-31", "2024-01-30", "-7012.50", "", "")], None),
    "Belfius": (BELFIUS, "latin-1", BE, "EUR",
        [("2024-01-31", "2024-01-30", "-12.50", "JANSEN PIET", BE_OTHER)], None),
    "ING Belgium": (ING_BE, "utf-8", BE, "EUR", [("2024-01-31", "2024-01-30", "-12.50", "", BE_OTHER)], None),
    "ING Belgium in French": (ING_BE_FR, "cp1252", BE, "EUR",
        [("2024-01-31", "2024-01-30", "-12.50", "", BE_OTHER)], None),
    "Argenta": (ARGENTA, "utf-8", BE, "EUR",
        [("2024-01-31", "2024-01-30", "-12.50", "JANSEN PIET", BE_OTHER)], None),
    "Keytrade": (KEYTRADE, "utf-8", "", "EUR", [("2024-01-31", "2024-01-30", "-12.50", "", BE_OTHER)], None),
    "ING Netherlands": (ING_NL, "utf-8", NL, "EUR", [("2024-02-01", "None", "1100.00", "Peeters", NL_OTHER),
        ("2024-01-31", "None", "-12.50", "Jansen Piet", "")], ("1100.00", "2187.50")),
    "ING Netherlands in English": (ING_NL_EN, "utf-8", NL, "EUR",
        [("2024-01-31", "None", "-12.50", "Jansen Piet", NL_OTHER)], None),
    "ING Netherlands, savings": (ING_NL_SAVINGS, "utf-8", "A123-45678", "EUR",
        [("2024-01-31", "None", "12.50", "Inleg", NL_OTHER)], ("100.00", "112.50")),
    "ABN AMRO": (ABN_AMRO, "utf-8", "417164300", "EUR",
        [("2024-01-31", "2024-01-30", "-12.50", "Jansen Piet", NL_OTHER),
         ("2024-02-01", "2024-02-01", "1100.00", "Peeters", NL_OTHER)], ("1100.00", "2187.50")),
    "ASN": (ASN, "utf-8", NL, "EUR", [("2024-01-31", "2024-01-30", "-12.50", "Jansen Piet", NL_OTHER),
        ("2024-02-01", "2024-02-01", "1100.00", "", "")], ("1100.00", "2187.50")),
    "Knab": (KNAB, "utf-8", NL, "EUR", [("2024-01-31", "2024-01-30", "-12.50", "Jansen Piet", NL_OTHER),
        ("2024-02-01", "2024-02-01", "2500", "Peeters", NL_OTHER)], None),
    "bunq": (BUNQ, "utf-8", NL, "EUR", [("2024-01-31", "2024-01-30", "-12.50", "Jansen Piet", NL_OTHER)], None),
    "Crédit Agricole": (CREDIT_AGRICOLE, "cp1252", "12345678901", "EUR",
        [("2024-01-31", "None", "-12.50", "", ""), ("2024-02-01", "None", "1100.00", "", "")], None),
    "Crédit Mutuel": (CREDIT_MUTUEL, "latin-1", "", "EUR",
        [("2024-01-31", "2024-01-30", "-12.50", "", ""), ("2024-02-01", "2024-02-01", "1100.00", "", "")],
        ("1100.00", "2187.50")),
}  # fmt: skip
