"""The endpoints as tables: where a list comes from, its fields, its key, its rules.

A field is written `[~]Name[!][:Kind][=sql]`: `~` cannot be filtered on, `!` may be written, the
kind is one of `wire` (default S), the expression defaults to the column `t.Name`. Fields that this
server knows of but never fills are named in `nulls` and read as null.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_FIELD = re.compile(r"(?P<hidden>~?)(?P<name>\w+)(?P<write>!?)(?::(?P<kind>[GSPILDABTZ]))?(?:=(?P<sql>\S+))?")


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    kind: str
    sql: str
    writable: bool
    filterable: bool


@dataclass(frozen=True, slots=True)
class Entity:
    path: str
    model: str
    source: str  # SQL after FROM; the row is `t`
    fields: Mapping[str, Field]
    where: str = "t.Division = :division"
    key: tuple[str, ...] = ("ID",)
    page: int = 60
    methods: str = "G"  # of G P U D
    table: str = ""  # where plain records are written
    mandatory: tuple[tuple[str, str], ...] = ()  # (field, word used in the refusal)
    scope: str = "financial.accounting"
    filter_needed: tuple[str, ...] = ()
    lists: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # nav → (child path, its parent field)
    any_division: bool = False  # a listing of divisions works from any number
    entry_kind: str = ""  # bank, cash, general, sales, purchase
    deleted_type: int = 0  # EntityType in sync/Deleted
    cursor: bool = False  # a sync endpoint: $orderby and $top are ignored


def fields(spec: str, nulls: str = "") -> dict[str, Field]:
    found: dict[str, Field] = {}
    for word in spec.split():
        m = _FIELD.fullmatch(word)
        if m is None:
            raise ValueError(f"cannot read field {word!r}")
        name, kind = m["name"], m["kind"] or "S"
        found[name] = Field(name, kind, m["sql"] or f"t.{name}", bool(m["write"]), not m["hidden"])
    for name in nulls.split():
        found[name] = Field(name, "S", "NULL", False, True)
    return found


STAMPS = "Created:T Modified:T Creator:G ~CreatorFullName=cu.FullName Modifier:G ~ModifierFullName=mu.FullName"
USERS = " LEFT JOIN users cu ON cu.UserID = t.Creator LEFT JOIN users mu ON mu.UserID = t.Modifier"

DIVISION_NULLS = (
    "AddressLine2 AddressLine3 BusinessTypeCode BusinessTypeDescription Class_01 Class_02 Class_03 Class_04 Class_05 "
    "CompanySizeCode CompanySizeDescription Creator CreatorFullName DatevAccountantNumber DatevClientNumber "
    "DivisionHRLinkUnlinkDate DivisionMoveDate Fax Modifier ModifierFullName OBNumber Phone SbiCode SbiDescription "
    "SectorCode SectorDescription ShareCapital State SubsectorCode SubsectorDescription TaxOfficeNumber "
    "TaxReferenceNumber TemplateCode Website"
)
DIVISION = fields(
    "Code:I AddressLine1 ArchiveDate:T BlockingStatus:I ChamberOfCommerceEstablishment ChamberOfCommerceNumber City "
    "Country:P Created:T Currency Current:B=(t.Code=:current) Customer:G CustomerCode CustomerName Description Email "
    "Hid:L IsDossierDivision:B IsHRDivision:B=0 IsMainDivision:B IsPracticeDivision:B Legislation=t.Country "
    "Modified:T Postcode SiretNumber StartDate:T Status:I VATNumber",
    DIVISION_NULLS,
)
HRM_DIVISION = fields(
    "Code:I ArchiveDate:T BlockingStatus:I Country:P ~CountryDescription=t.Country Created:T Currency "
    "~CurrencyDescription=t.Currency Customer:G CustomerCode CustomerName Description HID:L=t.Hid "
    "Main:B=t.IsMainDivision Modified:T SiretNumber StartDate:T Status:I=(t.Status=2) VATNumber",
    "Class_01 Class_02 Class_03 Class_04 Class_05 Creator CreatorFullName Modifier ModifierFullName OBNumber "
    "TaxOfficeNumber TaxReferenceNumber TemplateCode Website",
)
ME = fields(
    "UserID:G AccountingDivision:I=t.CurrentDivision CurrentDivision:I CustomerCode=d.CustomerCode "
    "DivisionCustomer:G=d.Customer DivisionCustomerCode=d.CustomerCode DivisionCustomerName=d.CustomerName "
    "DivisionCustomerSiretNumber=d.SiretNumber DivisionCustomerVatNumber=d.VATNumber Email FirstName=t.FullName "
    "FullName IsClientUser:B=(t.role<>'firm') IsEmployeeSelfServiceUser:B=0 IsMyFirmLiteUser:B=0 "
    "IsMyFirmPortalUser:B=(t.role='portal') IsOEIMigrationMandatory:B=0 IsStarterUser:B=0 Language "
    "LanguageCode=t.Language LastName=t.FullName Legislation:L=1 ServerTime:Z=:now ServerUtcOffset:D=0 "
    "UserName=t.login",
    "DossierDivision EmployeeID Gender Initials MiddleName Mobile Nationality PackageCode Phone PhoneExtension "
    "PictureUrl ThumbnailPicture ThumbnailPictureFormat Title",
)

GL_NULLS = (
    "AllowCostsInSales AssimilatedVATBox BelcotaxType Compress Costcenter CostcenterDescription Costunit "
    "CostunitDescription CustomField DeductibilityPercentages DescriptionTermID ExcludeVATListing "
    "ExpenseNonDeductiblePercentage PrivateGLAccount PrivatePercentage ReportingCode RevalueCurrency UseCostcenter "
    "UseCostunit VATDescription VATGLAccountType VATNonDeductibleGLAccount VATNonDeductiblePercentage "
    "YearEndCostGLAccount YearEndReflectionGLAccount TypeDescription"
)
GL_SPEC = (
    "ID:G BalanceSide! BalanceType! Code! Description! Division:I IsBlocked!:B Matching!:B SearchCode! Type!:I "
    f"VATCode!:P VATSystem! {STAMPS}"
)
JOURNAL = fields(
    "ID:G AllowVariableCurrency!:B AllowVariableExchangeRate:B=0 AllowVAT!:B AutoSave:B=0 BankAccountBICCode "
    "~BankAccountDescription=t.BankName BankAccountIBAN BankAccountIncludingMask=t.BankAccountIBAN BankName Code! "
    "Currency! ~CurrencyDescription=t.Currency Description! Division:I GLAccount!:G GLAccountCode=g.Code "
    f"~GLAccountDescription=g.Description GLAccountType:I=g.Type IsBlocked!:B Type!:I {STAMPS}",
    "Bank BankAccountCountry BankAccountID BankAccountUseSEPA BankAccountUseSepaDirectDebit CustomField "
    "PaymentInTransitAccount PaymentServiceAccountIdentifier PaymentServiceProvider PaymentServiceProviderName",
)
VAT = fields(
    "ID:G Charged!:B Code!:P Country:P=d.Country Description! Division:I GLToClaim!:G GLToPay!:G IsBlocked!:B "
    f"Percentage!:D Type! VATTransactionType! {STAMPS}",
    "Account AccountCode AccountName CalculationBasis CustomField EUSalesListing ExcludeVATListing "
    "GLDiscountPurchase GLDiscountSales IntraStat IntrastatType LegalText OssCountry TaxReturnType VatDocType "
    "VatMargin VATPartialRatio VATPercentages",
)
PERIOD = fields("ID:G Created:T Division:I EndDate:T FinPeriod:I FinYear:I Modified:T StartDate:T", "Creator Modifier")
STATUS_LIST = fields(
    "Journal=j.Code Period:I=t.FinPeriod Year:I=t.FinYear ~JournalDescription=j.Description JournalType:I=j.Type "
    "Status:I=iif(c.Period,1,0) ~StatusDescription=iif(c.Period,'Closed','Open')",
    "JournalTypeDescription",
)
ACCOUNT = (
    "ID:G AddressLine1! Blocked!:B ChamberOfCommerce! City! Code! Country!:P Division:I Email! GLAccountPurchase!:G "
    "GLAccountSales!:G IsSales:B IsSupplier!:B Language! Name! PaymentConditionPurchase! PaymentConditionSales! Phone! "
    f"Postcode! PurchaseVATCode!:P Remarks! SalesVATCode!:P SearchCode! Status! VATNumber! Website! {STAMPS}"
)
ACCOUNT_NULLS = (
    "Accountant AccountManager AccountManagerFullName AddressLine2 AddressLine3 BankAccounts BSN BusinessType "
    "Classification CodeAtSupplier CompanySize Costcenter CountryName CreditLinePurchase CreditLineSales Currency "
    "CustomField CustomerSince DiscountPurchase DiscountSales Document DunsNumber EndDate EORINumber Fax GLAP GLAR "
    "GlnNumber InvoiceAccount InvoicingMethod IsBank IsMailing IsPurchase IsReseller LanguageDescription Latitude "
    "Longitude MainContact OINNumber Parent PeppolIdentifier PriceList PurchaseCurrency Reseller RSIN SalesCurrency "
    "StartDate State StateName StatusSince TradeName Type"
)
BANK_ACCOUNT = fields(
    "ID:G Account!:G ~AccountName=a.Name BankAccount! BankAccountHolderName! BICCode! Description! Division:I "
    f"IBAN=t.BankAccount Main!:B {STAMPS}",
    "Bank BankDescription BankName Blocked Format PaymentServiceAccount Type TypeDescription",
)

HEAD = (
    "EntryID:G Created:T Currency! Division:I EntryNumber!:I JournalCode! ~JournalDescription=j.Description Modified:T "
    "FinancialPeriod!:I FinancialYear!:I Status:I ~StatusDescription=iif(t.Status=20,'Open','Processed')"
)
STATEMENT = fields(
    HEAD + " OpeningBalanceFC!:A ClosingBalanceFC!:A",
    "BankStatementDocument BankStatementDocumentNumber BankStatementDocumentSubject CustomField",
)
GENERAL = fields(
    HEAD + " ExchangeRate!:D=t.Rate Reversal!:B Type:I ~TypeDescription=iif(t.Type=10,'Opening','Other')",
    "CustomField",
)
INVOICE = (
    "EntryID:G AmountDC:A AmountFC:A Created:T Creator:G ~CreatorFullName=cu.FullName Currency! Description! "
    "Division:I "
    "Document!:G DueDate!:T EntryDate!:T=t.Date EntryNumber!:I ExternalLinkReference! InvoiceNumber!:I "
    "Journal!=t.JournalCode ~JournalDescription=j.Description Modified:T Modifier:G ~ModifierFullName=mu.FullName "
    "OrderNumber!:I PaymentCondition! PaymentReference! Rate!:D ReportingPeriod!:I=t.FinancialPeriod "
    "ReportingYear!:I=t.FinancialYear Reversal!:B Status:I ~StatusDescription=iif(t.Status=20,'Open','Processed') "
    "Type:I "
    "VATAmountDC:A VATAmountFC!:A YourRef!"
)
INVOICE_NULLS = (
    "BatchNumber CustomField DocumentNumber DocumentSubject ExternalLinkDescription GAccountAmountFC IsExtraDuty "
    "PaymentConditionDescription PaymentConditionPaymentMethod ProcessNumber TypeDescription"
)

GL = "GLAccount!:G GLAccountCode=g.Code ~GLAccountDescription=g.Description"
PARTY = "AccountCode=a.Code ~AccountName=a.Name"
STATEMENT_LINE = fields(
    f"ID:G Account!:G {PARTY} AmountDC:A=(-t.AmountDC) AmountFC!:A=(-t.AmountFC) CostCenter! CostUnit! "
    f"Created:T=e.Created "
    f"Creator:G=e.Creator Date!:T Description! Division:I Document!:G EntryID!:G EntryNumber:I=e.EntryNumber {GL} "
    "LineNumber:I Modified:T=e.Modified Modifier:G=e.Modifier Notes! OurRef!:I Quantity!:D VATCode!:P VATPercentage:D",
    "AmountVATFC Asset AssetCode AssetDescription CostCenterDescription CostUnitDescription CreatorFullName "
    "CustomField "
    "DocumentNumber DocumentSubject ExchangeRate ModifierFullName OffsetID Project ProjectCode ProjectDescription "
    "ProjectWBS ProjectWBSDescription VATCodeDescription VATType",
)
GENERAL_LINE = fields(
    f"ID:G Account!:G {PARTY} AmountDC:A AmountFC!:A CostCenter! CostUnit! Created:T=e.Created Creator:G=e.Creator "
    f"Date!:T Description! Division:I Document!:G EntryID!:G EntryNumber:I=e.EntryNumber {GL} LineNumber:I "
    "Modified:T=e.Modified Modifier:G=e.Modifier Notes! OurRef!:I Quantity!:D VATCode!:P VATPercentage:D",
    "AmountVATDC AmountVATFC Asset AssetCode AssetDescription CostCenterDescription CostUnitDescription "
    "CreatorFullName "
    "CustomField DocumentNumber DocumentSubject ModifierFullName OffsetID Project ProjectCode ProjectDescription "
    "ProjectWBS ProjectWBSDescription VATBaseAmountDC VATBaseAmountFC VATCodeDescription VATType",
)
INVOICE_LINE_NULLS = (
    "Asset AssetDescription CostCenterDescription CostUnitDescription CustomField From Project ProjectDescription "
    "SerialNumber Subscription SubscriptionDescription To TrackingNumber TrackingNumberDescription VATAmountDC "
    "VATBaseAmountDC VATBaseAmountFC VATCodeDescription"
)


def invoice_line(sign: str) -> dict[str, Field]:
    """Sales lines are kept as credits: their amounts are shown with the sign turned."""
    return fields(
        f"ID:G AmountDC:A=({sign}t.AmountDC) AmountFC!:A=({sign}t.AmountFC) CostCenter! CostUnit! Description! "
        f"Division:I "
        f"EntryID!:G {GL} LineNumber:I Notes! Quantity!:D Type:I=e.Type VATAmountFC!:A=({sign}t.VATAmountFC) "
        "VATCode!:P VATPercentage:D",
        INVOICE_LINE_NULLS,
    )


TRANSACTION_LINE = (
    f"ID:G Account:G {PARTY} AmountDC:A AmountFC:A AmountVATFC:A=t.VATAmountFC CostCenter CostUnit Created:T=e.Created "
    "Creator:G=e.Creator Currency=e.Currency Date:T Description Division:I Document:G DueDate:T=e.DueDate EntryID:G "
    "EntryNumber:I=e.EntryNumber ExchangeRate:D=e.Rate ExternalLinkReference=e.ExternalLinkReference "
    "FinancialPeriod:I=e.FinancialPeriod FinancialYear:I=e.FinancialYear GLAccount:G GLAccountCode=g.Code "
    "~GLAccountDescription=g.Description InvoiceNumber:I=e.InvoiceNumber JournalCode=e.JournalCode "
    "~JournalDescription=j.Description LineNumber:I LineType:I=0 Modified:T=e.Modified Modifier:G=e.Modifier Notes "
    "OrderNumber:I=e.OrderNumber PaymentReference=e.PaymentReference Quantity:D Status:I=e.Status Type:I=e.Type "
    "VATCode:P VATPercentage:D YourRef=e.YourRef"
)
TRANSACTION_LINE_NULLS = (
    "AmountVATBaseFC Asset AssetCode AssetDescription CostCenterDescription CostUnitDescription CreatorFullName "
    "CustomField DocumentNumber DocumentSubject ExternalLinkDescription ExtraDutyAmountFC ExtraDutyPercentage Item "
    "ItemCode ItemDescription ModifierFullName OffsetID PaymentDiscountAmount Project ProjectCode ProjectDescription "
    "ProjectWBS ProjectWBSDescription SerialNumber ShopOrder Subscription SubscriptionDescription TrackingNumber "
    "TrackingNumberDescription VATCodeDescription VATType"
)
TRANSACTION = fields(
    "EntryID:G ClosingBalanceFC:A Created:T Date:T Description Division:I Document:G EntryNumber:I "
    "ExternalLinkReference FinancialPeriod:I FinancialYear:I IsExtraDuty:B=0 JournalCode "
    "~JournalDescription=j.Description Modified:T OpeningBalanceFC:A PaymentConditionCode=t.PaymentCondition "
    "PaymentReference Status:I ~StatusDescription=iif(t.Status=20,'Open','Processed') Type:I",
    "DocumentNumber DocumentSubject ExternalLinkDescription PaymentConditionDescription TypeDescription",
)
