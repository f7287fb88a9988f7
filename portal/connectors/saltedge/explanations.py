"""What each refusal means to the people who can mend it."""

from __future__ import annotations

from collections.abc import Mapping

from portal.connectors.manifest import Explanation

N_ = str  # marks a message id for extraction

_RETRY_LATER = N_("Nothing needs to be done. Koppelpoort tries again by itself.")
_RENEW = N_("Open the bank connection and choose Renew the consent.")
_LOG_IN = N_("Log in at the bank and tick the same accounts as before.")
_TO_US = N_("Copy the support packet and send it to Koppelpoort.")
_FILE = N_("Until then, upload the statements of the bank as a file.")
_NOTHING_LOST = N_("No new transactions came in. What was read stays, and nothing is lost.")


def _ended(title: str, happened: str) -> Explanation:
    return Explanation(title, happened, "client", (_RENEW, _LOG_IN), can_test=True)


def _bank(title: str, *steps: str) -> Explanation:
    return Explanation(title, _NOTHING_LOST, "bank", steps or (_RETRY_LATER, _FILE))


def _ours(title: str, happened: str = _NOTHING_LOST) -> Explanation:
    return Explanation(title, happened, "us", (_TO_US,))


def _wait(title: str) -> Explanation:
    return Explanation(title, _NOTHING_LOST, "us", (_RETRY_LATER,))


_UNREADABLE = _ours(N_("Salt Edge answered something that cannot be read"))
_REGISTRATION = _ours(N_("Salt Edge does not accept the registration of Koppelpoort"))
_REQUEST = _ours(N_("Salt Edge could not read what Koppelpoort asked"))
_FORGED = _ours(
    N_("A message in the name of Salt Edge was refused"),
    N_("Its signature is not that of Salt Edge. Nothing was done with it."),
)
_GONE = _ended(
    N_("Salt Edge no longer knows this bank connection"),
    N_("The connection was removed at Salt Edge or at the bank. What was read stays."),
)
_UNKNOWN_ACCOUNT = Explanation(
    N_("Salt Edge no longer shows this account"),
    N_("The account was closed, or left out when the consent was renewed. What was read stays."),
    "client",
    (_RENEW, N_("Log in at the bank and tick this account as well.")),
    can_test=True,
)
_CUSTOMER = _ours(N_("Salt Edge does not accept the client as it is known there"))

