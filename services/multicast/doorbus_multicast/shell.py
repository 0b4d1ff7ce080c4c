"""Carries out what the arbiter wants: plays, tells, holds the lease, and hears of calls."""

from __future__ import annotations

import asyncio
import time
from typing import assert_never

import structlog

from doorbus.audio import AudioSettings
from doorbus.contract.base import Event
from doorbus.contract.document.audio import Audio
from doorbus.contract.envelope import Envelope
from doorbus.contract.leases import Lease
from doorbus.contract.pages import PageEnded, PageReplaced, PageStarted, PageSuppressed
from doorbus.contract.services import ServiceDegraded
from doorbus.runtime.bus import Bus
from doorbus.runtime.documents import Document
from doorbus.runtime.driver import Driver
from doorbus_multicast import arbiter, metrics
from doorbus_multicast.arbiter_model import (
    Arbiter,
    CallIs,
    DocumentTaken,
    Effect,
    End,
    Forget,
    LastPacket,
    ListenerRule,
    Look,
    Page,
    Play,
    PlayFailed,
    Replace,
    Rules,
    Stop,
    TellSuppressed,
    TimePassed,
)
from doorbus_multicast.arbiter_model import Event as ArbiterEvent
from doorbus_multicast.calls import Calls
from doorbus_multicast.listeners import Listeners
from doorbus_multicast.page_sound import PageSound
from doorbus_multicast.playout import Counts
from doorbus_multicast.speaker import RATE, Speaker

NAME = "multicast"

log = structlog.get_logger()


