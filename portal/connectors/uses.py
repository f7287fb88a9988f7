"""What manifests say of reading and sending, where it is the same for several packages."""

from __future__ import annotations

from portal.connectors.manifest import FieldUse
from portal.connectors.refusals import N_

TO_RECOGNISE = N_("to recognise the same login next time")
TO_MATCH = N_("to match dossiers with client accounts")
TO_CHOOSE = N_("to choose from when configuring")
TO_WARN = N_("to say before sending what would be refused")
TO_COMPARE = N_("to look an entry up and to compare both sides")
TO_BOOK = N_("to book bank statements and documents")

LISTS = FieldUse(N_("Ledger accounts, journals and VAT codes: code, name, type"), TO_CHOOSE)
YEARS = FieldUse(N_("Fiscal years, open or closed"), TO_WARN)
LINES = FieldUse(N_("Lines of the journals that Koppelpoort books in"), TO_COMPARE)
RELATIONS = FieldUse(
    N_("Customers and suppliers: name, VAT and enterprise number"),
    N_("to book sales and purchases on the right account; only when documents are synchronised"),
)

NO_PAYMENTS = N_("Payments are never made or prepared")
NO_CHANGES = N_("Nothing in the dossier is changed or deleted")
NO_DOCUMENTS = N_("Documents and attachments are not read")
