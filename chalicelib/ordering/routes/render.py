"""From orders and quotes to what the API answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.kernel import clock
from chalicelib.ordering import service
from chalicelib.ordering.routes.render_claims import claim_views, open_claim_view, proposal_view
from chalicelib.ordering.schemas import (
    BoardCard,
    CreditTender,
    OrderAddress,
    OrderAmount,
    OrderDelivery,
    OrderPayment,
    OrderSummaryView,
    OrderView,
    PaymentStep,
    PlacedOrderView,
    PlacedPayment,
    PriceBreakdown,
    QuoteLine,
    QuoteModifier,
    QuoteTax,
    QuoteView,
    StoreOrderState,
    StoreOrderView,
    TicketLine,
    TimelineEntry,
)

if TYPE_CHECKING:
    from datetime import datetime


def quote_view(quote: service.Quote) -> QuoteView:
    """A quote for its customer."""
    return QuoteView(
        id=quote.id,
        store_id=quote.store_id,
        store_name=quote.store_name,
        mode=quote.mode,
        lines=_lines(quote),
        breakdown=_breakdown(quote),
        total=_amount(quote.total.amount, quote.currency),
        wanted_at=_instant(quote.wanted_at),
        ready_at=clock.rfc3339(quote.ready_at),
        promised_at=clock.rfc3339(quote.promised_at),
        address=_address(quote),
        table=quote.table or None,
        distance_m=quote.distance_m,
        minimum_age=quote.minimum_age,
        payment_methods=list(quote.payment_methods),
        menu_version=quote.menu_version,
        created_at=clock.rfc3339(quote.created_at),
        expires_at=clock.rfc3339(quote.expires_at),
    )


def placed_view(placed: service.PlacedOrder) -> PlacedOrderView:
    """A fresh order for its customer. Small: it is stored as the answer to repeats."""
    order, action = placed.order, placed.client_action
    return PlacedOrderView(
        id=order.id,
        store_id=order.store_id,
        status=order.status.value,
        label=order.label,
        total=_amount(order.total.amount, order.total.currency),
        ready_at=clock.rfc3339(order.promise.ready_at),
        promised_at=clock.rfc3339(order.promise.promised_at),
        pickup_code=_shown_code(order),
        delivery_pin=order.delivery_pin,
        payment=PlacedPayment(
            method=order.payment_method,
            state=placed.payment.state.value,
            amount=_amount(placed.payment.amount.amount, placed.payment.amount.currency),
            credits=_credits(placed.payment),
            pay_by=None if order.confirmed_at else clock.rfc3339(order.pay_by),
            **(action_view(action) if action else {}),
        ),
    )


def action_view(action: service.ClientAction) -> dict[str, Any]:
    """What a customer needs to pay, as the fields of a fresh order's payment."""
    named = "setup_intent_id" if action.kind == "setup" else "payment_intent_id"
    step = action.next_step
    shown = {named: action.intent_id, "client_secret": action.client_secret}
    if step is None:
        return shown
    return {**shown, "next_step": PaymentStep(kind=step.kind, url=step.url, data=step.data, image_url=step.image_url)}


def order_view(snapshot: service.OrderSnapshot) -> OrderView:
    """An order for its customer."""
    order, document = snapshot.order, snapshot.document
    return OrderView(
        id=order.id,
        store_id=order.store_id,
        store_name=document.store_name,
        label=order.label,
        status=order.status.value,
        mode=order.mode,
        version=order.version,
        can_cancel=order.can_be_cancelled_by_customer,
        placed_at=clock.rfc3339(order.placed_at),
        pay_by=clock.rfc3339(order.pay_by) if order.awaits_customer else None,
        confirmed_at=_instant(order.confirmed_at),
        accept_by=_instant(order.accept_by),
        wanted_at=_instant(order.promise.wanted_at),
        ready_at=clock.rfc3339(order.promise.ready_at),
        promised_at=clock.rfc3339(order.promise.promised_at),
        lines=_lines(document),
        breakdown=_breakdown(document),
        total=_amount(order.total.amount, order.total.currency),
        address=_address(document),
        table=document.table or None,
        pickup_code=_shown_code(order),
        delivery_pin=order.delivery_pin,
        payment=_payment(snapshot),
        delivery=_delivery(snapshot),
        claims=claim_views(order),
        resend_of=order.resend_of,
        proposal=proposal_view(order),
        timeline=[
            TimelineEntry(step=e.step, at=clock.rfc3339(e.at), actor=e.actor.kind, reason=e.reason)
            for e in order.timeline
        ],
    )


def summary_view(summary: service.OrderSummary) -> OrderSummaryView:
    """An order in its customer's list."""
    order, document = summary.order, summary.document
    return OrderSummaryView(
        id=order.id,
        store_id=order.store_id,
        store_name=document.store_name,
        label=order.label,
        status=order.status.value,
        mode=order.mode,
        placed_at=clock.rfc3339(order.placed_at),
        promised_at=clock.rfc3339(order.promise.promised_at),
        total=_amount(order.total.amount, order.total.currency),
        items=sum(line.quantity for line in document.lines),
    )


