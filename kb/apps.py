"""The one Django app of the service."""

from django.apps import AppConfig


class KbConfig(AppConfig):
    """Touchstone."""

    name = "kb"
    verbose_name = "Touchstone"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks; models must be loaded before they are."""
        from kb import checks  # noqa: PLC0415  the one import that Django asks for here

        checks.register_all()
