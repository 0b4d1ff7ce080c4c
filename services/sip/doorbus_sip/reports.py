"""What the workers say, as facts and changes of calls.

Rules
- What a worker says about a leg that no call knows any more is dropped, except that a late answer is hung up.
- The shell is asked about so many INVITEs a second, a second's worth of them at once; those beyond are refused unasked
  and told in sums, each second.
- That the sound does not work, or a worker is lost, is told once, and its end.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import structlog

from doorbus.rate import Bucket
from doorbus_sip import facts, protocol, ringset
from doorbus_sip.calls import Record
from doorbus_sip.facts import Fact, Reason
from doorbus_sip.limits import Limits
from doorbus_sip.pool import Listeners
from doorbus_sip.switchboard import Switchboard

log = structlog.get_logger()
_BUSY = 486
_SECOND_S = 1.0


class Reports:
    """Takes what the pool hands on.

    Args:
        tell: called for each fact.
        questions_per_s: how many INVITEs are asked about in a second.
    """

    def __init__(self, tell: Callable[[Fact], None], questions_per_s: int) -> None:
        self._tell = tell
        self._questions = Bucket(questions_per_s, questions_per_s)
        self._refused = 0
        self._lost = False
        self._silent: dict[protocol.AudioPart, str] = {}
        self._silent_told: str | None = None
        self._every_second: asyncio.TimerHandle | None = None
        self._known: Switchboard | None = None

    @property
    def listeners(self) -> Listeners:
        """For the pool, which says nothing before `start`."""
        return Listeners(self._on_report, self._on_started, self._on_lost)

    def limit_questions(self, per_s: int) -> None:
        """From now on asks about so many INVITEs a second; what was asked already counts."""
        self._questions = replace(self._questions, burst=per_s, per_s=per_s)

    def start(self, board: Switchboard) -> None:
        """From now on the workers may speak."""
        self._known = board
        self._tell_each_second()

    def stop(self) -> None:
        """Tells nothing more by the clock."""
        if self._every_second is not None:
            self._every_second.cancel()

    def audio_changed(self) -> None:
        """The audio is configured anew: what did not work is not asked for any more."""
        self._silent.clear()
        self._tell_audio()

    def note_audio(self, part: protocol.AudioPart, problem: str | None) -> None:
        """Notes what any worker says of a part; None: it works."""
        if problem is None:
            self._silent.pop(part, None)
        else:
            self._silent.setdefault(part, problem)
        self._tell_audio()

    def _tell_audio(self) -> None:
        """Tells what began an outage, what is left of it, and its end: once each."""
        now = next(iter(self._silent.values()), None)
        before, self._silent_told = self._silent_told, now
        if now != before:
            self._tell(facts.AudioRecovered() if now is None else facts.AudioFailed(now))

    @property
    def _board(self) -> Switchboard:
        if self._known is None:
            raise RuntimeError("a report before the start")
        return self._known

    def _on_started(self, worker: str) -> None:
        if worker == "front":
            self._board.speaker.front_started()
        self._tell(facts.WorkerStarted(worker))

    def _on_lost(self, worker: str, legs: frozenset[str]) -> None:
        self._lost = True
        lost = [call for leg in legs if (call := self._board.call_of(leg)) is not None]
        for leg in legs:
            self._leg_over(protocol.Ended(leg=leg, code=0, reason="worker lost", remote=False, media_failed=True))
        self._tell(facts.WorkerLost(worker, tuple(call for call in dict.fromkeys(lost) if call not in self._board)))

    def _on_report(self, worker: str, report: protocol.Report) -> None:
        match report:
            case protocol.Incoming():
                self._incoming(report)
            case protocol.Ended():
                self._leg_over(report)
            case protocol.Progress(leg=leg, code=code):
                self._board.advance(leg, ringset.Progressed(leg, code))
            case protocol.EarlyMedia(leg=leg):
                self._early(leg)
            case protocol.Answered(leg=leg):
                self._answered(leg)
            case protocol.Held(leg=leg, by=by, held=held):
                self._held(leg, by, held)
            case protocol.HoldRefused(leg=leg, held=held, code=code):
                call = self._board.call_of(leg)
                if call is not None:
                    self._tell(facts.CallHoldRefused(call, held, code))
            case protocol.Digit(leg=leg):
                self._digit(leg, report)
            case protocol.Registration():
                self._registration(report)
            case protocol.Refused(code=code, count=count):
                self._tell(facts.RefusedUnasked(code, count))
            case protocol.AudioState(part=part, problem=problem):
                self.note_audio(part, problem)
            case protocol.Logged(lines=lines, dropped=dropped):
                log.warning("pjsip errors", worker=worker, lines=lines, dropped=dropped)
            case protocol.Failed(where=where, error=error, leg=leg):
                call = None if leg is None else self._board.call_of(leg) or leg
                self._tell(facts.CallbackFailed(worker, where, error, call))

    def _incoming(self, report: protocol.Incoming) -> None:
        self._questions, may_ask = self._questions.take(self._board.now())
        if not may_ask:
            self._refused += 1
            self._board.pool.send(report.leg, protocol.Refuse(leg=report.leg, code=_BUSY))
            return
        record = Record(
            call=report.leg,
            direction="in",
            account=report.account,
            peer=report.from_uri,
            started=self._board.now(),
            limits=Limits(),
            legs={report.leg: report.from_uri},
            state="incoming",
            leg=report.leg,
        )
        self._board.add(record)
        self._tell(
            facts.IncomingCall(
                call=report.leg,
                account=report.account,
                from_user=report.from_user,
                from_uri=report.from_uri,
                to_user=report.to_user,
                source=report.source,
                source_port=report.source_port,
                wants_video=report.wants_video,
                auto_answer=report.auto_answer,
            )
        )

    def _answered(self, leg: str) -> None:
        record = self._board.by_leg(leg)
        if record is None:
            self._board.pool.send(leg, protocol.Hangup(leg=leg))
        elif record.ring is not None:
            self._board.advance(leg, ringset.Accepted(leg))
        elif record.answered is None:
            self._board.up_now(record, leg)

    def _leg_over(self, report: protocol.Ended) -> None:
        record = self._board.by_leg(report.leg)
        if record is None:
            return
        if record.ring is not None and record.ring.winner != report.leg:
            self._board.advance(report.leg, ringset.Gone(report.leg, report.code, report.reason))
        elif record.leg == report.leg:
            reason = Reason.REMOTE_HANGUP if report.remote else Reason.LOCAL_HANGUP
            self._board.close(record, Reason.MEDIA_FAILED if report.media_failed else reason, report.code)

    def _early(self, leg: str) -> None:
        record = self._board.by_leg(leg)
        if record is not None and record.answered is None:
            record.early = leg
            self._board.hear()

    def _held(self, leg: str, by: str, held: bool) -> None:
        record = self._board.by_leg(leg)
        if record is None or record.leg != leg:
            return
        side = "local" if by == "local" else "remote"
        if held:
            record.held.add(by)
            self._tell(facts.CallHeld(record.call, "local" if side == "local" else "remote"))
        else:
            record.held.discard(by)
            self._tell(facts.CallResumed(record.call, "local" if side == "local" else "remote"))

    def _digit(self, leg: str, report: protocol.Digit) -> None:
        record = self._board.by_leg(leg)
        if record is None or record.leg != leg or record.answered is None:
            return
        record.dtmf = record.dtmf or report.method
        if record.dtmf is report.method:
            self._tell(facts.DtmfDigit(record.call, report.digit, report.method))

    def _registration(self, report: protocol.Registration) -> None:
        if 200 <= report.code < 300:
            self._tell(facts.AccountRegistered(report.account, report.expires_s))
        else:
            self._tell(facts.AccountFailed(report.account, report.code, report.reason))

    def _tell_each_second(self) -> None:
        if self._refused:
            self._tell(facts.RefusedUnasked(_BUSY, self._refused))
            self._refused = 0
        if self._lost and self._board.pool.complete:
            self._lost = False
            self._tell(facts.WorkersComplete())
        self._every_second = asyncio.get_running_loop().call_later(_SECOND_S, self._tell_each_second)
