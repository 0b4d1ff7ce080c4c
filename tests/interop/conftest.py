"""The feature tests' door, one for each test file, for peers that nobody here wrote."""

from tests.features.conftest import door, pytest_runtest_makereport, running_door

__all__ = ["door", "pytest_runtest_makereport", "running_door"]
