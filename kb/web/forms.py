"""What an editor writes, as form fields: read into `Content` and written back unchanged.

Only how something is written is decided here (dates, terms, fact rows); whether it can be used is
`kb.actions.content`'s to say, whose refusals `refused` puts beside the fields. Called by the pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from django import forms
from django.utils import timezone

from kb.actions.content import Content
from kb.errors import Invalid, KbError
from policies.facts import Comparator, FactType

T = TypeVar("T")
_FACT_FIELD = re.compile(r"facts\[(\d+)\]")
SPARE_ROWS = 2
MOST_FACTS = 40

COMPARATORS = [
    (Comparator.eq.value, "exactly"),
    (Comparator.le.value, "at most"),
    (Comparator.lt.value, "less than"),
    (Comparator.ge.value, "at least"),
    (Comparator.gt.value, "more than"),
]


class InstantField(forms.DateTimeField):
    """A date and time in the page's zone."""

    widget = forms.DateTimeInput

    def __init__(self, **given: Any) -> None:
        widget = forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M:%S")
        super().__init__(widget=widget, required=False, **given)


class TermsField(forms.CharField):
    """A scope, one `key = value` a line."""

    def __init__(self, *, rows: int = 3, **given: Any) -> None:
        widget: forms.Widget = (
            forms.Textarea({"rows": rows, "class": "terms", "spellcheck": "false"})
            if rows > 1
            else forms.TextInput({"spellcheck": "false"})
        )
        super().__init__(widget=widget, required=False, max_length=2000, **given)

    def clean(self, value: Any) -> dict[str, str]:
        """Return the terms. Raises ValidationError that quotes the line."""
        terms: dict[str, str] = {}
        for line in re.split(r"[\n,]", super().clean(value)):
            if not line.strip():
                continue
            key, sign, term = line.partition("=")
            if not sign or not key.strip() or not term.strip():
                raise forms.ValidationError(
                    f"{line.strip()!r} isn't a term; write key = value, such as region = EU"
                )
            if key.strip() in terms:
                raise forms.ValidationError(f"{key.strip()!r} is given twice; keep one")
            terms[key.strip()] = term.strip()
        return terms


def written_terms(scope: dict[str, str], separator: str = "\n") -> str:
    """Write a scope as `TermsField` reads it."""
    return separator.join(f"{key} = {value}" for key, value in scope.items())


