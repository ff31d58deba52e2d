"""The people of the stories, for tests that write past the actions."""

import pytest
from django.conf import settings
from psycopg import sql

from kb.models import Person
from tests import stories
from tests.conftest import owner


@pytest.fixture
def team(db: None) -> dict[str, Person]:
    """An editor, two approvers and the owner group they work for."""
    return stories.staff()


@pytest.fixture
def temporary_tables(db: None) -> None:
    """An installation in which the application's role may make temporary tables."""
    name = settings.DATABASES["default"]["NAME"]
    with owner(name) as connection:
        connection.execute(
            sql.SQL("GRANT TEMPORARY ON DATABASE {} TO PUBLIC").format(sql.Identifier(name))
        )
