"""Generated requests against the served contract: never a 5xx, never an answer that the contract does not describe.

Each operation gets what lies at and beyond every bound of its schemas, and then random data, good and bad. Most of it
comes from somebody who may make the request, with the ids of what exists and the version that it has, so that it gets
past the first check; some from everybody else.

    DOORSTEP_FUZZ=20 pytest -m fuzz      twenty times as much, and other data in each run
"""

from __future__ import annotations

import contextlib
import os
import random
from typing import TYPE_CHECKING, Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import app
from chalicelib.kernel import clock, events
from tests.api.scene import Scene
from tests.api.visits import TABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemathesis import Case
    from schemathesis.schemas import APIOperation, BaseSchema

    from tests.api.server import Served
    from tests.issuer import Issuer

pytestmark = pytest.mark.fuzz

APP = app  # imported for the routes that it registers
THOROUGH = int(os.environ.get("DOORSTEP_FUZZ", "0"))
BOUNDARY_CASES = 10**6 if THOROUGH else 30
RANDOM_CASES = 8 * max(1, THOROUGH)
WRONG_CALLERS = ("customer", "owner elsewhere", "clerk", "rider", "admin", None)
CONFORMANCE = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def contract(served: Served) -> BaseSchema:
    contract = schemathesis.openapi.from_dict(served.call("GET", "/v1/openapi.json").json)
    # Besides what Schemathesis expects: a version that is none matches nothing, and a text may be too long for a body.
    rejection = contract.config.checks.negative_data_rejection
    rejection.expected_statuses = [*(rejection.expected_statuses or ()), "412", "413"]
    return contract


