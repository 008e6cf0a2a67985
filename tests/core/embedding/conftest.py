"""What these tests share with those of the networks."""

from tests.core.models.conftest import home  # noqa: F401
