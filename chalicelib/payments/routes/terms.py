"""What is agreed with a merchant: commission, fees, who remits and who bears what."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import MerchantOwner, Role
from chalicelib.kernel import clock
from chalicelib.kernel.errors import Invalid, Violation
from chalicelib.payments import service
from chalicelib.payments.routes.blueprint import endpoints
from chalicelib.payments.schemas.terms import AgreeOnTerms, CommissionRates, MerchantTerms, TermsVersion

if TYPE_CHECKING:
    from datetime import datetime

_PATH = "/v1/merchants/{merchant_id}/terms"


def _answer(agreed: tuple[str, service.Schedule]) -> Reply[MerchantTerms]:
    merchant_id, schedule = agreed
    return Reply(_view(merchant_id, schedule), location=f"/v1/merchants/{merchant_id}/terms")


@endpoints.post(
    _PATH,
    permission=Role("admin"),
    body=AgreeOnTerms,
    returns=MerchantTerms,
    status=201,
    idempotent=True,
    answer=_answer,
    errors=("merchant_not_found", "version_conflict"),
)
def agree_on_terms(request: Request[AgreeOnTerms]) -> tuple[str, service.Schedule]:
    """Agree with a merchant on terms for the orders to come.

    Orders that were placed keep the version under which they were; nothing that was agreed is changed.
    """
    body = request.body
    rates = body.commission
    terms = service.Terms(
        valid_from=_bounded(body.valid_from),
        commission=service.Commission(delivery=rates.delivery, pickup=rates.pickup, dine_in=rates.dine_in),
        fixed_fee=body.fixed_fee,
        commission_tax_bps=body.commission_tax,
        goods_tax_by=body.goods_tax_by,
        fees_to=body.fees_to,
        provider_fees_by=body.provider_fees_by,
        disputes_by=body.disputes_by,
        rider_fee_share_bps=body.rider_fee_share,
        rider_pay=body.rider_pay,
        settlement_period=body.settlement_period,
        set_by=request.principal.id,
    )
    return service.agree_on_terms(request.path["merchant_id"], terms, request.key)


@endpoints.get(_PATH, permission=MerchantOwner(), returns=MerchantTerms)
def get_terms(request: Request[None]) -> Reply[MerchantTerms]:
    """See every version of the terms of a merchant that you own."""
    merchant_id = request.path["merchant_id"]
    return Reply(_view(merchant_id, service.get_terms(merchant_id)))


def _bounded(at: datetime) -> datetime:
    if not 2000 <= at.year <= 2200:
        raise Invalid([Violation("out_of_range", "/valid_from", "Name a date of these two centuries.")])
    return clock.from_epoch_ms(clock.epoch_ms(at.astimezone(UTC)))


def _view(merchant_id: str, schedule: service.Schedule) -> MerchantTerms:
    return MerchantTerms(
        merchant_id=merchant_id,
        versions=[_version(terms) for terms in (service.DEFAULT_TERMS, *schedule.versions)],
    )


def _version(terms: service.Terms) -> TermsVersion:
    rates = terms.commission
    return TermsVersion(
        version=terms.version,
        valid_from=clock.rfc3339(terms.valid_from),
        commission=CommissionRates(delivery=rates.delivery, pickup=rates.pickup, dine_in=rates.dine_in),
        fixed_fee=terms.fixed_fee,
        commission_tax=terms.commission_tax_bps,
        goods_tax_by=terms.goods_tax_by,
        fees_to=terms.fees_to,
        provider_fees_by=terms.provider_fees_by,
        disputes_by=terms.disputes_by,
        rider_fee_share=terms.rider_fee_share_bps,
        rider_pay=terms.rider_pay,
        settlement_period=terms.settlement_period,
    )
