"""What a machine refuses becomes a sentence without a path."""

import errno

import pytest

from core.jobs.failures import diagnose


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_a_folder_that_cannot_be_written_is_told_by_the_name_of_the_file(number):
    failure = diagnose(OSError(number, "Refused by the system", "/home/somebody/workspace/runs/ab/model.keras"))
    assert "“model.keras” cannot be written: Refused by the system." in failure.message
    assert "/home" not in failure.message and "GRAFT_HOME" in failure.hint
