from django.contrib import admin

from tests.mounting.merchant.checkout_pages.models import CheckoutSession

admin.site.register(CheckoutSession)
