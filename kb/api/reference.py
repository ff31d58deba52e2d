"""/schema and /docs: the OpenAPI document, made from the code, and a page to read it with."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.settings import patched_settings
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

# Choices stay where they are used: `kind` means another thing in each of three shapes.
OPENAPI: dict[str, Any] = {"POSTPROCESSING_HOOKS": []}


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """Return the OpenAPI document of /api/v1; made once a process, since code doesn't change."""
    with patched_settings(OPENAPI):
        generator = SchemaGenerator(api_version="v1")  # type: ignore[no-untyped-call]
        made: dict[str, Any] = generator.get_schema(  # type: ignore[no-untyped-call]
            request=None, public=True
        )
    return made


class SchemaDocument(APIView):
    """The document as JSON, or as YAML for `Accept: application/yaml` or `?format=yaml`."""

    authentication_classes = ()
    permission_classes = ()
    http_method_names = ("get", "head")
    renderer_classes = (
        OpenApiJsonRenderer2,
        OpenApiJsonRenderer,
        OpenApiYamlRenderer2,
        OpenApiYamlRenderer,
    )

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        """Give the document."""
        return Response(document())


class ApiPage(SpectacularSwaggerSplitView):
    """The page; its script and styles are served from here, nothing from elsewhere."""

    authentication_classes = ()
    permission_classes = ()
    http_method_names = ("get", "head")
