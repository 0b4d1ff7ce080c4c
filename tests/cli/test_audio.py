"""`doorbus audio` at a real sound server, and without one."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from doorbus_testkit import sound
from doorbus_testkit.sound import Sound

HZ = 660.0


@pytest.fixture(scope="module", name="sound")
def _sound() -> Iterator[Sound]:
    with sound.running() as running:
        yield running


def _doorbus(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "doorbus_cli.main", "audio", *words]
    return subprocess.run(argv, env={**os.environ, **env}, capture_output=True, text=True, timeout=60, check=False)


def test_devices_are_listed_for_people_and_programs(sound: Sound) -> None:
    """Each output and input by the name that a document takes, the defaults marked; as JSON, too."""
    shown = _doorbus(sound.server.env)
    assert shown.returncode == 0, shown.stderr
    assert "* speaker " in shown.stdout
    assert "* microphone.monitor " in shown.stdout
    listed = json.loads(_doorbus(sound.server.env, "--json").stdout)
    assert {"speaker", "microphone"} == {each["id"] for each in listed["devices"] if each["direction"] == "playback"}


def test_tone_is_heard(sound: Sound) -> None:
    """`doorbus audio test` plays its tone at the sink, and says so."""
    began = time.monotonic()
    done = _doorbus(sound.server.env, "test", "--seconds", "1")
    assert done.returncode == 0, done.stderr
    onset = sound.speaker.await_onset(began)
    assert sound.speaker.silent_share(HZ, onset + 0.1, onset + 0.8) < 0.5
    assert "660 Hz" in done.stdout


def test_unknown_device_is_named_with_those_there_are(sound: Sound) -> None:
    """A mistyped name ends with what there is to choose from."""
    done = _doorbus(sound.server.env, "test", "--device", "kitchen")
    assert done.returncode == 4
    assert "'kitchen', only speaker, microphone" in done.stderr


@pytest.mark.parametrize("words", [(), ("test",)])
def test_without_a_sound_server_it_says_what_to_look_at(words: tuple[str, ...], tmp_path: Path) -> None:
    """No sound server is exit code 3 and a sentence that names the variables which lead to one."""
    done = _doorbus({"PULSE_SERVER": f"unix:{tmp_path}/none"}, *words)
    assert done.returncode == 3
    assert "PULSE_SERVER" in done.stderr
