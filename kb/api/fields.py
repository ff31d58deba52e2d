"""The fields of requests, strict: a number isn't taken for text, nor text for a number.

Each says what is wrong in words that help. They decide form only; what a value means is decided by
the action that gets it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

LARGEST_ID = 2**63 - 1
LARGEST_NUMBER = 2**31 - 1
_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,12})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_MISSING = {"required": "is missing", "null": "is null; give a value or leave it out"}


class Text(serializers.CharField):
    """Text and nothing else; not trimmed."""

    default_error_messages = {
        **_MISSING,
        "invalid": "isn't text; write it in quotation marks",
        "blank": "is empty; give it a value or leave it out",
        "max_length": "is longer than {max_length} characters; shorten it",
        "min_length": "is shorter than {min_length} characters",
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"trim_whitespace": False, **options})
        if self.required:
            self.error_messages |= {
                "null": "is null; give it a value",
                "blank": "is empty; give it a value",
            }

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Refuse what is only white space where text is required."""
        if isinstance(data, str) and data and not data.strip() and not self.allow_blank:
            self.fail("blank")
        if isinstance(data, str) and "\x00" in data:
            raise serializers.ValidationError("holds a NUL character; remove it")
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        """Return the text as it was written."""
        if not isinstance(data, str):
            self.fail("invalid")
        return str(data)


class Tag(serializers.RegexField):
    """A language tag (BCP 47)."""

    default_error_messages = {**_MISSING, "invalid": "isn't a language tag; write en, de or pt-BR"}

    def __init__(self, **options: Any) -> None:
        pattern = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"
        super().__init__(regex=pattern, **{"trim_whitespace": False, **options})

    def to_internal_value(self, data: Any) -> str:
        """Return the tag as it was written."""
        if not isinstance(data, str):
            self.fail("invalid")
        return str(data)


class Whole(serializers.IntegerField):
    """A whole number; in a body never text, in an address its digits."""

    default_error_messages = {
        **_MISSING,
        "invalid": "isn't a whole number",
        "max_value": "is more than {max_value}",
        "min_value": "is less than {min_value}",
    }

    def to_internal_value(self, data: Any) -> int:
        """Return the number."""
        if isinstance(data, bool) or not isinstance(data, int | float | str):
            self.fail("invalid")
        if isinstance(data, str):
            if not isinstance(self.parent, Parameters) or not re.fullmatch("-?[0-9]{1,18}", data):
                self.fail("invalid")
            return int(data)
        if isinstance(data, float) and not data.is_integer():
            self.fail("invalid")
        return int(data)


class Choice(serializers.ChoiceField):
    """One of a few words."""

    default_error_messages = {**_MISSING, "invalid_choice": "{input} isn't one of them"}

    def to_internal_value(self, data: Any) -> str:
        """Return the word."""
        if not isinstance(data, str) or data not in self.choices:
            shown = ", ".join(map(str, self.choices))
            raise serializers.ValidationError(f"isn't one of {shown}")
        return data


@extend_schema_field(OpenApiTypes.DATETIME)
class Instant(serializers.Field[Any, Any, Any, Any]):
    """An instant, RFC 3339 with a zone."""

    default_error_messages = {
        **_MISSING,
        "invalid": "isn't a time with a zone; write it like 2026-03-03T09:00:00Z",
    }

    def to_internal_value(self, data: Any) -> datetime:
        """Return the instant in UTC."""
        if not isinstance(data, str) or not _RFC_3339.fullmatch(data):
            self.fail("invalid")
        try:
            return datetime.fromisoformat(str(data).upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("invalid")


class Terms(serializers.DictField):
    """Scope terms: a few short texts by name."""

    default_error_messages = {
        **_MISSING,
        "not_a_dict": 'isn\'t an object such as {{"region": "EU"}}',
    }
    MOST = 20

    def __init__(self, **options: Any) -> None:
        super().__init__(child=Text(max_length=100), **options)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """Return the terms."""
        if isinstance(data, Mapping):
            if len(data) > self.MOST:
                raise serializers.ValidationError(f"has more than {self.MOST} terms")
            if any(len(str(key)) > 100 for key in data):
                raise serializers.ValidationError("has a key of more than 100 characters")
        found: dict[str, str] = super().to_internal_value(data)
        return found


class Shape(serializers.Serializer[Any]):
    """A body's fields; one that isn't among them is refused by its name."""

    default_error_messages = {"invalid": "isn't an object"}

    def to_internal_value(self, data: Any) -> Any:
        """Refuse unknown fields together with what the fields themselves refuse."""
        if not isinstance(data, Mapping):
            self.fail("invalid")
        errors: dict[str, Any] = {
            str(name)[:80]: [f"isn't known here; what is: {self._known()}"]
            for name in data
            if name not in self.fields
        }
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as error:
            detail = error.detail if isinstance(error.detail, dict) else {"body": error.detail}
            errors = {**detail, **errors}
        if errors:
            raise serializers.ValidationError(errors)
        return values

    def _known(self) -> str:
        return ", ".join(self.fields) or "nothing"


class Parameters(Shape):
    """What stands behind the question mark; one that isn't known is refused by its name."""
