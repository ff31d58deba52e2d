"""People, the roles they hold, and the groups that own articles."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a person may do; see `kb.access` for what each may see."""

    EDITOR = "editor", _("editor")
    APPROVER = "approver", _("approver")
    AGENT = "agent", _("agent")
    AUDITOR = "auditor", _("auditor")
    ADMINISTRATOR = "administrator", _("administrator")


class OwnerGroup(models.Model):
    """The people whose editor and approver roles hold for its articles."""

    name = models.CharField(max_length=100, unique=True)

    def __str__(self) -> str:
        return self.name


class Person(AbstractUser):
    """Somebody who signs in. Machines never do: they act as named system actors."""

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")


class RoleGrant(models.Model):
    """A role of a person, for one owner group's articles or (group empty) for all."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="grants")
    role = models.CharField(max_length=20, choices=Role.choices)
    group = models.ForeignKey(OwnerGroup, on_delete=models.CASCADE, null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "role", "group"], nulls_distinct=False, name="role_granted_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.role}"
