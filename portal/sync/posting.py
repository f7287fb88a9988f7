"""Handing an entry over to be posted, and what people decide when it is not simply booked."""

from __future__ import annotations

import uuid

from sqlalchemy import select, update

from portal.access import Scope
from portal.activity.service import record
from portal.couplings.models import Coupling
from portal.kernel import clock, crash, queue
from portal.kernel.errors import Conflict, Invalid
from portal.ledger.models import Entry
from portal.sync.attempt import UNFINDABLE
from portal.sync.letting_go import let_go
from portal.sync.models import MOVES, Posting, PostingState
from portal.sync.preview import Preview, preview


def offer(scope: Scope, entry_id: uuid.UUID, sha256: str, version: int) -> Posting:
    """Hand over exactly the bytes that were shown. They go as soon as it is their turn.

    `sha256` is the hash of the preview. Raises Conflict "entry.stale" when the entry is no
    longer what was shown, Conflict "entry.not_draft" when it was sent already, and Invalid
    "entry.problems" (values: count, first) for what the provider would refuse.
    """
    entry = scope.get(Entry, entry_id, lock=True)
    crash.point("offer.locked")
    if entry.state != "draft":
        raise Conflict("entry.not_draft", reference=entry.reference)
    shown = preview(scope, entry)
    crash.point("offer.previewed")
    if entry.version != version or shown.sha256 != sha256:
        raise Conflict("entry.stale", reference=entry.reference)
    return hand_over(scope, shown)


def hand_over(scope: Scope, shown: Preview) -> Posting:
    """Hand over what a preview of this transaction shows, its entry locked. Raises Invalid "entry.problems"."""
    entry = shown.entry
    if shown.problems or not shown.payload:
        first = shown.problems[0].code if shown.problems else "entry.empty"
        raise Invalid("entry.problems", count=len(shown.problems), first=first)
    posting = _approve(scope, shown)
    entry.state, entry.version = "offered", entry.version + 1
    entry.offered_at, entry.offered_by = posting.approved_at, posting.approved_by
    crash.point("offer.posting_written")
    record(
        scope, "entry.offered", ("entry", entry.id), context=entry.configuration_id,
        reference=entry.reference, lines=len(shown.lines), total=str(shown.total), sha256=shown.sha256,
    )  # fmt: skip
    if scope.actor.user_id is not None:  # somebody waits; a run rings once, at its end
        _free(scope, posting)
        queue.ring(scope.session, "sync.drain")
    crash.point("offer.before_commit")
    return posting


def posting_of(scope: Scope, entry_id: uuid.UUID, *, lock: bool = False) -> Posting | None:
    query = select(Posting).where(Posting.tenant_id == scope.tenant_id, Posting.entry_id == entry_id)
    return scope.session.scalars(query.with_for_update() if lock else query).one_or_none()


def reopen(scope: Scope, entry_id: uuid.UUID) -> Entry:
    """Make a refused entry a draft again, to be corrected and offered anew under its own reference.

    Allowed when it surely stands nowhere: refused by the provider, or parked before any call.
    """
    entry = scope.get(Entry, entry_id, lock=True)
    posting = posting_of(scope, entry_id, lock=True)
    if posting is None or entry.state != "offered" or not is_surely_unbooked(posting):
        raise Conflict("posting.not_refused", reference=entry.reference)
    entry.state, entry.version = "draft", entry.version + 1
    record(scope, "entry.reopened", ("entry", entry.id), context=entry.configuration_id, reference=entry.reference)
    return entry


def retry(scope: Scope, posting_id: uuid.UUID) -> Posting:
    """Send the same bytes again after a definite refusal whose cause was mended at the provider."""
    posting, entry = _locked(scope, posting_id)
    if entry.state != "offered" or not is_surely_unbooked(posting):
        raise Conflict("posting.not_refused", reference=posting.reference)
    _to_intent(posting)
    _forget_sendings(posting)
    _free(scope, posting)
    queue.ring(scope.session, "sync.drain")
    record(scope, "posting.retried", ("entry", entry.id), context=entry.configuration_id, reference=entry.reference)
    return posting


def look_again(scope: Scope, posting_id: uuid.UUID) -> Posting:
    """Look a parked posting up in the package once more, at once."""
    posting, entry = _offered(scope, posting_id)
    _move(posting, PostingState.PARKED, PostingState.UNCERTAIN)
    posting.looks, posting.tries, posting.looked_at = 0, 0, None
    posting.settles_at = posting.next_try_at = clock.now()
    record(scope, "posting.look_again", ("entry", entry.id), context=entry.configuration_id, reference=entry.reference)
    queue.ring(scope.session, "sync.drain")
    return posting


