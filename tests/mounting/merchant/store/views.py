"""The merchant's own API, under his own REST_FRAMEWORK."""

from __future__ import annotations

from rest_framework import generics, permissions, serializers

from tests.mounting.merchant.store.models import Product


class ProductForm(serializers.ModelSerializer[Product]):
    class Meta:
        model = Product
        fields = ("number", "name")


class Products(generics.ListAPIView[Product]):
    queryset = Product.objects.order_by("pk")
    serializer_class = ProductForm


class OpenProducts(Products):
    permission_classes = (permissions.AllowAny,)
