"""The addresses at the root that operators watch: health and figures."""

from __future__ import annotations

from django.urls import URLPattern, path

from kb.api import health

urlpatterns: list[URLPattern] = [
    path("health/live", health.live, name="health_live"),
    path("health/ready", health.ready, name="health_ready"),
    path("metrics", health.figures, name="metrics"),
]
