"""The actions of all doors that this process serves, as their documents have them."""

from __future__ import annotations

import asyncio
from zoneinfo import ZoneInfo

import structlog

from doorbus.runtime.dead_letters import DeadLetters
from doorbus.runtime.documents import Document
from doorbus.runtime.service import Service
from doorbus.runtime.tasks import end_tasks
from doorbus_actions import metrics
from doorbus_actions.attempt import Attempts, Job
from doorbus_actions.consumer import Consumer
from doorbus_actions.delivery import Pace
from doorbus_actions.runner import Runner
from doorbus_actions.senders import MessageAction, message_actions, sender_of
from doorbus_actions.settings import ActionsSettings
from doorbus_actions.tools import Tools

READY = "consumers"

log = structlog.get_logger()


class Doors:
    """Starts and ends the runners of actions.

    Args:
        service: the process.
        settings: of it.
        dead_letters: where messages go that were given up.
    """

    def __init__(self, service: Service, settings: ActionsSettings, dead_letters: DeadLetters) -> None:
        self._service = service
        self._bus = service.bus
        self._at_once = settings.actions_at_once
        self._dead_letters = dead_letters
        self._pace = Pace(settings.actions_retry_first_s, settings.actions_retry_most_s, settings.actions_retry_for_s)
        self._tools = Tools(
            settings.actions_connect_s, settings.actions_try_s, settings.secrets_dir, settings.actions_ca
        )
        self._actions: dict[str, dict[str, MessageAction]] = {}
        self._runners: dict[tuple[str, str], Runner] = {}
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}

    def take_document(self, door: str, document: Document) -> None:
        """Takes a door's document: new actions begin, removed ones end, changed ones are new from the next try on."""
        zone = ZoneInfo(document.door.timezone)
        before, now = self._actions.get(door, {}), message_actions(document.door.actions)
        self._actions[door] = now
        for action in now.values():
            sender_of(action)  # imported now, not at the press
        for name in {*before, *now}:
            self._runner(door, name).job = Job(now.get(name), zone)
        for sign, actions in ((-1, before), (1, now)):
            for action in actions.values():
                metrics.RUNNING.labels(action.type).inc(sign)
        self._note_ready()
        if now or before:
            log.info("door is served", door=door, revision=document.revision, actions=sorted(now))

    def actions_of(self, door: str) -> dict[str, MessageAction] | None:
        """Returns a door's actions by id, None before its first document."""
        return self._actions.get(door)

    async def reconnected(self) -> None:
        """Says that the bus is back."""
        for runner in self._runners.values():
            runner.reconnected()

    async def stop(self) -> None:
        """Ends all runners, before an orderly end: nothing is sent any more."""
        await end_tasks(self._tasks.values())
        await asyncio.gather(*(runner.stop() for runner in self._runners.values()))

    def _runner(self, door: str, action: str) -> Runner:
        key = (door, action)
        if key not in self._runners:
            consumer = Consumer(self._bus.connection, door, action, self._note_ready)
            attempts = Attempts(door, action, self._bus, self._dead_letters, self._tools, self._pace)
            self._runners[key] = Runner(consumer, attempts, self._at_once)
            self._tasks[key] = self._service.spawn(self._run(key), f"action {door} {action}")
        return self._runners[key]

    async def _run(self, key: tuple[str, str]) -> None:
        await self._bus.connection.wait_connected()
        await self._runners[key].run()
        del self._runners[key], self._tasks[key]
        self._note_ready()
        log.info("an action has ended", door=key[0], action=key[1])

    def _note_ready(self) -> None:
        self._service.health.set(READY, all(runner.ready for runner in self._runners.values()))
