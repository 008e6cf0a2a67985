"""What these tests share with those of the networks and of training."""

from tests.core.models.conftest import home  # noqa: F401
from tests.core.training.conftest import lab, penguins, textures, train, unlabelled  # noqa: F401
