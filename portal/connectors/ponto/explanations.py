"""What each refusal of Ponto, or of the bank behind it, means to the people who can mend it."""

from __future__ import annotations

from collections.abc import Mapping

from portal.connectors.manifest import Explanation

N_ = str  # marks a message id for extraction

_RETRY_LATER = N_("Nothing needs to be done. Koppelpoort tries again by itself.")
_NOTHING_LOST = N_("No lines are lost: what the bank has stays there and is fetched later.")
_RENEW = N_("Choose Update credentials at the bank account, or send the person who may renew the link by mail.")
_SIGN_AT_BANK = N_("Log in at Ponto and sign at the bank, as the holder of the account.")
_PACKET = N_("Copy the support packet and send it to Koppelpoort.")
_ASK_PONTO = N_("If this stays, send the request id in the support packet to the support of Ponto.")
_OPEN_PONTO = N_("Open the dashboard of Ponto and look at the state of this account.")


def _waiting(title: str, happened: str) -> Explanation:
    return Explanation(title, happened, "us", (_RETRY_LATER,))


_UNREADABLE = Explanation(
    N_("Ponto answered something that cannot be read"),
    _NOTHING_LOST,
    "us",
    (_RETRY_LATER, N_("If this stays, copy the support packet and send it to Koppelpoort.")),
)
_FORGED = Explanation(
    N_("A message that was not from Ponto was refused"),
    N_("Somebody sent Koppelpoort a message in the name of Ponto, or Ponto signed one wrongly. It was not acted on."),
    "us",
    (N_("Nothing needs to be done. If this is seen often, tell Koppelpoort."),),
)

