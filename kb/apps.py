"""The one Django app of the service."""

from django.apps import AppConfig


class KbConfig(AppConfig):
    """Touchstone."""

    name = "kb"
    verbose_name = "Touchstone"
    default_auto_field = "django.db.models.BigAutoField"
