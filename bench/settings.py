"""The service's own settings, with two more views to measure beside (bench only)."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls"
