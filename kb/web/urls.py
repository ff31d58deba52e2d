"""The addresses of the pages."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from kb.web import (
    articles,
    deciding,
    entering,
    holding,
    home,
    public,
    records,
    urls_governance,
    writing,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("sign-in/", entering.sign_in, name="sign_in"),
    path("sign-out/", entering.sign_out, name="sign_out"),
    path("appearance/", home.appearance, name="appearance"),
    # What is read.
    path("library/", articles.library, name="library"),
    path("library/<slug:slug>/", articles.article, name="article"),
    path("library/<slug:slug>/versions/", articles.versions, name="versions"),
    path("library/<slug:slug>/versions/<int:number>/", articles.version, name="numbered_version"),
    path("library/<slug:slug>/drafts/<int:version_id>/", articles.unnumbered, name="draft"),
    path("library/<slug:slug>/compare/", articles.compare, name="compare"),
    # What is written.
    path("new-article/", writing.new_article, name="new_article"),
    path("library/<slug:slug>/next/", writing.open_draft, name="open_draft"),
    path("drafts/<int:version_id>/", writing.edit_draft, name="edit_draft"),
    path("versions/<int:version_id>/withdraw/", writing.withdraw, name="withdraw"),
    # What is decided.
    path("review/", deciding.queue, name="review_queue"),
    path("review/<int:version_id>/", deciding.review, name="review"),
    path("versions/<int:version_id>/retire/", deciding.retire, name="retire"),
    path("versions/<int:version_id>/verify/", deciding.verify, name="verify"),
    path("holds/", holding.holds, name="holds"),
    path("holds/new/", holding.place, name="place_hold"),
    path("holds/<int:hold_id>/lift/", holding.lift, name="lift_hold"),
    # Registers; facts, change sets and the audit have their own list.
    *urls_governance.urlpatterns,
    path("clients/", records.clients, name="clients"),
    # What a citation leads to: no slash at the end, as the contract has it.
    path("a/<slug:slug>/v/<int:number>", public.version, name="public_version"),
    path("a/<slug:slug>", public.governing, name="public_article"),
    # The administration, entered by the one sign-in there is.
    path("admin/login/", RedirectView.as_view(pattern_name="sign_in", query_string=True)),
    path("admin/", admin.site.urls),
]
