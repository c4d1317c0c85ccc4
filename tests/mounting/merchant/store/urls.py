from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from tests.mounting.merchant.store import views

app_name = "store"

urlpatterns = [
    path("products/", views.Products.as_view(), name="products"),
    path("open-products/", views.OpenProducts.as_view(), name="open_products"),
    path(
        "schema/",
        SpectacularAPIView.as_view(authentication_classes=(), permission_classes=(), throttle_classes=()),
        name="schema",
    ),
]
