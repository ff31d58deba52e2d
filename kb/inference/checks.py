"""The system check that says, on every start and in `check`, that the encoder can't be prepared.

A warning, not an error: the service runs on lexical search alone. Registered by the app's ready().
"""

from __future__ import annotations

from typing import Any

from django.core import checks

from kb import conf
from kb.inference import encoder


def encoder_can_be_prepared(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Return a warning kb.W001 with the reason if no sentence encoder can be prepared."""
    settings = conf.settings()
    reason = encoder.obstacle(home=settings.home, path=settings.encoder_path)
    if not reason:
        return []
    return [
        checks.Warning(
            f"The sentence encoder can't be prepared: {reason}.",
            hint=(
                "Questions are answered from lexical search alone, which finds fewer of them. "
                "Mend the reason, then run: python manage.py prepare_encoder"
            ),
            id="kb.W001",
        )
    ]


def register() -> None:
    """Register the check with Django."""
    checks.register(encoder_can_be_prepared, "kb")
