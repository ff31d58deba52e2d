"""Every address of the service: the pages, the API, and what operators watch."""

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("kb.api.urls")),
    path("", include("kb.web.urls")),
]
