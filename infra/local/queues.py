"""A queue and its function: batches, partial failures and redelivery, as Lambda's event source mapping does it."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Any

from infra.local.provision import queue_arn
from infra.local.wire import REGION, SQS, EmulatorError

if TYPE_CHECKING:
    import threading

    from infra.local.functions import Function
    from infra.local.invocations import Invocations
    from infra.local.wire import Emulator

LONG_POLL_SECONDS = 10
MOST_AT_ONCE = 10
LONGEST_RETRY_SECONDS = 180


class QueueConsumer:
    """Invokes a consumer with what its queue has.

    What failed comes again after `retry_seconds`, doubling, rather than after the queue's whole visibility timeout:
    someone is waiting in front of the screen. How often is the queue's own redrive policy, DLQ included.
    """

    def __init__(
        self,
        *,
        moto: Emulator,
        name: str,
        url: str,
        consumer: Function,
        invocations: Invocations,
        stop: threading.Event,
        retry_seconds: float = 1.0,
    ) -> None:
        self._moto = moto
        self._arn = queue_arn(name)
        self._url = url
        self._consumer = consumer
        self._invocations = invocations
        self._stop = stop
        self._retry_seconds = retry_seconds

    def run(self) -> None:
        """Take batches until told to stop; an emulator that is away is asked again."""
        while not self._stop.is_set():
            try:
                if messages := self._receive():
                    self._handle(messages)
            except (OSError, EmulatorError) as error:
                if not self._stop.is_set():
                    print(f"{self._consumer.name}: {error}", file=sys.stderr)
                    self._stop.wait(1.0)

    def _receive(self) -> list[dict[str, Any]]:
        answer = self._moto.call(
            SQS,
            "ReceiveMessage",
            QueueUrl=self._url,
            MaxNumberOfMessages=min(self._consumer.batch_size, MOST_AT_ONCE),
            WaitTimeSeconds=LONG_POLL_SECONDS,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return list(answer.get("Messages", ()))

    def _handle(self, messages: list[dict[str, Any]]) -> None:
        self._invocations.count(self._consumer.name, len(messages))
        try:
            answer = self._consumer.invoke({"Records": [self._record(message) for message in messages]})
            failed = failed_ids(answer, {message["MessageId"] for message in messages})
        except Exception:  # noqa: BLE001 (Lambda returns the batch to the queue whatever the function raises)
            traceback.print_exc()
            failed = {message["MessageId"] for message in messages}
        if done := [message for message in messages if message["MessageId"] not in failed]:
            self._moto.call(SQS, "DeleteMessageBatch", QueueUrl=self._url, Entries=_entries(done))
        if again := [message for message in messages if message["MessageId"] in failed]:
            entries = _entries(again)
            for entry, message in zip(entries, again, strict=True):
                entry["VisibilityTimeout"] = self._wait_of(message)
            self._moto.call(SQS, "ChangeMessageVisibilityBatch", QueueUrl=self._url, Entries=entries)

    def _wait_of(self, message: dict[str, Any]) -> int:
        received = int(message["Attributes"]["ApproximateReceiveCount"])
        return int(min(LONGEST_RETRY_SECONDS, self._retry_seconds * 2 ** (received - 1)))

    def _record(self, message: dict[str, Any]) -> dict[str, Any]:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": message.get("MessageAttributes", {}),
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._arn,
            "awsRegion": REGION,
        }


def failed_ids(answer: Any, sent: set[str]) -> set[str]:
    """The messages that a function reports as failed; an answer that makes no sense fails the whole batch."""
    if not answer:
        return set()
    if not isinstance(answer, dict):
        return sent
    failures = answer.get("batchItemFailures") or []
    failed = {each.get("itemIdentifier") if isinstance(each, dict) else None for each in failures}
    return {str(each) for each in failed} if failed <= sent else sent


def _entries(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]} for number, message in enumerate(messages)]
