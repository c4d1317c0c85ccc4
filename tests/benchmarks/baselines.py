"""The baselines: the route's SQL and answer, and as little else as each framework allows.

B0 is a plain Django view, B1 a lean DRF view: one JSON parser, one renderer, no serializer.
Neither authenticates, validates or prices anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.benchmarks.replaying import plays

JSON = "application/json"


def with_length(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """The only middleware of the baselines: without a length the server sends chunks."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers["Content-Length"] = str(len(response.content))
        return response

    return answer


@csrf_exempt
def plain(request: HttpRequest, route: str, session_id: str) -> HttpResponse:
    """B0."""
    play = plays()[route]
    if request.method == "POST":
        orjson.loads(request.body)
    play.run(session=session_id, key=request.headers.get("Idempotency-Key", ""))
    return HttpResponse(orjson.dumps(play.answer), status=play.status, content_type=JSON)


class OneParser(BaseParser):
    media_type = JSON

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        return orjson.loads(stream.read())


class OneRenderer(BaseRenderer):
    media_type = JSON
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        return orjson.dumps(data)


class Lean(APIView):
    """B1."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    parser_classes = (OneParser,)
    renderer_classes = (OneRenderer,)

    def get(self, request: Request, route: str, session_id: str) -> Response:
        return self._answer(request, route, session_id)

    def post(self, request: Request, route: str, session_id: str) -> Response:
        assert isinstance(request.data, dict)
        return self._answer(request, route, session_id)

    def _answer(self, request: Request, route: str, session_id: str) -> Response:
        play = plays()[route]
        play.run(session=session_id, key=request.headers.get("Idempotency-Key", ""))
        return Response(play.answer, status=play.status)