class DoorShell:
    """One door at work.

    Args:
        door: its id.
        bus: where facts go.
    """

    def __init__(self, door: str, bus: Bus) -> None:
        self._door = door
        self._bus = bus
        self._loop = asyncio.get_running_loop()
        self.listeners = Listeners(self._put, self._on_listeners)
        self._speaker = Speaker(self._on_speaker, self._on_page_broken)
        self._audio = Audio()
        self._silent: str | None = None
        self._sound: PageSound | None = None
        self._calls = Calls()
        self._driver: Driver[Arbiter, ArbiterEvent, Effect] = Driver(
            NAME, Arbiter(), arbiter.step, arbiter.deadline, TimePassed(), self._perform
        )
        self._lease = bus.tell_lease(door, self._lease_now)

    async def run(self) -> None:
        """Drives the arbiter until cancelled."""
        await self._driver.run()

    async def end(self) -> None:
        """Ends the page, tells so, and lets go of groups and loudspeaker. `run` must have ended before."""
        try:
            self._put(Stop())
            await self._driver.run_until_idle()
        finally:
            self.listeners.close()
            self._speaker.close()

    # --- what comes in -------------------------------------------------------------------------------------------

    def take_document(self, document: Document) -> None:
        """Takes a document; a page whose listener is as it was goes on."""
        multicast, audio = document.door.multicast, document.door.audio
        if AudioSettings.of(audio) != AudioSettings.of(self._audio):
            self._note_speaker(None)  # what did not work is not asked for any more
        self._audio = audio
        self.listeners.configure(multicast)
        self._speaker.configure(AudioSettings.of(audio), bool(multicast.listeners))
        rules = tuple(
            ListenerRule(each.address, each.label, tuple(sorted(each.codecs.items())), each.end_ms / 1000)
            for each in multicast.listeners
        )
        self._put(DocumentTaken(Rules(rules, multicast.barge, multicast.priority_active)))
        page = self._driver.state.page
        if page is not None and self._sound is not None:
            self._sound.volume = self._volume(page.address)

    def on_event(self, _door: str, event: Event, envelope: Envelope) -> None:
        """Hears of calls."""
        if envelope.service == "sip":
            self._note_calls(self._calls.told(event, envelope.epoch, envelope.sequence))

    def on_lease(self, _door: str, lease: Lease) -> None:
        """Hears which call is up."""
        self._note_calls(self._calls.leased(lease))

    def on_lease_lost(self, _door: str, _kind: str) -> None:
        """Nobody tells of a call any more: there is none."""
        self._note_calls(self._calls.lost())

    def _note_calls(self, calls: Calls) -> None:
        before, self._calls = self._calls, calls
        if bool(before.up) != bool(calls.up):
            self._put(CallIs(bool(calls.up)))

    def _put(self, event: ArbiterEvent) -> None:
        if not self._driver.put(event):
            metrics.EVENTS_LOST.inc()

    # --- what is done --------------------------------------------------------------------------------------------

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Play():
                self._play(effect)
            case Replace(page, by):
                self._silence(page)
                metrics.PAGES.labels("replaced").inc()
                self._tell(PageReplaced(page=page.id, listener=page.label, by=by))
            case End(page, reason, seconds):
                counts = self._silence(page)
                self._speaker.play(None)
                metrics.PAGES.labels(reason).inc()
                self._tell(
                    PageEnded(
                        page=page.id,
                        listener=page.label,
                        reason=reason,
                        duration_s=round(seconds, 3),
                        packets=counts.packets,
                        lost=counts.lost,
                        concealed_ms=round(counts.concealed_s * 1000),
                    )
                )
            case TellSuppressed(listener, place, ssrc, source, because):
                self._tell(PageSuppressed(listener=listener, place=place, ssrc=ssrc, source=source, because=because))
            case Look(stream, address):
                self._put(LastPacket(stream, self.listeners.last_packet(address, stream)))
            case Forget(stream, address):
                self.listeners.forget(address, stream)
            case _:
                assert_never(effect)

    def _play(self, play: Play) -> None:
        page = play.page
        self._sound = PageSound(RATE, self._volume(page.address))
        began = self.listeners.play(page.address, page.stream, self._sound)
        self._speaker.play(self._sound)
        metrics.PLAYING.set(1)
        if began is not None:
            metrics.START_SECONDS.observe(max(time.monotonic() - began, 0.0))
        self._tell(
            PageStarted(
                page=page.id,
                listener=page.label,
                place=play.place,
                ssrc=play.ssrc,
                source=play.source,
                outranks_calls=page.outranks_calls,
            )
        )

    def _silence(self, page: Page) -> Counts:
        sound, self._sound = self._sound, None
        metrics.PLAYING.set(0)
        self.listeners.silence(page.address, sound)
        counts = Counts() if sound is None else sound.counts
        metrics.LOST.inc(counts.lost)
        metrics.CONCEALED.inc(counts.concealed_s)
        return counts

    def _volume(self, address: str) -> float:
        return self._audio.volume.page / 100 * self.listeners.volume(address) / 100

    def _tell(self, event: Event) -> None:
        self._bus.tell(self._door, event)
        self._lease.changed()

    def _lease_now(self) -> Lease:
        page = self._driver.state.page
        return Lease(
            kind="page",
            service=NAME,
            subject_id=None if page is None else page.id,
            outranks_calls=page is not None and page.outranks_calls,
            epoch=self._bus.epoch,
            sequence=self._bus.sequence(self._door),
        )

    # --- what goes wrong -----------------------------------------------------------------------------------------

    def _on_listeners(self, problem: str | None) -> None:
        if problem is None:
            log.info("all listeners are joined")
        else:
            log.warning("not all listeners are joined", why=problem)
        self._degraded("listeners", problem)

    def _on_speaker(self, problem: str | None) -> None:
        self._loop.call_soon_threadsafe(self._note_speaker, problem)

    def _note_speaker(self, problem: str | None) -> None:
        """Tells an outage once, and its end; a loudspeaker says whether it works each time that a page opens it."""
        before, self._silent = self._silent, problem
        if (before is None) != (problem is None):
            self._degraded("audio", problem)

    def _on_page_broken(self, sound: PageSound) -> None:
        self._loop.call_soon_threadsafe(self._note_broken, sound)

    def _note_broken(self, sound: PageSound) -> None:
        page = self._driver.state.page
        if page is not None and sound is self._sound:
            self._put(PlayFailed(page.id))

    def _degraded(self, part: str, why: str | None) -> None:
        told = ServiceDegraded(service=NAME, part=part, why=(why or "")[:500], recovered=why is None)
        self._bus.tell(self._door, told)