def state_view(order: service.Order) -> StoreOrderState:
    """Where an order stands, for the staff. The codes are the customer's to say and are not in it."""
    return StoreOrderState(
        id=order.id,
        store_id=order.store_id,
        label=order.label,
        status=order.status.value,
        mode=order.mode,
        version=order.version,
        next_steps=list(service.next_steps(order)),
        due_at=clock.rfc3339(service.due_at(order)),
        attention=list(order.attention),
        placed_at=clock.rfc3339(order.placed_at),
        accept_by=_instant(order.accept_by),
        wanted_at=_instant(order.promise.wanted_at),
        ready_at=clock.rfc3339(order.promise.ready_at),
        promised_at=clock.rfc3339(order.promise.promised_at),
        payment_method=order.payment_method,
        total=_amount(order.total.amount, order.total.currency),
        claim=open_claim_view(order),
        proposal=proposal_view(order),
        resend_of=order.resend_of,
        timeline=[
            TimelineEntry(
                step=e.step,
                at=clock.rfc3339(e.at),
                actor=e.actor.kind,
                actor_id=e.actor.id,
                reason=e.reason,
            )
            for e in order.timeline
        ],
    )


def store_order_view(snapshot: service.OrderSnapshot) -> StoreOrderView:
    """An order for its store."""
    document = snapshot.document
    return StoreOrderView(
        order=state_view(snapshot.order),
        lines=_lines(document),
        breakdown=_breakdown(document),
        address=_address(document),
        table=document.table or None,
        minimum_age=document.minimum_age,
        payment=_payment(snapshot),
        delivery=_delivery(snapshot),
        claims=claim_views(snapshot.order),
    )


def card_view(card: service.Card) -> BoardCard:
    """An order on the board, with the kitchen's ticket."""
    lines = [
        TicketLine(
            sku=line.sku,
            name=f"{line.name} {line.variant_name}".rstrip(),
            quantity=line.quantity,
            modifiers=[
                "  " * m.depth + (f"{m.quantity} × {m.name}" if m.quantity > 1 else m.name) for m in line.modifiers
            ],
            note=line.note,
        )
        for line in card.document.lines
    ]
    return BoardCard(
        order=state_view(card.order),
        lines=lines,
        minimum_age=card.document.minimum_age,
        table=card.document.table or None,
        delivery=_delivery(card),
    )


def _ticket_row(modifier: service.Modifier) -> str:
    """An option as it is printed: indented under what it belongs to."""
    times = f"{modifier.quantity} × " if modifier.quantity > 1 else ""
    return "  " * modifier.depth + times + modifier.name


def _amount(minor: int, currency: str) -> OrderAmount:
    return OrderAmount(amount=minor, currency=currency)


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else clock.rfc3339(instant)


def _shown_code(order: service.Order) -> str | None:
    """The pickup code, where there is a counter to say it at."""
    return order.pickup_code if order.is_for_counter else None


def _lines(quote: service.Quote) -> list[QuoteLine]:
    currency = quote.currency
    return [
        QuoteLine(
            sku=line.sku,
            product_id=line.product_id,
            name=line.name,
            variant_name=line.variant_name,
            quantity=line.quantity,
            unit_price=_amount(line.unit_minor, currency),
            total=_amount(line.total_minor, currency),
            tax_category=line.tax_category,
            modifiers=[
                QuoteModifier(
                    group_id=m.group_id,
                    group_name=m.group_name,
                    option_id=m.option_id,
                    name=m.name,
                    quantity=m.quantity,
                    unit_price=_amount(m.unit_minor, currency),
                    depth=m.depth,
                )
                for m in line.modifiers
            ],
            note=line.note,
            minimum_age=line.minimum_age,
            weight_grams=line.weight_grams or None,
        )
        for line in quote.lines
    ]


def _breakdown(quote: service.Quote) -> PriceBreakdown:
    parts, currency = quote.breakdown, quote.currency
    return PriceBreakdown(
        items=_amount(parts.items_minor, currency),
        delivery_fee=_amount(parts.delivery_fee_minor, currency),
        small_order_fee=_amount(parts.small_order_fee_minor, currency),
        tax=_amount(parts.tax_minor, currency),
        tax_included=parts.tax_included,
        taxes=[
            QuoteTax(
                category=tax.category,
                rate_basis_points=tax.rate,
                base=_amount(tax.base_minor, currency),
                tax=_amount(tax.tax_minor, currency),
            )
            for tax in parts.taxes
        ],
        tip=_amount(parts.tip_minor, currency),
        total=_amount(parts.total_minor, currency),
    )


def _address(quote: service.Quote) -> OrderAddress | None:
    place = quote.destination
    if place is None:
        return None
    return OrderAddress(
        lat=place.lat,
        lng=place.lng,
        street=place.street,
        details=place.details,
        postal_code=place.postal_code,
        city=place.city,
        instructions=place.instructions,
        contact_name=place.contact_name,
        contact_phone=place.contact_phone,
    )


def _payment(snapshot: service.OrderSnapshot) -> OrderPayment:
    payment = snapshot.payment
    return OrderPayment(
        method=snapshot.order.payment_method,
        state=payment.state.value,
        failure_code=payment.failure_code,
        credits=_credits(payment),
        invoice_number=payment.invoice,
    )


def _credits(payment: service.Payment) -> list[CreditTender]:
    return [
        CreditTender(method=part.kind.value, amount=_amount(part.amount, payment.amount.currency))
        for part in payment.credits
    ]


def _delivery(snapshot: service.OrderSnapshot | service.Card) -> OrderDelivery | None:
    delivery = snapshot.delivery
    if delivery is None:
        return None
    arrives_at = delivery.arrives_at
    return OrderDelivery(
        id=delivery.id,
        status=delivery.status.value,
        has_rider=delivery.rider_id is not None,
        rider_at_store_at=_instant(delivery.comes_at),
        arrives_at=_instant(arrives_at),
        stops_before=None if arrives_at is None else delivery.doors_before,
        at_risk=delivery.is_at_risk,
    )
