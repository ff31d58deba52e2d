"""Every address of the service: the API, what operators watch, and the pages."""

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("kb.api.urls")),
    path("", include("kb.api.root_urls")),
    path("", include("kb.web.urls")),
]

handler400 = "kb.api.problems.bad_request"
handler404 = "kb.api.problems.not_found"
handler500 = "kb.api.problems.server_error"
