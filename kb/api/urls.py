"""The REST routes, under /api/v1/. What isn't here is answered by a problem, not by a page."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path
from django.views.decorators.csrf import csrf_exempt

from kb.api import answers, articles, changes, holds, problems, reference

urlpatterns: list[URLPattern] = [
    path("answers", answers.Answers.as_view(), name="answers"),
    path("answers/<uuid:answer_id>", answers.OneAnswer.as_view(), name="answer"),
    path("articles", articles.Library.as_view(), name="articles"),
    path("articles/<slug:slug>", articles.OneArticle.as_view(), name="article"),
    path(
        "articles/<slug:slug>/versions/<int:number>",
        articles.OneVersion.as_view(),
        name="version",
    ),
    path("changes", changes.Changes.as_view(), name="changes"),
    path("holds", holds.Holds.as_view(), name="holds"),
    path("schema", reference.SchemaDocument.as_view(), name="schema"),
    path("docs", reference.ApiPage.as_view(url_name="schema"), name="api_page"),
    re_path(r"", csrf_exempt(problems.not_found)),
]
