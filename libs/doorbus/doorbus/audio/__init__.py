"""Sound of a service: where it goes and where it comes from, by the configured backend.

`open_playback` and `open_capture` return at once and never fail: what cannot be had now is reported in words and tried
for ever, as a door must come up before its sound server. `elastic.ElasticBuffer` joins two clocks.

The packages of the extra `audio` (numpy alone is 10 MB a process) are imported when a `device` is opened, and by
`elastic`; `prepare` does it ahead of need.
"""

from doorbus.audio.opening import open_capture, open_playback, prepare
from doorbus.audio.settings import AudioSettings
from doorbus.audio.streams import Capture, Condition, OnProblem, Playback, Sink, Source

__all__ = [
    "AudioSettings",
    "Capture",
    "Condition",
    "OnProblem",
    "Playback",
    "Sink",
    "Source",
    "open_capture",
    "open_playback",
    "prepare",
]
