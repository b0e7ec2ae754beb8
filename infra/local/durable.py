"""What moto forgets and AWS keeps: the messages of queues and the users of the pool, in a SQLite file.

Every change is in the file before its call is answered, so what was acknowledged survives `kill -9`.
"""

from __future__ import annotations

import contextlib
import functools
import json
import sqlite3
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from moto.cognitoidp import models as cognito
from moto.cognitoidp.utils import expand_attrs, flatten_attrs
from moto.core import responses
from moto.events.utils import EventTemplateParser
from moto.sqs import models as sqs

from chalicelib.kernel import clock
from infra.local.environment import known_id

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from moto.sqs.models import Message

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    id TEXT PRIMARY KEY, queue TEXT NOT NULL, body TEXT NOT NULL, attributes TEXT NOT NULL,
    sent_ms INTEGER NOT NULL, delayed_until_ms REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_by_queue ON messages (queue);
CREATE TABLE IF NOT EXISTS users (
    pool TEXT NOT NULL, sub TEXT NOT NULL, user TEXT NOT NULL, PRIMARY KEY (pool, sub)
);
"""
_READS = ("Get", "List", "Describe", "AdminGet", "AdminList", "InitiateAuth", "AdminInitiateAuth")


class Keep:
    """The file. Its users hold the emulator's gate, so that one connection serves every thread."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        path.chmod(0o600)
        # A killed process loses nothing that it handed to the kernel; only a power cut could.
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.executescript(_SCHEMA)

    def put_message(self, queue: str, message: Message) -> None:
        """Keep a message of a queue; one that moves to another queue moves."""
        self._database.execute(
            "INSERT OR REPLACE INTO messages VALUES (?, ?, ?, ?, ?, ?)",
            (
                message.id,
                queue,
                message.body,
                json.dumps(message.message_attributes),
                message.sent_timestamp,
                message.delayed_until,
            ),
        )

    def drop_messages(self, ids: list[str]) -> None:
        """Forget messages that were handled."""
        self._database.executemany("DELETE FROM messages WHERE id = ?", [(each,) for each in ids])

    def drop_queue(self, queue: str) -> None:
        """Forget every message of a queue."""
        self._database.execute("DELETE FROM messages WHERE queue = ?", (queue,))

    def messages(self, queue: str) -> list[Message]:
        """The messages of a queue, oldest first. How often each was received starts anew."""
        rows = self._database.execute(
            "SELECT id, body, attributes, sent_ms, delayed_until_ms FROM messages WHERE queue = ? ORDER BY sent_ms",
            (queue,),
        )
        found = []
        for message_id, body, attributes, sent, delayed_until in rows:
            message = sqs.Message(message_id, body)
            message.message_attributes = json.loads(attributes)
            message.sent_timestamp = sent
            message.delayed_until = delayed_until
            _let_out_on_time(message)  # the clock may have another pace since
            found.append(message)
        return found

    def put_user(self, pool: str, user: cognito.CognitoIdpUser) -> None:
        """Keep a user: sub, name, password, state, attributes and groups."""
        document = {
            "username": user.username,
            "password": user.password,
            "status": str(user.status),
            "enabled": user.enabled,
            "attributes": flatten_attrs(user.attributes),
            "groups": sorted(group.group_name for group in user.groups),
        }
        self._database.execute("INSERT OR REPLACE INTO users VALUES (?, ?, ?)", (pool, user.id, json.dumps(document)))

    def drop_users(self, pool: str) -> None:
        """Forget every user of a pool."""
        self._database.execute("DELETE FROM users WHERE pool = ?", (pool,))

    def users(self, pool: str) -> dict[str, dict[str, Any]]:
        """The users of a pool by sub."""
        rows = self._database.execute("SELECT sub, user FROM users WHERE pool = ?", (pool,))
        return {sub: json.loads(document) for sub, document in rows}


def keep_messages(keep: Keep, gate: threading.RLock) -> None:
    """From here on every queue that moto makes has its messages in the file, and those of an earlier run."""

    class KeptQueue(sqs.Queue):
        def __init__(self, name: str, region: str, account_id: str, **attributes: Any) -> None:
            super().__init__(name, region, account_id, **attributes)
            self._messages = keep.messages(name)

        def add_message(self, message: Message) -> None:
            _let_out_on_time(message)
            keep.put_message(self.name, message)
            super().add_message(message)

        def delete_message(self, receipt_handle: str) -> None:
            ids = [each.id for each in self._messages if each.had_receipt_handle(receipt_handle)]
            super().delete_message(receipt_handle)
            keep.drop_messages(ids)

        # moto asks for these several times a call and reads the clock twice for each message.

        @property
        def messages(self) -> list[Message]:
            now = time.time() * 1000
            return [each for each in self._messages if each.visible_at < now >= each.delayed_until]

        @property
        def approximate_number_of_messages_delayed(self) -> int:
            now = time.time() * 1000
            return sum(now < each.delayed_until for each in self._messages)

        @property
        def approximate_number_of_messages_not_visible(self) -> int:
            now = time.time() * 1000
            return sum(now <= each.visible_at for each in self._messages)

        def wait_for_messages(self, timeout: int) -> None:
            gate.release()
            try:
                with self._messages_lock:
                    if not self.messages:
                        self._messages_lock.wait(min(timeout, self._until_next()))
            finally:
                gate.acquire()

        def _until_next(self) -> float:
            now = time.time() * 1000
            instants = [max(each.visible_at, each.delayed_until) for each in self._messages]
            return max(0.0, min((each - now for each in instants), default=60_000.0) + 1) / 1000

    sqs.Queue = KeptQueue  # type: ignore[misc]


