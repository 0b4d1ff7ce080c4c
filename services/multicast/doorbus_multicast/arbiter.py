"""Who is heard: at most one page plays, and this table says which.

| what there is | priority active | priority not active |
|---|---|---|
| no call, streams send | the listener with the lowest place | the page that plays, then the stream heard first |
| a higher one begins while a page plays | it replaces the page | it is silent |
| a lower one begins while a page plays | it is silent | it is silent |
| the page ends, others still send | the next by place plays | the one heard first plays |
| a call is up | only listeners 1 to `barge` may play | nobody may play |
| a call begins while another page plays | the page ends (`call`) | the page ends (`call`) |
| the call ends, streams still send | as without a call | as without a call |
| nothing from the page's sender for `end_ms` | the page ends (`silence`) | the same |
| another SSRC on a listener | its page ends (`new_ssrc`), the stream is a new one | the same |
| a listener leaves the document, or its codecs change | its page ends (`document`) | the same |
| other changes of the document | places are counted anew, the page goes on if it still may | the same |

- A stream that may not be heard is told once for each reason (`call`, `page`); one whose page was replaced, or ended by
  a call, has been told by that.
- A stream heard again is a page with a new id.
- A stream that is over is over for its listener too. A process that was stopped hears afterwards what came meanwhile:
  packets that follow each other without a gap, behind a silence that it has seen.
- A stream's last packet is asked for when its silence may have lasted `end_ms`, so that packets cost no step.
"""

from __future__ import annotations

from dataclasses import replace

from doorbus.contract.pages import EndedBecause
from doorbus_multicast.arbiter_model import (
    Arbiter,
    Because,
    CallIs,
    DocumentTaken,
    Effect,
    End,
    Event,
    Forget,
    Heard,
    LastPacket,
    Look,
    Page,
    Play,
    PlayFailed,
    Replace,
    Rules,
    Stop,
    Stream,
    TellSuppressed,
    TimePassed,
)

LOOK_AGAIN_S = 0.25
"""A `Look` without an answer is repeated: no page may stay for ever."""

Step = tuple[Arbiter, tuple[Effect, ...]]


def step(state: Arbiter, event: Event, now: float) -> Step:
    """Returns what is known after the event, and what is to be done."""
    if state.stopped:
        return state, ()
    match event:
        case DocumentTaken(rules):
            return _settle(_keep_listeners(replace(state, rules=rules), state.rules), "document", now)
        case Heard():
            return _heard(state, event, now)
        case LastPacket(stream, at):
            return _last_packet(state, stream, at, now)
        case CallIs(up):
            return _settle(replace(state, call=up), "call", now)
        case PlayFailed(page):
            return _play_failed(state, page, now)
        case TimePassed():
            return _look(state, now)
        case Stop():
            ended, effects = _settle(replace(state, streams={}), "shutdown", now)
            return replace(ended, stopped=True), effects


def deadline(state: Arbiter) -> float | None:
    """Returns when silence must be looked at next."""
    return min((stream.check_at for stream in state.streams.values()), default=None)


def _keep_listeners(state: Arbiter, before: Rules) -> Arbiter:
    """Forgets the streams of listeners that are not what they were."""
    kept = {}
    for address, stream in state.streams.items():
        was, now = before.rule(address), state.rules.rule(address)
        if was is not None and now is not None and was.codecs == now.codecs:
            kept[address] = stream
    return replace(state, streams=kept)


def _heard(state: Arbiter, event: Heard, now: float) -> Step:
    rule = state.rules.rule(event.address)
    known = state.streams.get(event.address)
    if rule is None or (known is not None and known.id == event.id):
        return state, ()
    stream = Stream(event.id, event.address, event.ssrc, event.source, state.heard, now + rule.end_s)
    heard = replace(state, streams={**state.streams, event.address: stream}, heard=state.heard + 1)
    return _settle(heard, "new_ssrc", now)


def _last_packet(state: Arbiter, stream_id: str, at: float | None, now: float) -> Step:
    stream = next((stream for stream in state.streams.values() if stream.id == stream_id), None)
    if stream is None:
        return state, ()
    rule = state.rules.rule(stream.address)
    if rule is not None and at is not None and at + rule.end_s > now:
        return _with(state, replace(stream, check_at=at + rule.end_s)), ()
    left = {address: other for address, other in state.streams.items() if other is not stream}
    state, effects = _settle(replace(state, streams=left), "silence", now)
    return state, (Forget(stream.id, stream.address), *effects)


