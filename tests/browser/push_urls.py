"""The demo project, and a page that holds what the devices page of an account holds."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from gateway.person import push
from gateway.person.pages import FormPage
from gateway.project.demo_urls import urlpatterns as demo


class DevicePage(FormPage):
    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(request, "push_alone", push.part(), works=True, asks=("'self'",))


urlpatterns = [path("agentic/account/this-device", DevicePage.as_view()), *demo]