def shorten_moto() -> None:
    """Spare moto most of its work on an event, and mend what it would do to one.

    It passes an event on by filling a text template, which changes a detail that contains `<id>` or `<time>`,
    and derives the same attribute names anew at every call.
    """
    fill_template = EventTemplateParser.parse

    def parse(input_template: str, input_paths_map: dict[str, Any], event: Any) -> dict[str, Any]:
        if input_template or input_paths_map:
            return fill_template(input_template, input_paths_map, event)
        return {key: value for key, value in event.items() if key != "ingestion-time"}

    EventTemplateParser.parse = staticmethod(parse)  # type: ignore[method-assign]
    for module, name in (
        (sqs, "camelcase_to_underscores"),
        (responses, "camelcase_to_underscores"),
        (responses, "method_names_from_class"),
    ):
        vars(module)[name] = functools.cache(vars(module)[name])


def _let_out_on_time(message: Message) -> None:
    """Delay a timer to its very due time when Doorstep's clock runs fast: a wall second may be a minute."""
    if not message.delayed_until or clock.to_wall(timedelta(seconds=1)) == 1.0:
        return
    with contextlib.suppress(ValueError, KeyError, TypeError):
        due = datetime.fromisoformat(json.loads(message.body)["detail"]["due"])
        message.delayed_until = (time.time() + clock.to_wall(due - clock.now())) * 1000


def name_pools_and_clients() -> None:
    """Give pools and app clients ids that follow from their names: they are known before they are made."""

    def generate_id(strategy: str | None, *args: Any) -> str:  # noqa: ARG001 (moto's signature)
        *_, configuration = args
        name = args[1] if "ClientName" not in configuration else configuration["ClientName"]
        return known_id(str(name))

    vars(cognito)["generate_id"] = generate_id


class Users:
    """Writes users into the file as calls change them, and brings them back when their pool is made again."""

    def __init__(self, keep: Keep, region: str, account: str) -> None:
        self._keep = keep
        self._region = region
        self._account = account

    def after(self, action: str, parameters: dict[str, Any], answer: dict[str, Any]) -> None:
        """Follow a call that succeeded."""
        if action == "CreateUserPool":
            self._restore(self._pools()[answer["UserPool"]["Id"]])
        elif action == "CreateGroup":
            self._restore_members(self._pools()[parameters["UserPoolId"]], parameters["GroupName"])
        elif not action.startswith((*_READS, "Create")):
            self._keep_changes(parameters)

    def _pools(self) -> dict[str, cognito.CognitoIdpUserPool]:
        return dict(cognito.cognitoidp_backends[self._account][self._region].user_pools)

    def _restore(self, pool: cognito.CognitoIdpUserPool) -> None:
        for sub, kept in self._keep.users(pool.id).items():
            user = cognito.CognitoIdpUser(
                pool.id, kept["username"], kept["password"], kept["status"], expand_attrs(kept["attributes"])
            )
            user.id = sub
            user.update_attributes([{"Name": "sub", "Value": sub}])
            user.enabled = kept["enabled"]
            pool.users[user.username] = user

    def _restore_members(self, pool: cognito.CognitoIdpUserPool, group_name: str) -> None:
        group = pool.groups[group_name]
        members = {sub for sub, kept in self._keep.users(pool.id).items() if group_name in kept["groups"]}
        for user in pool.users.values():
            if user.id in members:
                user.groups.add(group)
                group.users.add(user)

    def _keep_changes(self, parameters: dict[str, Any]) -> None:
        pool = self._pools().get(parameters.get("UserPoolId", ""))
        user = pool._get_user(parameters["Username"]) if pool and "Username" in parameters else None  # noqa: SLF001
        if pool and user:
            self._keep.put_user(pool.id, user)
            return
        for each in self._pools().values():
            self._keep.drop_users(each.id)
            for member in each.users.values():
                self._keep.put_user(each.id, member)
