"""What only the templates of facts, change sets and the audit call."""

from __future__ import annotations

import re

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

register = template.Library()

_JOINT = re.compile(r"(?<=[._:])")


@register.filter
def breakable(name: str) -> SafeString:
    """A key or a code that may be broken into lines behind its points, and nowhere else."""
    return format_html_join(SafeString("<wbr>"), "{}", ((part,) for part in _JOINT.split(name)))
