"""What happens to orders on the way: what people do, and what the world does.

Each takes the play, the order, the step and its number, and answers in words what came of it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.dispatch.model.delivery import Status as DeliveryStatus
from chalicelib.kernel.money import Money
from chalicelib.payments import service as payments
from tests.payments.histories.stage import WEBHOOKS, once

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.payments.histories.play import Ordered, Play
    from tests.payments.histories.script import Step

    Deed = Callable[[Play, Ordered, Step, int], Any]

VISA = "pm_card_visa"


def go_on(play: Play, ordered: Ordered, step: Step, number: int) -> str:
    """What would happen next to an order if nothing was in its way, so many times."""
    return ",".join(play.go_on(ordered) for _ in range(step.n))


def reach(play: Play, ordered: Ordered, step: Step, number: int) -> str:
    """An order goes on until it has got so far."""
    return play.reach(ordered, step.how)


def pay_again(play: Play, ordered: Ordered, step: Step, number: int) -> str:
    """The payment form was still open, whatever became of the order."""
    return play.pay(ordered) if ordered.is_placed else "not placed"


def cancel(play: Play, ordered: Ordered, step: Step, number: int) -> None:
    """The customer steps back."""
    play.stage.customer.cancel(ordered.id or "ord_none")


def reject(play: Play, ordered: Ordered, step: Step, number: int) -> None:
    """The store turns it down."""
    play.stage.tablet.reject(ordered.id or "ord_none")


def give_up(play: Play, ordered: Ordered, step: Step, number: int) -> None:
    """The store cancels what it has accepted."""
    play.stage.tablet.cancel(ordered.id or "ord_none")


def adjust(play: Play, ordered: Ordered, step: Step, number: int) -> None:
    """Something is missing."""
    missing = [{"line": step.how, "quantity": step.n}]
    play.stage.tablet._command(ordered.id or "ord_none", "adjust", {"missing": missing})


def refund(play: Play, ordered: Ordered, step: Step, number: int) -> str:
    """The store gives something back."""
    what, payer = step.how.split("/")
    asked: dict[str, Any] = {"reason": "quality", "paid_by": payer}
    if what == "amount":
        asked["amount"] = {"amount": step.n, "currency": "EUR"}
    elif what != "all":
        asked["lines"] = [{"line": what.removeprefix("line:"), "quantity": 1}]
    path = f"/v1/stores/{play.stage.shop.id}/orders/{ordered.id or 'ord_none'}/refunds"
    made = play.stage.tablet.client.post(path, asked, key=f"refund-{number}-{ordered.id}").body
    return f"{made['amount']['amount']} {made['state']}"


def tip(play: Play, ordered: Ordered, step: Step, number: int) -> str:
    """A tip of its own, paid at once."""
    asked = {"amount": {"amount": step.n, "currency": "EUR"}}
    path = f"/v1/orders/{ordered.id or 'ord_none'}/tips"
    offered = play.stage.customer.client.post(path, asked, key=f"tip-{ordered.id}-{step.n}").body
    if not offered.get("client_secret"):
        return str(offered["state"])
    return play.confirm((offered["payment_intent_id"], offered["client_secret"]), VISA)


def goodwill(play: Play, ordered: Ordered, step: Step, number: int) -> None:
    """Credit for the trouble, at the store's cost."""
    given = payments.give_goodwill(
        play.stage.shop.id,
        ordered.id or "ord_none",
        Money(step.n, "EUR"),
        valid_days=None,
        reason="sorry",
        by=play.stage.shop.owner_id,
        key=once(f"goodwill-{number}-{ordered.id}"),
    )
    if all(credit.id != given.id for credit in play.stage.credits):
        play.stage.store_credit(1)


def revoke_card(play: Play, ordered: Ordered, step: Step, number: int) -> None:
    """A gift card turns out to be stolen."""
    for credit in play.stage.credits:
        if credit.code:
            payments.revoke_gift_card(credit.id, None, "stolen", "adm_1")
            return


def fail_delivery(play: Play, ordered: Ordered, step: Step, number: int) -> str:
    """Nobody opens."""
    with play.stage.wires.quiet():
        delivery = play.stage.delivery_of(ordered.id) if ordered.is_placed else None
    rider = play.stage.rider(delivery.rider_id) if delivery else None
    if rider is None:
        return "nobody on the road"
    if delivery.status is DeliveryStatus.PICKED_UP:
        rider.arrive_at_door(delivery.id)
    rider.fail(delivery.id)
    return ""


def drop_delivery(play: Play, ordered: Ordered, step: Step, number: int) -> str:
    """The rider's tyre is flat."""
    with play.stage.wires.quiet():
        delivery = play.stage.delivery_of(ordered.id) if ordered.is_placed else None
    rider = play.stage.rider(delivery.rider_id) if delivery else None
    if rider is None:
        return "nobody on the road"
    rider.drop(delivery.id)
    return ""


