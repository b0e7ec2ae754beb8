"""Errors as RFC 9457 problem+json: the one place where exceptions become answers."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import msgspec
from chalice.app import Response

from chalicelib.edge.schemas import Fault, Problem
from chalicelib.kernel.errors import DomainError, Invalid, Unavailable, Violation

logger = logging.getLogger(__name__)

_TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    412: "Changed since you read it",
    413: "Too large",
    415: "Unsupported media type",
    422: "Can't be taken as it is",
    428: "If-Match is required",
    429: "Too many requests",
    500: "Our fault",
    503: "Try again",
}
_PATH_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def response(error: DomainError, request_id: str) -> Response:
    """The answer to a refused request."""
    problem = Problem(
        type=f"/v1/docs#{error.code}",
        title=_TITLES.get(error.status, "Refused"),
        status=error.status,
        code=error.code,
        detail=error.detail,
        request_id=request_id,
        retryable=error.retryable,
        errors=[
            Fault(code=v.code, pointer=v.pointer, detail=v.detail, params=dict(v.params)) for v in error.violations
        ],
    )
    body: dict[str, Any] = {
        **json.loads(json.dumps(error.extra, default=str)),
        **msgspec.to_builtins(problem),
    }
    headers: dict[str, str | list[str]] = {"Content-Type": "application/problem+json"}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(body=json.dumps(body, ensure_ascii=False), status_code=error.status, headers=headers)


def of_exception(error: Exception) -> DomainError:
    """The refusal that stands for any exception: what we depend on is down (503), or a fault of ours (500)."""
    from botocore.exceptions import BotoCoreError, ClientError
    from pynamodb.exceptions import PynamoDBException

    if isinstance(error, DomainError):
        return error
    if isinstance(error, BotoCoreError | ClientError | PynamoDBException):
        logger.error("storage or queue failed", exc_info=error)
        return Unavailable("temporarily_unavailable", "A part of the service does not answer: try again.")
    logger.error("unhandled", exc_info=error)
    return DomainError("internal_error", "This is our fault and has been logged; quote the request id.", status=500)


def of_validation(error: msgspec.ValidationError, *, root: str = "") -> Invalid:
    """The violation that msgspec found, with a JSON pointer instead of its path notation."""
    message, _, path = str(error).partition(" - at `")
    pointer = root + "".join(f"/{name or index}" for name, index in _PATH_STEP.findall(path.rstrip("`")))
    return Invalid([Violation("invalid_value", pointer.replace("/...", "/-"), message + ".")])


def malformed(detail: str) -> DomainError:
    """400: the request is not even readable."""
    return DomainError("malformed_request", detail, status=400)


def precondition_required() -> DomainError:
    """428: a change needs the version that it is based on."""
    return DomainError(
        "if_match_required",
        "Send the ETag of what you read as `If-Match`, so that no change is lost.",
        status=428,
    )
