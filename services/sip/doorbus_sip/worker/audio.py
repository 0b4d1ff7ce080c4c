"""The door's audio in a worker: its loudspeaker, its microphone, and what is connected to them.

Rules
- A worker has at most one loudspeaker, a port of the bridge that is kept for the process's life: the bridge mixes what
  is connected to it. The parent sees to it that only one worker plays at a time.
- What a backend cannot do is reported and costs the sound, never a call: `on_problem` gets it, and nothing is raised.
- Ports and generators are made once: a port that is removed while the bridge's clock runs would outlive its memory.
- The speaker's frames come on the bridge's clock thread: they are written, nothing else.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pjsua2 as pj

from doorbus.audio import AudioSettings, Condition, OnProblem, prepare
from doorbus.audio.wav import WavFile
from doorbus_sip.config import Audio, DeviceAudio, FileAudio
from doorbus_sip.protocol import AudioPart
from doorbus_sip.tones import AMPLITUDE, TONES, Tone
from doorbus_sip.worker.device import FRAME_MS, RATE, Loudspeaker, Microphone
from doorbus_sip.worker.frames import samples_of

Outlet = WavFile | Loudspeaker
"""Where the speaker's frames go: both take them with `write` and hear of a pause with `pause`."""


class Speaker(pj.AudioMediaPort):  # type: ignore[misc]
    """The loudspeaker as a port of the bridge: connect a source with `startTransmit2`, at its volume."""

    def __init__(self, on_problem: OnProblem) -> None:
        super().__init__()
        self._on_problem = on_problem
        self._outlet: Outlet | None = None
        self._condition = Condition(on_problem)
        shape = pj.MediaFormatAudio()
        shape.type = pj.PJMEDIA_TYPE_AUDIO
        shape.clockRate, shape.channelCount, shape.bitsPerSample, shape.frameTimeUsec = RATE, 1, 16, FRAME_MS * 1000
        self.createPort("speaker", shape)

    def use(self, outlet: Outlet | None) -> None:
        """From now on plays here, `None` into nothing."""
        self._condition = Condition(self._on_problem)
        before, self._outlet = self._outlet, outlet
        if isinstance(before, Loudspeaker):
            before.close()

    def wake(self) -> None:
        """Sound is about to come: a device takes a moment to open."""
        if isinstance(self._outlet, Loudspeaker):
            self._outlet.open()

    def rest(self) -> None:
        """Lets go of a device that nothing has played at for a while."""
        if isinstance(self._outlet, Loudspeaker):
            self._outlet.rest()

    def onFrameReceived(self, frame: pj.MediaFrame) -> None:  # noqa: N802 - the library\'s name
        """20 ms of sound, or a frame without any."""
        outlet = self._outlet
        if outlet is None:
            return
        try:
            if frame.size:
                outlet.write(samples_of(frame))
            else:
                outlet.pause()
        except OSError as error:
            self._condition.fails(f"{outlet.path} cannot be written: {error.strerror}")
        else:
            if frame.size and isinstance(outlet, WavFile):  # a device tells it itself
                self._condition.works()