def lose_hold(play: Play, ordered: Ordered, step: Step, number: int) -> str:
    """The bank lets go of the hold, as it does after seven days."""
    if ordered.intent is None:
        return "no hold"
    told = play.stage.bank.control("POST", f"/sandbox/payment_intents/{ordered.intent[0]}/expire", {})
    return str(told.get("status", "no hold"))


# --- what the world does ---------------------------------------------------------------------------------------------


def arrive(play: Play, ordered: Ordered, step: Step, number: int) -> str:
    """Some messages arrive: in their order, the youngest first, twice, or long after they had arrived."""
    post = play.stage.post
    brought = []
    for _ in range(step.n):
        waiting = [each for each in post.messages if each.arrived] if step.how == "late_again" else post.due()
        if not waiting:
            break
        message = waiting[-1] if step.how in ("youngest", "late_again") else waiting[0]
        times = 2 if step.how == "twice" else 1
        brought += [f"{message} {'taken' if post.bring(message) else 'failed'}" for _ in range(times)]
    return ", ".join(brought) or "nothing is under way"


def wait(play: Play, ordered: Ordered, step: Step, number: int) -> None:
    """So many minutes pass."""
    play.stage.pass_time(timedelta(minutes=step.n))


def lose_notice(play: Play, ordered: Ordered, step: Step, number: int) -> str:
    """Stripe's notices get lost, for good."""
    lost = [each for each in play.stage.post.due() if each.queue == WEBHOOKS][: step.n]
    for message in lost:
        message.arrived = 1
    return f"lost {lost}"


def open_account(play: Play, ordered: Ordered, step: Step, number: int) -> str:
    """The store, and every rider, can be paid by transfer."""
    stage = play.stage
    stage.tablet.client.post(f"/v1/stores/{stage.shop.id}/payout-account", None, key=f"account-{stage.shop.id}")
    return f"{stage.bank.onboard()} can be paid"


def claim(play: Play, ordered: Ordered, step: Step, number: int) -> str:
    """The customer asks to cancel what was accepted, or complains: ``how`` is what they want."""
    asked: dict[str, Any] = {"kind": "cancellation", "reason": "changed_mind"}
    if step.how != "cancellation":
        asked = {"kind": "complaint", "reason": "quality", "wish": step.how, "lines": [{"line": "0", "quantity": 1}]}
    path = f"/v1/orders/{ordered.id or 'ord_none'}/claims"
    made = play.stage.customer.client.post(path, asked, key=f"claim-{number}-{ordered.id}").body["claim"]
    ordered.claim = made["number"]
    return f"{made['number']} {made['state']}"


def answer(play: Play, ordered: Ordered, step: Step, number: int) -> str:
    """The store answers the last claim, or its customer answers what it offers."""
    name = f"{ordered.id or 'ord_none'}/claims/{ordered.claim}"
    if step.how in ("agree", "decline", "withdraw"):
        key = f"agree-{number}-{name}" if step.how == "agree" else None
        answered = play.stage.customer.client.post(f"/v1/orders/{name}/{step.how}", key=key).body
        return str(answered["claim"]["state"])
    tablet, what = play.stage.tablet, f"claims/{ordered.claim}"
    order_id = ordered.id or "ord_none"
    if step.how == "accept":
        tablet._command(order_id, f"{what}/accept", {"paid_by": "platform"})
    elif step.how == "reject":
        tablet._command(order_id, f"{what}/reject", {"answer": "No."})
    else:
        remedy: dict[str, Any] = {"kind": step.how}
        if step.how != "resend":
            remedy["amount"] = {"amount": step.n, "currency": "EUR"}
        tablet._command(order_id, f"{what}/counter", {"remedy": remedy})
    return ""


def dispute(play: Play, ordered: Ordered, step: Step, number: int) -> str:
    """The customer disputes the payment at the bank, which decides at once, or not yet."""
    charge = play.stage.bank.charge_of(ordered.id)
    if charge is None:
        return "no charge"
    opened = play.stage.bank.control("POST", f"/sandbox/charges/{charge}/dispute", {})
    if "error" in opened:
        return "refused"
    if step.how:
        play.stage.bank.control("POST", f"/sandbox/disputes/{opened['id']}/{step.how}", {})
    return step.how or "open"


def fail_refund(play: Play, ordered: Ordered, step: Step, number: int) -> str:
    """A refund comes back, days after it seemed to have succeeded."""
    made = play.stage.bank.refund_of(ordered.id)
    if made is None:
        return "no refund"
    told = play.stage.bank.control("POST", f"/sandbox/refunds/{made}/fail", {})
    return str(told.get("status", "refused"))


ACTS: dict[str, Deed] = {
    deed.__name__: deed
    for deed in (
        go_on, reach, arrive, wait, lose_notice, cancel, reject, give_up, adjust, tip, refund, goodwill, revoke_card,
        fail_delivery, drop_delivery, pay_again, lose_hold, open_account, claim, answer, dispute, fail_refund,
    )
}  # fmt: skip
