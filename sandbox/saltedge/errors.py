"""Refusals as the provider words them: `{"error": {"class", "message"}}` with a status."""

from __future__ import annotations

STATUS = {
    "ApiKeyNotFound": 404, "SignatureMissing": 400, "SignatureNotMatch": 400, "ExpiresAtInvalid": 400,
    "WrongRequestFormat": 400, "DuplicatedCustomer": 409, "CustomerNotFound": 404, "ProviderNotFound": 404,
    "ProviderDisabled": 406, "ConnectionNotFound": 404, "ConnectionDisabled": 406, "ConnectionCannotBeRefreshed": 406,
    "ConnectionAlreadyProcessing": 409, "ConsentExpired": 406, "ConsentRevoked": 406, "AccountNotFound": 404,
    "BackgroundFetchLimitExceeded": 429, "TooManyRequests": 429, "ActionNotAllowed": 406, "RouteNotFound": 404,
    "DateOutOfRange": 400, "InternalServerError": 500,
}  # fmt: skip


class ApiError(Exception):
    """`kind` is the provider's class of the error."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.status = STATUS[kind]
