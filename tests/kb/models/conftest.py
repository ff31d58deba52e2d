"""The people of the stories, for tests that write past the actions."""

import pytest

from kb.models import Person
from tests import stories


@pytest.fixture
def team(db: None) -> dict[str, Person]:
    """An editor, two approvers and the owner group they work for."""
    return stories.staff()
