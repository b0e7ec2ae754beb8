"""A small Chalice app for the pump and the API process: it writes down what it is invoked with."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from chalice.app import Chalice, Rate

app = Chalice(app_name="recording")


def _write(function: str, event: Any) -> None:
    path = Path(os.environ["DOORSTEP_CLOCK_FILE"]).parent / "recorded.jsonl"
    with path.open("a") as lines:
        lines.write(json.dumps({"function": function, "event": event}) + "\n")


@app.route("/health", methods=["GET"])
def health() -> dict[str, str]:
    return {"status": "up"}


@app.route("/stores/{store_id}/board", methods=["GET", "POST"])
def board(store_id: str) -> dict[str, Any]:
    request = app.current_request
    return {"store_id": store_id, "query": request.query_params, "request_id": request.context["requestId"]}


@app.on_dynamodb_record(stream_arn="events", name="relay", batch_size=100)
def relay(event: Any) -> None:
    _write("relay", event.to_dict())


@app.schedule(Rate(1, unit=Rate.MINUTES), name="sweep")
def sweep(event: Any) -> None:
    _write("sweep", event.to_dict())


@app.on_sqs_message(queue="ordering", batch_size=10, name="ordering_events")
def ordering_events(event: Any) -> None:
    _write("ordering_events", event.to_dict())
