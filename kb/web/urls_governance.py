"""The addresses of the pages about facts, change sets and the audit."""

from __future__ import annotations

from django.urls import URLPattern, path

from kb.web import audit, change_sets, facts

urlpatterns: list[URLPattern] = [
    path("facts/", facts.facts, name="facts"),
    path("facts/<str:key>/", facts.fact, name="fact"),
    path("change-sets/", change_sets.change_sets, name="change_sets"),
    path("change-sets/<int:change_set_id>/", change_sets.change_set, name="change_set"),
    path("audit/", audit.audit, name="audit"),
]
