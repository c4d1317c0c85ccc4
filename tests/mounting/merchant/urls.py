from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    # What mounting the gateway asks for; the third is optional.
    path("shop/api/agents/", include("gateway.urls")),
    path("", include("gateway.well_known")),
    path("shop/api/agents-docs/", include("gateway.openapi.urls")),
    # What the merchant had before.
    path("shop/api/", include("tests.mounting.merchant.store.urls", namespace="v1")),
    path("shop/", include("tests.mounting.merchant.checkout_pages.urls")),
    path("admin/", admin.site.urls),
]
