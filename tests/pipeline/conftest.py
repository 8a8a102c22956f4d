"""For all tests of the pipeline: a log that costs nothing to look at."""

import pytest
import structlog


@pytest.fixture(autouse=True, scope="session")
def _plain_log() -> None:
    """structlog's own default draws each traceback with all variables, which takes longer than what is tested."""
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.format_exc_info, _line],
        cache_logger_on_first_use=False,
    )


def _line(_logger: object, _name: str, entry: structlog.typing.EventDict) -> str:
    return " ".join(f"{key}={value}" for key, value in entry.items())
