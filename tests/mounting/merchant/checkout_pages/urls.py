from django.urls import path

from tests.mounting.merchant.checkout_pages import views

app_name = "checkout"

urlpatterns = [
    path("cart/", views.cart, name="cart"),
    path("account/", views.account, name="account"),
]