@pytest.fixture(scope="module", autouse=True)
def no_bus() -> Iterator[None]:
    """What the webhook publishes goes nowhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "publish", lambda *_: None)
        yield


@pytest.mark.parametrize("name", TABLE)
def test_whatever_is_sent(contract: BaseSchema, issuer: Issuer, served: Served, name: str) -> None:
    method, _, path = name.partition(" ")
    operation = contract[path][method]
    session = Session(name, issuer, served)
    _send_bounds(session, contract, operation)
    _send_random(session, operation)
    assert not session.failures, session.told()


def _send_bounds(session: Session, contract: BaseSchema, operation: APIOperation[Any, Any, Any, Any]) -> None:
    """What lies at each bound of the schemas, and just beyond."""
    config = contract.config.generation_for(operation=operation, phase="coverage")
    cases = list(
        contract.iter_coverage_cases(operation, generation_modes=list(GenerationMode), generation_config=config)
    )
    for number, case in enumerate(_spread(cases, BOUNDARY_CASES)):
        session.send(case, random.Random(number), mix_body=False, checks=[*CONFORMANCE, negative_data_rejection])


def _send_random(session: Session, operation: APIOperation[Any, Any, Any, Any]) -> None:
    good, bad = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

    def send(case: Case, seed: int) -> None:
        session.send(case, random.Random(seed), mix_body=True, checks=CONFORMANCE)

    for cases, share in ((good, 1.5), (bad, 0.5)):
        limited = settings(
            max_examples=max(1, int(RANDOM_CASES * share)),
            derandomize=not THOROUGH,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
        )
        with contextlib.suppress(Unsatisfiable):  # of what takes nothing, nothing is wrong
            limited(given(case=cases, seed=st.integers(0, 2**32))(send))()


class Session:
    """Sends an operation's cases, and keeps what was answered wrongly: one example of each kind."""

    def __init__(self, name: str, issuer: Issuer, served: Served) -> None:
        self.name = name
        self.row = TABLE[name]
        self.failures: dict[str, str] = {}
        self._issuer, self._served = issuer, served
        self._begin()

    def send(self, case: Case, rng: random.Random, *, mix_body: bool, checks: list[Any]) -> None:
        """Ground the case in what exists, send it as somebody, and check the answer."""
        self._ground(case, rng, mix_body=mix_body)
        caller = self._caller if rng.random() < 0.9 else rng.choice(WRONG_CALLERS)
        headers = {"Authorization": f"Bearer {self.scene.tokens[caller]}"} if caller else {}
        try:
            response = case.call(base_url=self._served.url, session=self._served.session, headers=headers, timeout=30)
        except (requests.exceptions.InvalidHeader, UnicodeEncodeError):
            return  # not to be said in HTTP
        try:
            case.validate_response(response, checks=checks, headers=headers)
        except FailureGroup as group:
            for failure in group.exceptions:
                self._note(
                    f"{response.status_code} {type(failure).__name__}", f"{failure}\n{case.as_curl_command(headers)}"
                )
        self._check_problem(case, response)
        if response.status_code >= 500:
            self._note(str(response.status_code), f"{response.text}\n{case.as_curl_command(headers)}")
        if response.status_code < 300 and case.method != "GET":
            self._renew()

    def told(self) -> str:
        """Every kind of wrong answer with its example."""
        return "".join(f"\n\n--- {kind}\n{example}" for kind, example in self.failures.items())

    def _check_problem(self, case: Case, response: Any) -> None:
        if response.headers.get("content-type") != ["application/problem+json"] or response.status_code == 405:
            return
        problem = response.json()
        if problem["code"] not in case.operation.definition.raw["x-problem-codes"]:
            self._note(f"{problem['code']} is not in the contract", case.as_curl_command())
        if response.headers["x-request-id"] != [problem["request_id"]]:
            self._note("another request id in the body", case.as_curl_command())

    def _note(self, kind: str, example: str) -> None:
        self.failures.setdefault(kind, example)

    def _begin(self) -> None:
        self.scene = Scene(self._issuer, self._served)
        self._visit = self.row.visit(self.scene)
        self._caller = {
            "owner of the merchant": "owner",
            "staff": "owner",
            "support": "admin",
            "invited": "customer",
            "anybody": None,
        }.get(self.row.caller, self.row.caller)

    def _renew(self) -> None:
        """What could be done is done: make it possible again, in another world if this one is spoilt."""
        try:
            self._visit = self.row.visit(self.scene)
        except Exception:  # noqa: BLE001  (whatever the data did to this store, the next one is fresh)
            self._begin()

    def _ground(self, case: Case, rng: random.Random, *, mix_body: bool) -> None:
        """Replace generated ids and versions that can't be right by those that are, mostly."""
        if case.path_parameters and not _is_bad(case, "path") and rng.random() < 0.9:
            known = {name: value for name, value in self._visit.path.items() if name in case.path_parameters}
            case.path_parameters = {**case.path_parameters, **known}
        if not _is_bad(case, "header") and rng.random() < 0.8:
            for header, value in self._visit.headers.items():
                if header in case.headers and header != "Idempotency-Key":
                    case.headers[header] = value
        if isinstance(case.body, dict | list) and not _is_bad(case, "body") and rng.random() < 0.8:
            grounded = _with_real_values(case.body, self._known(), rng)
            if mix_body and isinstance(self._visit.body, dict) and rng.random() < 0.6:
                grounded = _crossed(self._visit.body, grounded, rng)
            case.body = grounded

    def _known(self) -> dict[str, Any]:
        place = self.scene.place
        return (
            {
                "store_id": self.scene.store_id,
                "sku": "PIZ-MARG-32",
                "group_id": "crust",
                "option_id": "classic",
                "component_id": "main",
                "currency": "EUR",
                "country": "DE",
                "tax_category": "food",
                "fee_tax_category": "food",
                "time_zone": "Europe/Berlin",
                "opening_hours": "24/7",
                "captured_at": clock.rfc3339(clock.now()),
                "lat": place.lat,
                "lng": place.lng,
                **{name: value for name, value in (self._visit.body or {}).items() if name in ("quote_id", "pin")},
            }
            if isinstance(self._visit.body, dict | None)
            else {}
        )


def _spread(cases: list[Case], most: int) -> Iterable[Case]:
    """At most so many of the cases, from all over the list."""
    step = max(1.0, len(cases) / most)
    return (cases[int(number * step)] for number in range(min(len(cases), most)))


def _is_bad(case: Case, location: str) -> bool:
    """Whether this part of the case was made wrong on purpose."""
    if case.meta is None:
        return False
    return any(
        place.value == location and told.mode is GenerationMode.NEGATIVE for place, told in case.meta.components.items()
    )


def _with_real_values(value: Any, known: dict[str, Any], rng: random.Random) -> Any:
    """The value with what exists in the place of most made-up ids and places."""
    if isinstance(value, list):
        return [_with_real_values(each, known, rng) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: known[name]
        if name in known and not isinstance(told, dict | list) and rng.random() < 0.75
        else _with_real_values(told, known, rng)
        for name, told in value.items()
    }


def _crossed(good: dict[str, Any], made: Any, rng: random.Random) -> Any:
    """A request that works, with some of its fields as they were made up."""
    if not isinstance(made, dict):
        return made if rng.random() < 0.3 else good
    crossed = dict(good)
    for name, told in made.items():
        own = good.get(name)
        if isinstance(own, dict) and rng.random() < 0.6:
            crossed[name] = _crossed(own, told, rng)
        elif rng.random() < 0.35:
            crossed[name] = told
    return crossed
