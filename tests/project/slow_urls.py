"""The project's URLs, and a route that takes as long as it is told to."""

from __future__ import annotations

import os
import time

from django.http import HttpRequest, HttpResponse
from django.urls import path

from gateway.project.urls import urlpatterns as project


def slow(request: HttpRequest, seconds: int) -> HttpResponse:
    time.sleep(seconds)
    return HttpResponse(str(os.getpid()), content_type="text/plain")


urlpatterns = [path("slow/<int:seconds>", slow), *project]