class SignatureForm(forms.Form):
    """A comment, and the password where the sign-in is too old to sign with."""

    comment = forms.CharField(
        label="Comment",
        required=False,
        max_length=5000,
        widget=forms.Textarea({"rows": 4}),
    )
    password = forms.CharField(
        label="Your password",
        required=False,
        strip=False,
        max_length=4096,
        help_text="You signed in more than five minutes ago; a signature needs it fresh.",
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, comment_needed: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["comment"].help_text = comment_needed


class ContentForm(forms.Form):
    """A version's content without its facts, which stand in rows of their own.

    Nothing is marked required for the browser: it would keep back a preview or another row for want
    of a title, and what is missing is said on the page.
    """

    use_required_attribute = False

    title = forms.CharField(
        label="Title",
        max_length=300,
        help_text="In the customer's words: what would they ask?",
        error_messages={"required": "Write a title."},
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    body = forms.CharField(
        label="Text",
        strip=False,
        error_messages={"required": "Write the text, in Markdown."},
        help_text="Markdown. A heading ending in {audience=agent} keeps its section from "
        "customers; {{ fact refund.window }} shows a value that is kept in one place.",
        widget=forms.Textarea({"class": "text", "rows": 24, "spellcheck": "true"}),
    )
    kind = forms.ChoiceField(
        label="Kind",
        choices=[("resolution", "Resolution: how it is solved"), ("policy", "Policy: what holds")],
    )
    risk = forms.ChoiceField(
        label="Risk",
        choices=[("normal", "Normal: one approval"), ("high", "High: two approvals")],
    )
    audience = forms.ChoiceField(
        label="Audience",
        choices=[
            ("internal", "Internal: people inside"),
            ("agent", "Agent: and those who serve customers"),
            ("public", "Public: and customers"),
        ],
    )
    scope = TermsField(
        label="Scope",
        help_text="Where it holds, one key = value a line; empty is everywhere.",
        rows=3,
    )
    effective_from = InstantField(label="In effect from", help_text="Empty: once it is approved.")
    effective_until = InstantField(label="In effect until", help_text="Empty: no end.")
    change_note = forms.CharField(
        label="Change note",
        required=False,
        max_length=2000,
        help_text="What changes and why: reviewers read it first.",
        widget=forms.Textarea({"rows": 2}),
    )
    edits = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    def content(self, facts: Iterable[dict[str, Any]], original: Content | None) -> Content:
        """Return what was written. Instants that nobody touched keep their very microsecond."""
        given = self.cleaned_data
        return Content(
            title=given["title"],
            # A browser sends CRLF; what is stored has the line ends that it was written with.
            body=given["body"].replace("\r\n", "\n"),
            kind=given["kind"],
            risk=given["risk"],
            audience=given["audience"],
            scope=given["scope"],
            effective_from=self._instant("effective_from", original),
            effective_until=self._instant("effective_until", original),
            change_note=given["change_note"].replace("\r\n", "\n"),
            facts=tuple(facts),
        )

    def _instant(self, name: str, original: Content | None) -> datetime | None:
        given: datetime | None = self.cleaned_data[name]
        kept: datetime | None = getattr(original, name) if original else None
        if given and kept and given == kept.replace(microsecond=0):
            return kept
        return given


class ArticleForm(ContentForm):
    """A new article: its content, and what stays with the article."""

    owner_group = forms.ChoiceField(label="Owner", help_text="Whose editors write, and approve.")
    journey = forms.CharField(
        label="Journey", required=False, max_length=100, help_text="A reason for contact."
    )
    language = forms.CharField(
        label="Language", max_length=35, help_text="A language tag such as en, de or pt-BR."
    )
    review_every_days = forms.IntegerField(
        label="Review every (days)",
        required=False,
        min_value=1,
        max_value=3650,
        help_text="Empty: no review cycle.",
    )


class FactForm(forms.Form):
    """A value that a policy states."""

    key = forms.CharField(
        label="Key",
        required=False,
        max_length=100,
        help_text="such as refund.window",
        widget=forms.TextInput({"spellcheck": "false", "autocomplete": "off"}),
    )
    type = forms.ChoiceField(label="Type", choices=[(t.value, t.value) for t in FactType])
    comparator = forms.ChoiceField(label="It is", choices=COMPARATORS)
    value = forms.CharField(
        label="Value",
        required=False,
        max_length=500,
        help_text="with its unit: 30 days, £3.50, 2.5%",
    )
    scope = TermsField(label="Scope", rows=1, help_text="such as region = EU")
    effective_from = InstantField(label="From")
    effective_until = InstantField(label="Until")

    def declared(self) -> dict[str, Any] | None:
        """Return the declaration, or None for a row left empty."""
        given = self.cleaned_data
        if not given["key"] and not given["value"]:
            return None
        return {
            "key": given["key"],
            "type": given["type"],
            "comparator": given["comparator"],
            "value": given["value"],
            "unit": None,
            "scope": given["scope"],
            "effective_from": _utc(given["effective_from"]),
            "effective_until": _utc(given["effective_until"]),
        }


FactRows = forms.formset_factory(FactForm, extra=0, absolute_max=MOST_FACTS, max_num=MOST_FACTS)


def initial_content(content: Content, edits: int) -> dict[str, Any]:
    """Return a content's values as the form shows them."""
    values = {name: getattr(content, name) for name in Content.__dataclass_fields__}
    for name in ("effective_from", "effective_until"):
        values[name] = timezone.localtime(values[name]) if values[name] else None
    return {**values, "scope": written_terms(content.scope), "edits": edits}


def initial_facts(content: Content) -> list[dict[str, Any]]:
    """Return the declared facts as rows, and a few spare ones."""
    rows = [
        {
            "key": one["key"],
            "type": one["type"],
            "comparator": one["comparator"],
            "value": " ".join(filter(None, (one["value"], one["unit"]))),
            "scope": written_terms(one["scope"], ", "),
            "effective_from": _local(one["effective_from"]),
            "effective_until": _local(one["effective_until"]),
        }
        for one in content.facts
    ]
    return rows + [{} for _ in range(SPARE_ROWS)]


def _utc(at: datetime | None) -> datetime | None:
    return at.astimezone(UTC) if at else None


def _local(text: str | None) -> datetime | None:
    return timezone.localtime(datetime.fromisoformat(text)) if text else None


def attempt(form: forms.Form, act: Callable[[], T], *, rows: Any = None) -> T | None:
    """Do `act`; put what it refuses beside the form's fields and return None."""
    try:
        return act()
    except KbError as error:
        refused(form, error, rows=rows)
        return None


def refused(form: forms.Form, error: KbError, *, rows: Any = None) -> None:
    """Put an error beside the fields that it names, or on top where it names none."""
    if not isinstance(error, Invalid):
        form.add_error(None, error.detail)
        return
    for name, why in error.fields.items():
        row = _FACT_FIELD.fullmatch(name)
        if row and rows is not None and int(row[1]) < len(rows.used):
            field, _colon, rest = why.partition(": ")
            form_of_row = rows.used[int(row[1])]
            known = field in form_of_row.fields
            form_of_row.add_error(field if known else "key", rest if known else why)
        else:
            form.add_error(name if name in form.fields else None, _sentence(name, why, form))


def _sentence(name: str, why: str, form: forms.Form) -> str:
    return why if name in form.fields else f"{name.replace('_', ' ').capitalize()} {why}"