EXPLANATIONS: Mapping[str, Explanation] = {
    "ponto.authorizationExpired": Explanation(
        N_("The consent at the bank has ended"),
        N_("A bank gives its consent for a limited time only. No new lines come until it is renewed; none are lost."),
        "client",
        (_RENEW, _SIGN_AT_BANK),
        can_test=True,
    ),
    "ponto.authorizationInvalid": Explanation(
        N_("The bank no longer accepts the consent"),
        N_("The consent was withdrawn at the bank, or the bank wants a new signature. No new lines come until then."),
        "client",
        (_RENEW, _SIGN_AT_BANK),
        can_test=True,
    ),
    "ponto.authorizationRevoked": Explanation(
        N_("The consent was withdrawn"),
        N_("Somebody ended the consent at the bank or at Ponto. The lines that are here stay."),
        "client",
        (N_("Ask the client whether this was meant."), _RENEW, _SIGN_AT_BANK),
        can_test=True,
    ),
    "ponto.authorisation_expired": Explanation(
        N_("Ponto asks for a new log-in"),
        N_("Ponto no longer accepts this connection. No lines are lost: they wait at the bank."),
        "client",
        (N_("Open the bank account and choose Update credentials."), N_("Log in with the same Ponto organisation.")),
        can_test=True,
    ),
    "ponto.accountRecentlySynchronized": _waiting(
        N_("This account was fetched a moment ago"),
        N_("Ponto leaves some minutes between two fetches of the same account. What it has is here already."),
    ),
    "ponto.tooManyRequests": _waiting(N_("Ponto asks to go slower"), _NOTHING_LOST),
    "ponto.server_error": _waiting(N_("Ponto has trouble"), _NOTHING_LOST),
    "ponto.unreachable": _waiting(N_("Ponto cannot be reached"), _NOTHING_LOST),
    "ponto.too_late": _waiting(N_("Other calls came first"), _NOTHING_LOST),
    "ponto.timeout": _waiting(N_("Ponto did not answer in time"), _NOTHING_LOST),
    "ponto.cut_off": _waiting(N_("The answer of Ponto broke off"), _NOTHING_LOST),
    "ponto.financialInstitutionUnavailable": Explanation(
        N_("The bank does not answer Ponto"),
        N_("Ponto asked the bank and got no answer. No lines are lost: they are fetched when the bank answers."),
        "bank",
        (_RETRY_LATER, _ASK_PONTO),
    ),
    "ponto.financialInstitutionError": Explanation(
        N_("The bank refused what Ponto asked"),
        N_("The bank gave Ponto an error for this account. No lines are lost."),
        "bank",
        (_RETRY_LATER, _OPEN_PONTO, _ASK_PONTO),
    ),
    "ponto.internalServerError": _waiting(N_("Ponto has trouble"), _NOTHING_LOST),
    "ponto.accountDeprecated": Explanation(
        N_("The bank replaced this connection"),
        N_("Ponto has a new connection to this bank and will close the old one. The lines that are here stay."),
        "client",
        (
            N_("Log in at Ponto and add the account again through the new connection."),
            N_("Then choose Fetch accounts here: the account keeps its history."),
        ),
        can_test=True,
    ),
    "ponto.resourceNotFound": Explanation(
        N_("Ponto no longer knows this account"),
        N_("The account was taken away at Ponto, or its consent ended long ago. The lines that are here stay."),
        "client",
        (_OPEN_PONTO, N_("Share the account with Koppelpoort again, then choose Fetch accounts.")),
        can_test=True,
    ),
    "ponto.forbidden": Explanation(
        N_("Ponto does not allow this"),
        N_("The organisation in Ponto has not given Koppelpoort this right, or it is blocked."),
        "client",
        (_OPEN_PONTO, _ASK_PONTO),
        can_test=True,
    ),
    "ponto.refused": Explanation(
        N_("Ponto refused this"),
        N_("Ponto read the question and refused it. No lines are lost."),
        "us",
        (_PACKET,),
    ),
    "ponto.invalid_client": Explanation(
        N_("Ponto does not accept Koppelpoort itself"),
        N_("The registration, the secret or the certificate of this installation is not accepted. No lines are lost."),
        "us",
        (N_("Check the settings of Ponto and the end date of its certificate."), _PACKET),
    ),
    "ponto.invalid_grant": Explanation(
        N_("Ponto asks for a new log-in"),
        N_("The connection was used up or withdrawn. No lines are lost: they wait at the bank."),
        "client",
        (_RENEW,),
        can_test=True,
    ),
    "ponto.no_account": Explanation(
        N_("No account is shared in Ponto"),
        N_("The organisation in Ponto shares no usable account with Koppelpoort."),
        "client",
        (N_("Open the dashboard of Ponto and share the accounts with Koppelpoort."),),
        can_test=True,
    ),
    "ponto.other_organisation": Explanation(
        N_("This is another organisation in Ponto"),
        N_("The log-in belongs to another organisation than this link does. Nothing was changed."),
        "client",
        (N_("Log in again and choose the organisation that was linked before."),),
        can_test=True,
    ),
    "ponto.no_customer_address": Explanation(
        N_("Ponto fetches only for somebody who is there"),
        N_("The internet address of whoever asked is not known, so the bank was not asked."),
        "us",
        (N_("Wait for the next fetch: Ponto itself asks the bank four times a day."),),
    ),
    "ponto.begins_by_login": Explanation(
        N_("The bank is chosen at Ponto"),
        N_("Ponto lets people choose their bank after logging in there. Nothing was begun here."),
        "us",
        (N_("Choose Ponto and log in there."),),
    ),
    "ponto.too_large": _UNREADABLE,
    "ponto.unreadable": _UNREADABLE,
    "ponto.foreign_link": _UNREADABLE,
    "ponto.endless_list": _UNREADABLE,
    "ponto.callback_unreadable": _FORGED,
    "ponto.callback_algorithm": _FORGED,
    "ponto.callback_signature": _FORGED,
    "ponto.callback_digest": _FORGED,
    "ponto.callback_issuer": _FORGED,
    "ponto.callback_audience": _FORGED,
    "ponto.callback_time": _FORGED,
}
