"""Named failures: a code and values, worded at the edge in the reader's language."""

from __future__ import annotations


class PortalError(Exception):
    """Base. `code` is a stable key that has a wording; `values` fill it; `status` is the HTTP answer."""

    code = "error"
    status = 400

    def __init__(self, code: str | None = None, **values: object) -> None:
        self.code = code or type(self).code
        self.values = values
        super().__init__(self.code)


class NotFound(PortalError):
    """Not there, or not yours: nobody is told which."""

    code = "not_found"
    status = 404


class Forbidden(PortalError):
    """Yours, but your role is too weak."""

    code = "forbidden"
    status = 403


class Conflict(PortalError):
    """The row changed since it was shown, or its state does not allow this."""

    code = "conflict"
    status = 409


class Invalid(PortalError):
    """The input is wrong. `field` names the form field, when there is one."""

    code = "invalid"
    status = 422

    def __init__(self, code: str | None = None, *, field: str | None = None, **values: object) -> None:
        super().__init__(code, **values)
        self.field = field


class TooMany(PortalError):
    code = "too_many"
    status = 429
