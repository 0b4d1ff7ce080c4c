"""sipp as a peer: scenarios that end as written, that do not, and that never begin."""

from pathlib import Path

import pytest

from doorbus_testkit.sipp import Sipp, SippError

SCENARIOS = Path(__file__).parents[1] / "interop" / "scenarios"


def _caller(callee: Sipp) -> Sipp:
    return Sipp(SCENARIOS / "calls.xml", remote=f"{callee.host}:{callee.port}", user=callee.user, timeout_s=10)


async def test_two_scenarios_that_fit_end_as_written() -> None:
    """One sipp calls another: both end well, and each has traced its own side of every message."""
    async with Sipp(SCENARIOS / "answers.xml", timeout_s=10) as callee, _caller(callee) as caller:
        await caller.done()
        await callee.done()
        assert callee.names == ["<INVITE", ">180", ">200", "<ACK", "<BYE", ">200"]
        assert caller.names == [">INVITE", "<180", "<200", ">ACK", ">BYE", "<200"]
        invite = callee.of("<INVITE")[0]
        assert invite.message.uri == callee.uri
        assert b"m=audio" in invite.message.body
        assert invite.at <= callee.of("<BYE")[0].at


async def test_an_answer_that_the_scenario_does_not_expect_fails_it() -> None:
    """A caller who wants 200 and gets the 486 of another scenario fails, and says what came."""
    async with Sipp(SCENARIOS / "refuses.xml", keys={"status": "486 Busy Here"}, timeout_s=10) as callee:
        async with _caller(callee) as caller:
            with pytest.raises(SippError, match="486 Busy Here"):
                await caller.done()
        assert callee.of(">486")


async def test_a_call_that_never_comes_fails_in_time() -> None:
    """A scenario that waits for a call ends by itself, as a failure, when its time is over."""
    async with Sipp(SCENARIOS / "answers.xml", timeout_s=1) as callee:
        with pytest.raises(SippError, match="exit code"):
            await callee.done(within_s=10)
        assert not callee.trace


async def test_a_broken_scenario_is_told_at_the_start(tmp_path: Path) -> None:
    """A file that is no scenario fails at the start with what sipp says about it."""
    broken = tmp_path / "broken.xml"
    broken.write_text("<scenario><recv/></scenario>")
    with pytest.raises(SippError, match="sipp broken"):
        async with Sipp(broken):
            pass
