"""The administration: looked at, not written to, wherever actions own the writes.

Entered by people with the role administrator (`is_staff`). What a row may show is decided by role,
not by Django's permissions: an administrator has no right to text by itself, so versions and audit
rows appear only to those who may read them anyway. Only a person's name, address and whether they
may sign in at all can be changed here.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest

from kb import access
from kb.models import (
    Article,
    AuditEvent,
    Client,
    Hold,
    ImportRun,
    Journey,
    OwnerGroup,
    Person,
    Role,
    RoleGrant,
    Version,
)

admin.site.site_header = admin.site.site_title = "Touchstone administration"
admin.site.index_title = "People and settings"
admin.site.enable_nav_sidebar = False
admin.site.unregister(Group)


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A model that is looked at; `readers` are the roles that may."""

    readers: ClassVar[frozenset[str]] = frozenset({Role.ADMINISTRATOR})
    actions = None

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever holds one of the roles may look."""
        person = request.user
        return isinstance(person, Person) and bool(access.roles(person) & self.readers)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """A part is listed for whoever may look at it."""
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is added here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is changed here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is removed here."""
        return False


class GrantInline(admin.TabularInline):  # type: ignore[type-arg]
    """A person's roles, to be looked at."""

    model = RoleGrant
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees the person sees the roles."""
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Roles are given by `manage.py create_person`."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Roles aren't changed here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Roles aren't taken here."""
        return False


@admin.register(Person)
class PersonAdmin(ReadOnlyAdmin):
    """People: their name and address may be corrected, and their access ended."""

    fields = ("username", "first_name", "last_name", "email", "is_active", "last_login")
    readonly_fields = ("username", "last_login")
    list_display = ("username", "first_name", "last_name", "is_active", "last_login")
    search_fields = ("username", "first_name", "last_name")
    inlines = (GrantInline,)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An administrator corrects a name and ends an access."""
        return self.has_view_permission(request, obj)


@admin.register(Client)
class ClientAdmin(ReadOnlyAdmin):
    """Who asks. Keys are never shown: only their hashes are kept."""

    list_display = ("name", "audience", "channel", "purpose", "rate_per_s")


@admin.register(OwnerGroup, Journey, ImportRun)
class SettingsAdmin(ReadOnlyAdmin):
    """What articles belong to, and the runs that brought them."""


@admin.register(Article)
class ArticleAdmin(ReadOnlyAdmin):
    """Articles: their settings, not their text."""

    list_display = ("slug", "owner_group", "journey", "review_every_days")
    list_select_related = ("owner_group", "journey")
    search_fields = ("slug", "external_id")


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    """Holds, for whoever reads text."""

    readers = frozenset(access.READS_ALL_TEXT)
    list_display = ("id", "placed_by", "placed_at", "lifted_at")


@admin.register(Version)
class VersionAdmin(ReadOnlyAdmin):
    """Versions, for whoever reads text."""

    readers = frozenset(access.READS_ALL_TEXT)
    list_display = ("title", "number", "language", "state", "audience")
    search_fields = ("title", "article__slug")


@admin.register(AuditEvent)
class AuditAdmin(ReadOnlyAdmin):
    """Audit rows, for auditors."""

    readers = frozenset({Role.AUDITOR})
    list_display = ("id", "at", "actor", "action", "subject")
    show_full_result_count = False
