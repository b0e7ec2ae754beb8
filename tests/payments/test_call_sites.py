"""Whatever Stripe answers, or does not, at each place where it is called: money moves once, and the books agree.

The places are read from the source: a new one fails here until it has its scenario.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import stripe as sdk

from chalicelib.kernel.errors import DomainError
from chalicelib.payments import provider, service
from chalicelib.payments.model.ledger import balances, trial_balance
from tests.payments.call_sites import call_sites
from tests.payments.scenarios import Scenario, Scene
from tests.payments.scenarios_connect import ALL_SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.payments.conftest import Stripe

pytestmark = pytest.mark.fault

# The SDK asks again twice. What is lost where it doesn't, or fails three times, must be got over by who called.
FAULTS: dict[str, dict[str, Any]] = {
    "answer_lost": {"kind": "timeout_after_success", "times": 1},
    "answer_lost_to_the_caller": {"kind": "timeout_after_success", "times": 1},
    "failed_for_good": {"kind": "error_500", "times": 1, "remembered": True},
    "failed_three_times": {"kind": "error_500", "times": 3, "remembered": False},
    "failed_for_the_caller": {"kind": "error_500", "times": 1, "remembered": True},
    "failed_after_success": {"kind": "error_500_after_success", "times": 1},
    "too_many_requests": {"kind": "error_429", "times": 1},
}
_TRIES = 8
_undisturbed: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK waits half a second before it asks again; nobody has so much time here."""
    monkeypatch.setattr(sdk.HTTPClient, "INITIAL_DELAY", 0.01)
    monkeypatch.setattr(sdk.HTTPClient, "MAX_DELAY", 0.02)


def test_each_call_of_the_provider_has_a_scenario() -> None:
    named = [site.name for site in call_sites()]
    assert sorted(set(named)) == sorted(named), "two calls of one operation in one function: name them apart"
    assert sorted(ALL_SCENARIOS) == sorted(named)


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("site", sorted(ALL_SCENARIOS))
def test_a_fault_at_a_call_changes_nothing_about_the_money(
    stripe: Stripe, dynamodb: Any, monkeypatch: pytest.MonkeyPatch, site: str, name: str
) -> None:
    scenario = ALL_SCENARIOS[site]
    if site not in _undisturbed:
        _undisturbed[site] = _books(_played(Scene(stripe), scenario))

    if name.endswith("_caller"):
        monkeypatch.setattr(provider.client, "_NETWORK_RETRIES", 0)
        monkeypatch.setattr(provider.client, "_client", None)
    scene = _played(Scene(stripe), scenario, FAULTS[name])

    assert _books(scene) == _undisturbed[site]
    _check_ledger(scene)


def _played(scene: Scene, scenario: Scenario, fault: dict[str, Any] | None = None) -> Scene:
    scenario.prepare(scene)
    if fault is not None:
        scene.stripe.cause(fault, scenario.path, scenario.method)
    _insist(lambda: scenario.act(scene))
    # Nothing went wrong that was not asked for: the fault was met where it was set.
    left = scene.stripe.faults_left()
    assert fault is None or left < fault["times"], "the fault was not met"
    scene.stripe.forget_faults()
    _insist(lambda: scenario.act(scene))
    scenario.finish(scene)
    return scene


def _insist(act: Callable[[], Any]) -> None:
    """As a queue, or a customer, does: again, after a refusal that calls itself retryable."""
    for left in reversed(range(_TRIES)):
        try:
            act()
        except DomainError as error:
            if not error.retryable or not left:
                raise
        else:
            return


def _books(scene: Scene) -> dict[str, Any]:
    """What the sandbox and the ledger say of a scene, without the names of things."""
    told = scene.stripe.summary()
    entries = service.entries_of_order(scene.order_id)
    names = {scene.order_id: "order", scene.store_id: "store"}
    return {
        "intents": sorted(
            _moved(intent) for intent in told["intents"] if _is_of(scene, intent) and any(_moved(intent))
        ),
        "transfers": sorted((made["amount"], made["reversed"]) for made in told["transfers"] if _is_of(scene, made)),
        "reversals": sorted(made["amount"] for made in told["reversals"] if _is_of(scene, made)),
        "ledger": {_plain(account, names): amount for account, amount in balances(entries).items() if amount},
        "kinds": sorted(entry.kind for entry in entries),
    }


def _moved(intent: dict[str, Any]) -> tuple[int, ...]:
    """What an intent did; one behind a lost answer, whose secret nobody has, did nothing."""
    return tuple(intent[name] for name in ("capturable", "captured", "captures", "refunded", "refunds", "released"))


def _is_of(scene: Scene, thing: dict[str, Any]) -> bool:
    metadata = thing["metadata"]
    return any(scene.order_id in str(value) or scene.store_id in str(value) for value in metadata.values())


def _plain(account: str, names: dict[str, str]) -> str:
    for name, plain in names.items():
        account = account.replace(name, plain)
    return account


def _check_ledger(scene: Scene) -> None:
    """The ledger balances, and holds of this order what Stripe does."""
    entries = service.entries_of_order(scene.order_id)
    assert not any(trial_balance(entries).values())
    intents = [intent for intent in scene.stripe.summary()["intents"] if _is_of(scene, intent)]
    at_stripe = sum(intent["captured"] - intent["refunded"] for intent in intents)
    if not scene.known.get("unposted"):
        assert balances(entries).get("stripe:clearing", 0) == at_stripe
    assert sum(1 for intent in intents if intent["captures"] > 1) == 0
