"""Claims and proposals as the API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.kernel import clock
from chalicelib.ordering.schemas.claims import ClaimedOrderView, ClaimPiece, ClaimView, RemedyView
from chalicelib.ordering.schemas.values import OrderAmount
from chalicelib.ordering.schemas.views import ProposalView

if TYPE_CHECKING:
    from chalicelib.ordering import service


def claim_views(order: service.Order) -> list[ClaimView]:
    """Every claim about an order, oldest first."""
    return [_claim(claim, order.total.currency) for claim in order.claims]


def open_claim_view(order: service.Order) -> ClaimView | None:
    """The claim that is not decided."""
    return _claim(order.open_claim, order.total.currency) if order.open_claim else None


def claimed_view(order: service.Order, number: int) -> ClaimedOrderView:
    """A claim after it was changed."""
    claim = next(claim for claim in order.claims if claim.number == number)
    return ClaimedOrderView(order_id=order.id, order_version=order.version, claim=_claim(claim, order.total.currency))


def proposal_view(order: service.Order) -> ProposalView | None:
    """What the customer is asked to agree to."""
    proposal = order.proposal
    if proposal is None:
        return None

    def amount(minor: int) -> OrderAmount:
        return OrderAmount(amount=minor, currency=order.total.currency)

    return ProposalView(
        number=proposal.number,
        reason=proposal.reason,
        answer_by=clock.rfc3339(proposal.due_at),
        total=amount(proposal.total_minor),
        total_without=amount(proposal.unasked_minor),
        extra=amount(proposal.extra_minor) if proposal.extra_minor else None,
    )


def _claim(claim: service.Claim, currency: str) -> ClaimView:
    return ClaimView(
        number=claim.number,
        kind=claim.kind,
        state=claim.state.value,
        reason=claim.reason,
        note=claim.note,
        wish=_remedy(claim.wish, currency),
        offer=_remedy(claim.offer, currency) if claim.offer else None,
        answer=claim.answer,
        asked_at=clock.rfc3339(claim.asked_at),
        answer_by=clock.rfc3339(claim.due_at) if claim.is_undecided else None,
        decided_at=clock.rfc3339(claim.decided_at) if claim.decided_at else None,
        resent_as=claim.resent_as,
    )


def _remedy(remedy: service.Remedy, currency: str) -> RemedyView:
    return RemedyView(
        kind=remedy.kind,
        lines=[ClaimPiece(line=line, quantity=quantity) for line, quantity in remedy.quantities.items()],
        amount=None if remedy.amount is None else OrderAmount(amount=remedy.amount, currency=currency),
        without_fees=remedy.without_fees,
        paid_by=remedy.payer,
    )
