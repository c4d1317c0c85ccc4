"""The project's URLs and the two baselines."""

from __future__ import annotations

from django.urls import path

from gateway.project.urls import urlpatterns as project
from tests.benchmarks import baselines

urlpatterns = [
    path("b0/<str:route>/<str:session_id>", baselines.plain),
    path("b1/<str:route>/<str:session_id>", baselines.Lean.as_view()),
    *project,
]
