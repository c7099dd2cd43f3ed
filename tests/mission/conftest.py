"""Files in these tests are strangers' files: a child parses each."""

import pytest


@pytest.fixture(autouse=True)
def _forked(forked: None) -> None:
    pass
