"""Told to end, a process ends where it stands, but not in the middle of what must be whole."""

import os
import signal

import pytest

from core.cancellation import Cancelled, cancel_on_terminate, defer_cancellation


@pytest.fixture(autouse=True)
def _handled():
    before = signal.getsignal(signal.SIGTERM)
    cancel_on_terminate()
    yield
    signal.signal(signal.SIGTERM, before)


def test_it_ends_at_once():
    with pytest.raises(Cancelled):
        os.kill(os.getpid(), signal.SIGTERM)


def test_what_is_undisturbed_is_done_first_even_inside_another():
    done = []

    def work():
        with defer_cancellation():
            with defer_cancellation():
                os.kill(os.getpid(), signal.SIGTERM)
                done.append("inner")
            done.append("outer")

    with pytest.raises(Cancelled):
        work()
    assert done == ["inner", "outer"]
    with defer_cancellation():
        done.append("not asked again")
    assert len(done) == 3


def test_a_transaction_that_is_told_to_end_leaves_the_database_free(workspace):
    from sqlalchemy import text

    from core.store.database import transaction

    def work():
        with transaction() as connection:
            os.kill(os.getpid(), signal.SIGTERM)
            connection.execute(text("CREATE TABLE kept (n INTEGER)"))

    with pytest.raises(Cancelled):
        work()
    with transaction() as connection:
        assert connection.execute(text("SELECT count(*) FROM kept")).scalar() == 0
