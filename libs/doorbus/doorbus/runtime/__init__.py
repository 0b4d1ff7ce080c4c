"""What every service is run by: lifecycle, the bus, settings, logs, metrics and health. No rules of the door here."""

import sys

if "structlog" not in sys.modules and "rich" not in sys.modules:
    # structlog imports rich wherever it is installed, as it is beside the command line: 4 to 6 MB in every service, for
    # coloured tracebacks that go to no terminal. Whoever wants rich itself imports it as ever.
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        import structlog  # noqa: F401
    finally:
        del sys.modules["rich"]
