"""The pure parts of `doorbus up`: when to start again, what is installed, what a program gets to see."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorbus_cli.up.programs import (
    SERVICES,
    NotInstalledError,
    module,
    passed_on,
    program_of,
    require_installed,
    waves,
)
from doorbus_cli.up.restarts import FIRST_PAUSE_S, GOOD_LIFE_S, LONGEST_PAUSE_S, Restarts, after_exit


def pauses(lives: list[float]) -> list[float]:
    """Returns the pauses after lives of so many seconds."""
    restarts, found = Restarts(), []
    for lived in lives:
        restarts, pause = after_exit(restarts, lived)
        found.append(pause)
    return found


def test_the_first_restart_is_at_once_and_the_next_ones_wait_longer() -> None:
    """From half a second, doubling, to half a minute."""
    assert pauses([0.1] * 9) == [0, 0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_good_life_wipes_the_slate() -> None:
    """After a minute of life the next restart is at once again."""
    assert pauses([1, 1, 1, GOOD_LIFE_S, 1]) == [0, 0.5, 1, 0, 0.5]


@given(st.lists(st.floats(0, 1000), max_size=2000))
def test_pauses_stay_within_their_bounds(lives: list[float]) -> None:
    """However it lives and dies, it is started again within half a minute, and never spins."""
    found = pauses(lives)
    assert all(0 <= pause <= LONGEST_PAUSE_S for pause in found)
    short = zip(lives[1:], found[1:], strict=True)
    assert all(pause >= FIRST_PAUSE_S for lived, pause in short if lived < GOOD_LIFE_S)


def test_a_missing_service_is_named() -> None:
    """Each distribution that is not here, in one error; the ones of this workspace are."""
    with pytest.raises(NotInstalledError, match="doorbus-nowhere, doorbus-elsewhere"):
        require_installed((*SERVICES, module("nowhere", 1), module("elsewhere", 1)))
    require_installed(SERVICES)


def test_policy_ends_first_and_all_within_five_seconds() -> None:
    """Who orders goes before who is ordered, who only tells goes beside it; the graces leave time for NATS."""
    names = [[service.name for service in wave] for wave in waves(SERVICES)]
    assert names == [["web", "actions", "scheduler", "policy"], ["multicast", "sip"], ["io"]]
    assert sum(max(service.grace_s for service in wave) for wave in waves(SERVICES)) <= 4.2


def test_every_service_is_in_one_wave() -> None:
    """Also one at the end that would go with a next one that is not there."""
    alone, beside, last = module("a", 1), module("b", 1, with_next=True), module("c", 1, with_next=True)
    assert waves((beside, alone, beside, last)) == [(beside, alone), (beside, last)]
    assert waves(()) == []


def test_a_program_gets_its_own_settings_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of our own place on the bus is passed on, and secrets only to whom they concern."""
    monkeypatch.setenv("DOORBUS_NATS_PASSWORD", "ours")
    monkeypatch.setenv("DOORBUS_SECRET_GATE", "1234")
    monkeypatch.setenv("LANG", "C")
    assert tuple(
        passed_on(sees_secrets=False).get(name) for name in ("LANG", "DOORBUS_NATS_PASSWORD", "DOORBUS_SECRET_GATE")
    ) == ("C", None, None)
    assert passed_on(sees_secrets=True)["DOORBUS_SECRET_GATE"] == "1234"
    program = program_of(
        module("io", 1),
        door="front",
        url="nats://127.0.0.1:4222",
        password=None,
        run_dir=tmp_path,
        secrets_dir=tmp_path / "secrets",
        log_level="info",
    )
    assert "DOORBUS_NATS_PASSWORD" not in program.env
    assert (program.env["DOORBUS_DOORS"], program.env["DOORBUS_NATS_USER"]) == ("front", "io")