def send_again(scope: Scope, posting_id: uuid.UUID, *, seen_absent: bool = False) -> Posting:
    """Send a parked posting once more; only when a look-up after the last sending found nothing.

    Where the package cannot be asked, `seen_absent` is the word of a person who looked there.
    Raises Conflict "posting.look_first" otherwise.
    """
    posting, entry = _offered(scope, posting_id)
    by_eye = seen_absent and posting.code == UNFINDABLE
    if posting.state == PostingState.PARKED and not (by_eye or looked_empty(posting)):
        raise Conflict("posting.look_first", reference=posting.reference)
    _move(posting, PostingState.PARKED, PostingState.INTENT)
    _to_intent(posting)
    _free(scope, posting)
    posting.sends = 1 if by_eye else min(posting.sends, 1)
    queue.ring(scope.session, "sync.drain")
    tag = "posting.sent_after_look" if by_eye else "posting.sent_again"
    record(scope, tag, ("entry", entry.id), context=entry.configuration_id, reference=entry.reference)
    return posting


def mark_booked(scope: Scope, posting_id: uuid.UUID, remote_id: str) -> Posting:
    """A person saw it in the package: take their word, with the id or number it has there."""
    posting, entry = _offered(scope, posting_id)
    if not remote_id.strip():
        raise Invalid("posting.remote_id_missing", field="remote_id")
    _move(posting, PostingState.PARKED, PostingState.CONFIRMED)
    posting.remote_id = posting.remote_number = remote_id.strip()[:100]
    posting.confirmed_at, posting.code = posting.changed_at, "posting.by_hand"
    scope.session.flush()
    if entry.reverses_id is not None:
        let_go(scope, entry.reverses_id, entry.reference)
    record(
        scope, "posting.marked_booked", ("entry", entry.id), context=entry.configuration_id,
        reference=entry.reference, remote=posting.remote_id,
    )  # fmt: skip
    return posting


def looked_empty(posting: Posting) -> bool:
    return posting.looked_empty


def is_surely_unbooked(posting: Posting) -> bool:
    return posting.surely_unbooked


def _approve(scope: Scope, shown: Preview) -> Posting:
    """The posting with these bytes, approved by who acts; by the configuration when nobody does."""
    entry, now = shown.entry, clock.now()
    posting = posting_of(scope, entry.id, lock=True)
    if posting is None:
        posting = Posting(
            tenant_id=scope.tenant_id, entry_id=entry.id, reference=entry.reference, created_at=now, fence=0,
            coupling_id=entry.coupling_id, state=PostingState.INTENT, next_try_at=now, changed_at=now,
        )  # fmt: skip
        scope.session.add(posting)
    elif is_surely_unbooked(posting):
        _to_intent(posting)
        _forget_sendings(posting)
        posting.coupling_id = entry.coupling_id
    else:
        raise Conflict("entry.not_draft", reference=entry.reference)
    posting.payload, posting.payload_hash = shown.payload, bytes.fromhex(shown.sha256)
    posting.approved_by, posting.approved_at = scope.actor.user_id, now
    scope.session.flush()
    return posting


def _forget_sendings(posting: Posting) -> None:
    """After a definite answer nothing is in doubt; one sending stays counted, so that a look-up comes first."""
    posting.sends = min(posting.sends, 1)
    posting.sending_at = posting.settles_at = None


def _to_intent(posting: Posting) -> None:
    posting.state = PostingState.INTENT
    posting.code = posting.provider_text = ""
    posting.tries, posting.looks = 0, 0
    posting.changed_at = posting.next_try_at = clock.now()
    posting.lease_until = None


def _free(scope: Scope, posting: Posting) -> None:
    """Somebody wants to know now: the dossier is tried, though it was held back."""
    scope.session.execute(
        update(Coupling)
        .where(Coupling.tenant_id == scope.tenant_id, Coupling.id == posting.coupling_id)
        .where(Coupling.held_until.is_not(None))
        .values(held_until=None)
        .execution_options(synchronize_session=False)
    )


def _locked(scope: Scope, posting_id: uuid.UUID) -> tuple[Posting, Entry]:
    """The entry first, as everywhere, then its posting."""
    entry_id = scope.get(Posting, posting_id).entry_id
    entry = scope.get(Entry, entry_id, lock=True)
    posting = scope.get(Posting, posting_id, lock=True)
    scope.session.refresh(posting)
    return posting, entry


def _offered(scope: Scope, posting_id: uuid.UUID) -> tuple[Posting, Entry]:
    """Both, locked. What is a draft again, or was thrown away, is decided by its next offer alone."""
    posting, entry = _locked(scope, posting_id)
    if entry.state != "offered":
        raise Conflict("posting.not_parked", reference=posting.reference)
    return posting, entry


def _move(posting: Posting, before: PostingState, after: PostingState) -> None:
    if posting.state != before or after not in MOVES[before]:
        raise Conflict("posting.not_parked", reference=posting.reference)
    posting.state = after
    posting.changed_at = clock.now()
    posting.lease_until = None
