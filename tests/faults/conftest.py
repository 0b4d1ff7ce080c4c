"""One running door a module; after each test whatever was stopped goes on, and a failure shows what was said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator

import pytest
import pytest_asyncio
from tests.faults.house import House, resume_all

_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Notes that a test failed, for the fixture below."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report  # pluggy's wrappers return the result


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(request: pytest.FixtureRequest) -> AsyncIterator[House]:
    """A door with the module's `CALLS`, `IO` and so on, see `House`."""
    async with House(**getattr(request.module, "HOUSE", {})) as running:
        yield running


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def in_order(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Lets everything that a test stopped go on, also when it failed."""
    yield
    resume_all()
    if "house" in request.fixturenames:
        running: House = request.getfixturevalue("house")
        if request.node.stash.get(_FAILED, False):
            running.stack.print_logs()
        await running.quieten()
