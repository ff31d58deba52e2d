"""Every setting of the service, typed, in one place. Read through `kb.conf.settings()`.

config/settings.py reads the environment and fills `settings.KB`; nothing else does.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings as django_settings


@dataclass(frozen=True)
class Settings:
    """What the service reads from its surroundings; times in the unit the name says."""

    home: Path
    public_url: str
    embedded: bool
    time_zone: str
    default_language: str
    answer_ttl_s: int
    candidates: int
    encoder_path: str
    review_grace_days: int
    content_retention_days: int
    citation_keys: dict[str, str]
    ledger_key: str
    web_workers: int

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which a bare date of an import begins."""
        return ZoneInfo(self.time_zone)


def settings() -> Settings:
    """Return the settings in force (built anew, so that tests may override `settings.KB`)."""
    return Settings(**django_settings.KB)


# The id of the request being served, set by the web middleware; empty in commands and the worker.
request_id: ContextVar[str] = ContextVar("request_id", default="")

MAX_BODY_CHARACTERS = 500_000
MAX_TITLE_CHARACTERS = 300
MAX_QUERY_CHARACTERS = 2_000
