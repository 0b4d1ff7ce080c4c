"""The door's audio in a worker: what a granted call is connected to."""

import pjsua2 as pj

from doorbus_sip.config import Audio, FileAudio


class Bridge:
    """Connects one granted call at a time to the configured backend."""

    def __init__(self, audio: Audio) -> None:
        self.audio = audio

    def open(self) -> "Line":
        """The door's side of one call, closed with `Line.close`.

        Raises:
            pj.Error: a file cannot be read or written.
        """
        return Line(self.audio)


class Line:
    """The files of one call: one loops into it, the other one gets the far side."""

    def __init__(self, audio: Audio) -> None:
        self._player: pj.AudioMediaPlayer | None = None
        self._recorder: pj.AudioMediaRecorder | None = None
        if isinstance(audio, FileAudio):
            if audio.record:
                self._recorder = pj.AudioMediaRecorder()
                self._recorder.createRecorder(audio.record)
            if audio.play:
                self._player = pj.AudioMediaPlayer()
                self._player.createPlayer(audio.play)

    def connect(self, media: pj.AudioMedia) -> None:
        """Bridges a call's active audio; again after each re-INVITE, which gives the call a new port."""
        if self._player is not None:
            self._player.startTransmit(media)
        if self._recorder is not None:
            media.startTransmit(self._recorder)

    def close(self) -> None:
        """Closes the files; the recording is complete then."""
        self._player = None
        self._recorder = None