def _play_failed(state: Arbiter, page_id: str, now: float) -> Step:
    if state.page is None or state.page.id != page_id:
        return state, ()
    stream = state.streams[state.page.address]
    return _settle(_with(state, replace(stream, failed=True)), "failed", now)


def _look(state: Arbiter, now: float) -> Step:
    due = [stream for stream in state.streams.values() if stream.check_at <= now]
    again = {stream.address: replace(stream, check_at=now + LOOK_AGAIN_S) for stream in due}
    return replace(state, streams={**state.streams, **again}), tuple(Look(stream.id, stream.address) for stream in due)


def _settle(state: Arbiter, gone_because: EndedBecause, now: float) -> Step:
    """Has the right stream play; `gone_because` is why the page's stream is not there any more, if it is not."""
    chosen, page = _chosen(state), state.page
    effects: tuple[Effect, ...] = ()
    if page is not None and (chosen is None or chosen.id != page.stream):
        state, effects = _silence(state, page, chosen, gone_because, now)
    if state.page is not None:
        outranks = state.rules.outranks_calls(state.page.address)
        state = replace(state, page=replace(state.page, outranks_calls=outranks))
    elif chosen is not None:
        state, play = _play(state, chosen, now)
        effects = (*effects, *play)
    state, told = _tell_silent_ones(state)
    return state, (*effects, *told)


def _silence(state: Arbiter, page: Page, chosen: Stream | None, gone_because: EndedBecause, now: float) -> Step:
    """Ends the page. A stream that goes on has been told why it is silent by that."""
    state = replace(state, page=None)
    seconds = max(now - page.began, 0.0)
    stream = state.streams.get(page.address)
    if stream is None or stream.id != page.stream or stream.failed:
        return state, (End(page, gone_because, seconds),)
    because = _silent_because(state, stream)
    state = _with(state, replace(stream, told=stream.told | {because}))
    if because == "call" or chosen is None:
        return state, (End(page, "call", seconds),)
    return state, (Replace(page, _page_id(chosen)),)


def _chosen(state: Arbiter) -> Stream | None:
    """Returns the stream that may be heard."""
    may = [
        stream
        for stream in state.streams.values()
        if not stream.failed and (not state.call or state.rules.outranks_calls(stream.address))
    ]
    if not state.rules.priority_active:
        playing = state.page.stream if state.page is not None else None
        return min(may, key=lambda stream: (stream.id != playing, stream.order), default=None)
    return min(may, key=lambda stream: state.rules.place(stream.address) or 0, default=None)


def _play(state: Arbiter, stream: Stream, now: float) -> tuple[Arbiter, tuple[Effect, ...]]:
    rule, place = state.rules.rule(stream.address), state.rules.place(stream.address)
    if rule is None or place is None:  # no stream is kept without its listener
        return state, ()
    outranks = state.rules.outranks_calls(stream.address)
    page = Page(_page_id(stream), stream.id, stream.address, rule.label, outranks, now)
    state = _with(replace(state, page=page), replace(stream, pages=stream.pages + 1))
    return state, (Play(page, place, stream.ssrc, stream.source),)


def _page_id(stream: Stream) -> str:
    """A stream's first page has its id, later ones a number behind it."""
    return stream.id if stream.pages == 0 else f"{stream.id}-{stream.pages + 1}"


def _silent_because(state: Arbiter, stream: Stream) -> Because:
    return "call" if state.call and not state.rules.outranks_calls(stream.address) else "page"


def _tell_silent_ones(state: Arbiter) -> tuple[Arbiter, list[Effect]]:
    told: list[Effect] = []
    playing = state.page.stream if state.page is not None else None
    for stream in state.streams.values():
        rule, place = state.rules.rule(stream.address), state.rules.place(stream.address)
        if stream.id == playing or stream.failed or rule is None or place is None:
            continue
        because = _silent_because(state, stream)
        if because not in stream.told:
            state = _with(state, replace(stream, told=stream.told | {because}))
            told.append(TellSuppressed(rule.label, place, stream.ssrc, stream.source, because))
    return state, told


def _with(state: Arbiter, stream: Stream) -> Arbiter:
    return replace(state, streams={**state.streams, stream.address: stream})
