"""Structured logs: one JSON object a line, with the ids that follow an order. Never a body, a token or a name."""

from __future__ import annotations

import json
import logging
import re
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_fields: ContextVar[Mapping[str, Any]] = ContextVar("log_fields", default=MappingProxyType({}))
_EMAIL = re.compile(r"[\w.%+-]+@[\w-]+(\.[\w-]+)*\.[A-Za-z]{2,}")
_PHONE = re.compile(r"\+\d[\d ()/.-]{5,}\d")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def trace_id() -> str | None:
    """The id that follows one request through events and reactions."""
    return _fields.get().get("trace_id")


@contextmanager
def context(**fields: Any) -> Iterator[None]:
    """Add fields to every line logged within the block."""
    token = _fields.set({**_fields.get(), **{key: value for key, value in fields.items() if value is not None}})
    try:
        yield
    finally:
        _fields.reset(token)


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: level, logger, message, context fields, ``extra`` fields, error."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields.get(),
            **{key: value for key, value in vars(record).items() if key not in _STANDARD},
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return masked(json.dumps(line, default=str, ensure_ascii=False))


def masked(text: str) -> str:
    """The text without e-mail addresses and phone numbers.

    Nobody logs them on purpose; an error of a library may quote what it was given.
    """
    if "@" in text:
        text = _EMAIL.sub("<e-mail>", text)
    return _PHONE.sub("<phone>", text) if "+" in text else text


def configure(level: int = logging.INFO) -> None:
    """Send this package's logs to standard output as JSON. Safe to call again."""
    import time

    root = logging.getLogger("chalicelib")
    if not any(isinstance(handler.formatter, JsonFormatter) for handler in root.handlers):
        handler = logging.StreamHandler(sys.stdout)
        formatter = JsonFormatter()
        formatter.converter = time.gmtime
        handler.setFormatter(formatter)
        root.addHandler(handler)
        root.propagate = False
    root.setLevel(level)
