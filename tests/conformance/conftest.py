"""Data of other projects, which are not part of this one."""

import os
from pathlib import Path

import pytest

VARIABLE = "HUBEL_CONFORMANCE_DATA"


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder of the data; without it these tests are skipped."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"{VARIABLE} names no folder of conformance data")
    return Path(folder)
