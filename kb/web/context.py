"""What every page's frame needs besides its own context."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

THEME_COOKIE = "touchstone_theme"
THEMES = ("light", "dark")


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return the remembered choice of light or dark; empty where the system's is followed."""
    chosen = request.COOKIES.get(THEME_COOKIE, "")
    return {"theme": chosen if chosen in THEMES else ""}