EXPLANATIONS: Mapping[str, Explanation] = {
    # The consent and the log-in at the bank
    "saltedge.consent_expired": _ended(
        N_("The consent for this bank has ended"),
        N_("A consent is valid for as long as the bank allows, and this one has run out. What was read stays."),
    ),
    "saltedge.consent_revoked": _ended(
        N_("The consent for this bank was withdrawn"),
        N_("Somebody withdrew it at the bank, at Salt Edge or here. What was read stays."),
    ),
    "saltedge.connection_disabled": _ended(
        N_("This bank connection is switched off"),
        N_("Salt Edge reads nothing from this bank any more until somebody renews the consent. What was read stays."),
    ),
    "saltedge.connection_not_found": _GONE,
    "saltedge.not_found": _GONE,
    "saltedge.invalid_credentials": _ended(
        N_("The bank does not accept the log-in"),
        N_("The password or the app of the bank has changed, or something was mistyped. Nothing was read."),
    ),
    "saltedge.invalid_interactive_credentials": _ended(
        N_("The bank does not accept the confirmation"),
        N_("The code or the answer that the bank asked for was not right. Nothing was read."),
    ),
    "saltedge.identification_required": _ended(
        N_("The bank asks to confirm who you are"),
        N_("The bank shows nothing before that is done in its own app or on its own site. Nothing was read."),
    ),
    "saltedge.account_locked": Explanation(
        N_("The bank has blocked the log-in"),
        N_("This happens after too many wrong attempts, or at the bank's own decision. Nothing was read."),
        "client",
        (N_("Ask the bank to unblock the log-in."), _RENEW),
        can_test=True,
    ),
    "saltedge.interactive_timeout": Explanation(
        N_("The bank waited too long for a confirmation"),
        N_("Nobody confirmed in the app of the bank in time. Nothing was read."),
        "client",
        (N_("Try again with the phone or card reader at hand."),),
        can_test=True,
    ),
    "saltedge.connection_duplicated": Explanation(
        N_("This bank log-in is connected already"),
        N_("Salt Edge keeps one connection for each log-in. No second one was made."),
        "client",
        (N_("Renew the connection that is there in place of making a new one."),),
    ),
    "saltedge.cancelled": Explanation(
        N_("Connecting the bank was broken off"),
        N_("Somebody chose Cancel at Salt Edge or at the bank. Nothing was read."),
        "client",
        (N_("Begin again when it suits you."),),
    ),
    "saltedge.account_not_found": _UNKNOWN_ACCOUNT,
    "saltedge.date_out_of_consent_range": _ended(
        N_("The consent does not reach so far back"),
        N_("The consent covers fewer days than were asked for. Later transactions are read as usual."),
    ),
    "saltedge.date_out_of_range": _ours(N_("Salt Edge does not reach so far back")),
    # The bank
    "saltedge.provider_unavailable": _bank(N_("The bank is not available just now")),
    "saltedge.provider_error": _bank(N_("The bank has a fault")),
    "saltedge.provider_inactive": _bank(N_("Salt Edge has no access to this bank just now")),
    "saltedge.provider_disabled": _bank(N_("Salt Edge no longer offers this bank"), _FILE, _TO_US),
    "saltedge.provider_not_found": _bank(N_("Salt Edge does not know this bank"), _FILE, _TO_US),
    "saltedge.fetching_timeout": _bank(N_("The bank answers too slowly")),
    "saltedge.connection_failed": _bank(N_("The connection with the bank failed")),
    "saltedge.connection_fetching_stopped": _bank(N_("Reading from the bank was broken off")),
    # Limits
    "saltedge.connection_cannot_be_refreshed": _wait(N_("It is too soon to ask this bank again")),
    "saltedge.connection_already_processing": _wait(N_("This bank is being read at this moment")),
    "saltedge.background_fetch_limit_exceeded": _wait(N_("The bank was asked often enough for today")),
    "saltedge.rate_limit_exceeded": _wait(N_("Salt Edge asks us to wait")),
    "saltedge.too_many_requests": _wait(N_("Salt Edge asks us to wait")),
    # Our registration and our requests
    "saltedge.duplicated_customer": _CUSTOMER,
    "saltedge.customer_not_found": _CUSTOMER,
    "saltedge.customer_locked": _CUSTOMER,
    "saltedge.signature_not_match": _REGISTRATION,
    "saltedge.signature_missing": _REGISTRATION,
    "saltedge.expires_at_invalid": _ours(N_("The clock of Koppelpoort and that of Salt Edge differ")),
    "saltedge.api_key_not_found": _REGISTRATION,
    "saltedge.app_id_not_provided": _REGISTRATION,
    "saltedge.secret_not_provided": _REGISTRATION,
    "saltedge.public_key_not_provided": _REGISTRATION,
    "saltedge.client_not_found": _REGISTRATION,
    "saltedge.client_disabled": _REGISTRATION,
    "saltedge.client_pending": _REGISTRATION,
    "saltedge.client_restricted": _REGISTRATION,
    "saltedge.not_recognised": _REGISTRATION,
    "saltedge.not_allowed": _REGISTRATION,
    "saltedge.action_not_allowed": _REGISTRATION,
    "saltedge.wrong_request_format": _REQUEST,
    "saltedge.value_out_of_range": _REQUEST,
    "saltedge.return_url_invalid": _REQUEST,
    "saltedge.refused": _REQUEST,
    # Callbacks
    "saltedge.callback_signature": _FORGED,
    "saltedge.callback_unreadable": _UNREADABLE,
    # Transport and faults
    "saltedge.fault": _wait(N_("Salt Edge has a fault")),
    "saltedge.internal_server_error": _wait(N_("Salt Edge has a fault")),
    "saltedge.service_unavailable": _wait(N_("Salt Edge has a fault")),
    "saltedge.unreachable": _wait(N_("Salt Edge cannot be reached")),
    "saltedge.too_late": _wait(N_("Other calls came first")),
    "saltedge.timeout": _wait(N_("Salt Edge answers too slowly")),
    "saltedge.cut_off": _wait(N_("The connection with Salt Edge broke off")),
    "saltedge.unreadable": _UNREADABLE,
    "saltedge.too_large": _UNREADABLE,
    "saltedge.endless_list": _UNREADABLE,
}