class Bridge:
    """Connects calls and tones to the configured backend.

    Args:
        audio: the backend, its files and volumes.
        on_problem: told of a part in words what does not work, None when it works; called from any thread.
    """

    def __init__(self, audio: Audio, on_problem: Callable[[AudioPart, str | None], None]) -> None:
        self._audio = audio
        self._of_speaker: OnProblem = partial(on_problem, "loudspeaker")
        self._of_microphone: OnProblem = partial(on_problem, "microphone")
        self._speaker: Speaker | None = None
        self._microphone: Microphone | None = None
        self._tones: pj.ToneGenerator | None = None
        self._warnings: pj.ToneGenerator | None = None

    def use(self, audio: Audio) -> None:
        """Takes another backend or other volumes; what plays now keeps its volume."""
        prepare(_settings(audio))
        changed, self._audio = _where(audio) != _where(self._audio), audio
        if changed and self._speaker is not None:
            self._speaker.use(self._outlet())
        if self._microphone is not None:
            self._microphone.use(_settings(audio))

    def open(self) -> "Line":
        """The door's side of one call, closed with `Line.close`."""
        source: pj.AudioMedia | None = None
        if isinstance(self._audio, FileAudio) and self._audio.play:
            source = pj.AudioMediaPlayer()
            try:
                source.createPlayer(self._audio.play)
            except pj.Error as error:
                source = None
                self._of_microphone(f"{self._audio.play} cannot be played: {error.reason}")
            else:
                self._of_microphone(None)
        elif isinstance(self._audio, DeviceAudio):
            source = self._open_microphone()
        return Line(self._open_speaker(), source, self._audio)

    def rest(self) -> None:
        """Lets go of what nobody uses; called each second."""
        if self._speaker is not None:
            self._speaker.rest()

    def close(self) -> None:
        """Lets go of everything: the worker ends."""
        if self._speaker is not None:
            self._speaker.use(None)

    def play(self, tone: Tone | None) -> None:
        """Plays a tone at the loudspeaker, in place of the one before; `None` is silence."""
        if self._tones is not None:
            self._tones.stop()
            with suppress(pj.Error):  # it was not connected
                self._tones.stopTransmit(self._speaker)
        speaker = None if tone is None else self._open_speaker()
        if tone is not None and speaker is not None:
            self._tones = self._tones or _generator()
            _start(self._tones, tone)
            volume = self._audio.volume_ring if TONES[tone].volume == "ring" else self._audio.volume_call
            self._tones.startTransmit2(speaker, level(volume / 100))

    def warn(self, call: pj.AudioMedia, tone: Tone) -> None:
        """Plays a tone to both sides of a call; when it is over, `end_warning` is due."""
        self._warnings = self._warnings or _generator()
        _start(self._warnings, tone)
        self._warnings.startTransmit(call)
        speaker = self._open_speaker()
        if speaker is not None:
            self._warnings.startTransmit2(speaker, level(self._audio.volume_call / 100))

    def end_warning(self) -> None:
        """Disconnects the warning tone from the loudspeaker, whose recording it would fill with silence."""
        if self._warnings is not None and self._speaker is not None:
            with suppress(pj.Error):  # the backend has changed meanwhile
                self._warnings.stopTransmit(self._speaker)

    def _open_speaker(self) -> Speaker | None:
        if self._speaker is None:
            outlet = self._outlet()
            if outlet is None:
                return None
            try:
                self._speaker = Speaker(self._of_speaker)
                self._speaker.use(outlet)
            except pj.Error as error:
                self._of_speaker(f"no loudspeaker: {error.reason}")
                return None
        self._speaker.wake()
        return self._speaker

    def _open_microphone(self) -> Microphone | None:
        if self._microphone is None:
            try:
                self._microphone = Microphone(_settings(self._audio), self._of_microphone)
            except pj.Error as error:
                self._of_microphone(f"no microphone: {error.reason}")
        return self._microphone

    def _outlet(self) -> Outlet | None:
        match self._audio:
            case FileAudio(record=str() as path):
                return WavFile(path)
            case DeviceAudio():
                return Loudspeaker(_settings(self._audio), self._of_speaker)
            case _:
                return None


class Line:
    """One call at the door's audio."""

    def __init__(self, speaker: Speaker | None, player: pj.AudioMedia | None, audio: Audio) -> None:
        self._speaker = speaker
        self._player = player
        self._volume = audio.volume_call / 100
        self._gain = 10 ** (audio.mic_gain / 20)

    def listen(self, call: pj.AudioMedia) -> None:
        """The door hears the far side; again after each re-INVITE, which gives the call a new port."""
        if self._speaker is not None:
            call.startTransmit2(self._speaker, level(self._volume))

    def talk(self, call: pj.AudioMedia) -> None:
        """The far side hears the door."""
        if isinstance(self._player, Microphone):
            self._player.begin(self)
        if self._player is not None:
            self._player.startTransmit2(call, level(self._gain))

    def silence(self, call: pj.AudioMedia) -> None:
        """Neither side hears the other any more, until `listen` and `talk`."""
        if self._speaker is not None:
            with suppress(pj.Error):  # it was not connected
                call.stopTransmit(self._speaker)
        if self._player is not None:
            with suppress(pj.Error):
                self._player.stopTransmit(call)

    def close(self) -> None:
        """Closes what belongs to this call alone; its port leaves the bridge by itself."""
        if isinstance(self._player, Microphone):
            self._player.end(self)
        self._player = None


def level(factor: float) -> pj.AudioMediaTransmitParam:
    """A connection whose amplitude is multiplied."""
    param = pj.AudioMediaTransmitParam()
    param.level = factor
    return param


def _where(audio: Audio) -> tuple[str, str | None]:
    """What makes it another loudspeaker."""
    match audio:
        case FileAudio(record=path):
            return "file", path
        case DeviceAudio(playback=name):
            return "device", name
        case _:
            return "none", None


def _settings(audio: Audio) -> AudioSettings:
    if isinstance(audio, DeviceAudio):
        return AudioSettings("device", playback=audio.playback, capture=audio.capture)
    return AudioSettings()


def _generator() -> pj.ToneGenerator:
    generator = pj.ToneGenerator()
    generator.createToneGenerator(RATE, 1)
    return generator


def _start(generator: pj.ToneGenerator, tone: Tone) -> None:
    spec = TONES[tone]
    bursts = pj.ToneDescVector()
    for burst in spec.bursts * max(spec.times, 1):
        one = pj.ToneDesc()
        one.freq1, one.freq2, one.on_msec, one.off_msec = burst.hz, 0, burst.on_ms, burst.off_ms
        one.volume = round(AMPLITUDE * 32767)
        bursts.append(one)
    generator.stop()
    generator.play(bursts, spec.times == 0)
