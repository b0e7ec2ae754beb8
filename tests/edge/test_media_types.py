"""A resource in several media types: the caller's `Accept` chooses, and what it does not know is answered as usual."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from chalice.app import Chalice

from chalicelib.edge.decoding import BINARY
from chalicelib.edge.endpoint import ROUTES, Endpoints, Reply, Request
from chalicelib.edge.permissions import Public
from tests.edge.conftest import Caller

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def call() -> Iterator[Caller]:
    endpoints = Endpoints("papers")

    @endpoints.get("/papers", permission=Public(), returns=dict[str, str], also=("text/html", "application/pdf"))
    def get_paper(request: Request[None]) -> Reply[dict[str, str]]:
        """See a paper."""
        if request.wanted == "text/html":
            return Reply(b"<p>paper", content_type="text/html; charset=utf-8")
        if request.wanted == "application/pdf":
            return Reply(b"%PDF-\xff", content_type="application/pdf")
        return Reply({"paper": "yes"})

    app = Chalice("papers")
    app.api.binary_types.extend(BINARY)
    app.register_blueprint(endpoints.blueprint)
    yield Caller(app)
    ROUTES.pop()


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("image/png", "application/json"),
        ("", "application/json"),
        (", ;q=;,,", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
        ("Text/HTML; q=0.3", "text/html; charset=utf-8"),
        ("application/pdf", "application/pdf"),
        ("application/pdf, */*", "application/pdf"),
        ("text/html, application/pdf", "text/html; charset=utf-8"),
        ("*/*, application/pdf", "application/json"),
        ("application/json, text/html", "application/json"),
    ],
)
def test_the_first_known_media_type_is_answered(call: Caller, accept: str | None, answered: str) -> None:
    told = call("GET", "/papers", **({} if accept is None else {"accept": accept}))
    assert (told.status, told.headers["content-type"]) == (200, answered)
    assert told.headers["vary"] == "Accept"


def test_bytes_arrive_as_they_are(call: Caller) -> None:
    told = call("GET", "/papers", accept="application/pdf")
    assert base64.b64decode(told.body) == b"%PDF-\xff"
