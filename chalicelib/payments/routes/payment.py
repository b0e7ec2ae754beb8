"""How a customer's order is paid."""

from __future__ import annotations

from chalicelib.edge.endpoint import Reply, Request
from chalicelib.edge.permissions import Role
from chalicelib.payments import service
from chalicelib.payments.routes.blueprint import endpoints
from chalicelib.payments.schemas import PaymentView, WalletStep, amount_view, money_view


@endpoints.get(
    "/v1/orders/{order_id}/payment",
    permission=Role("customer"),
    returns=PaymentView,
    errors=("payment_not_found", "payment_provider_unavailable"),
)
def get_payment(request: Request[None]) -> Reply[PaymentView]:
    """See how your order's payment stands.

    While it is still required, the answer carries the client secret with which the app confirms it, or, for a wallet,
    where it is paid.
    """
    payment, action = service.get_client_action(request.path["order_id"], request.principal.id)
    currency = payment.amount.currency
    return Reply(
        PaymentView(
            order_id=payment.order_id,
            method=payment.method.value,
            state=payment.state.value,
            amount=money_view(payment.amount),
            captured=amount_view(payment.captured_minor, currency),
            refunded=amount_view(payment.refunded_minor, currency),
            failure_code=payment.failure_code,
            payment_intent_id=_intent_id(payment, action),
            setup_intent_id=action.intent_id if action and action.kind == "setup" else None,
            client_secret=action.client_secret if action else None,
            next_step=_step(action.next_step) if action and action.next_step else None,
        )
    )


def _intent_id(payment: service.Payment, action: service.ClientAction | None) -> str | None:
    if action is None:
        return payment.intent_id if payment.state is not service.State.REQUIRES_PAYMENT else None
    return action.intent_id if action.kind == "payment" else None


def _step(step: service.NextStep) -> WalletStep:
    return WalletStep(kind=step.kind, url=step.url, data=step.data, image_url=step.image_url)
