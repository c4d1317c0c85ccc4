from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from gateway.shop import demo, stock
from gateway.shop.forms import minor_units, plain
from gateway.shop.models import DeliveryOption, Hold, PickupPlace, Product, TaxRate

pytestmark = pytest.mark.django_db


@pytest.fixture
def mug() -> Product:
    return Product.objects.create(
        id="item_mug", title="Mug", unit_price=2_800, available=10, tags=["cup", "tea"], category="Kitchen"
    )


def page(name: str, *args: str) -> str:
    return reverse(f"admin:agentic_shop_{name}", args=args)


def typed(**changes: Any) -> dict[str, Any]:
    """What the product form sends when nothing but `changes` was typed."""
    return {
        "title": "Mug",
        "description": "",
        "category": "Kitchen",
        "tags": "cup\r\ntea",
        "images": "",
        "sku": "",
        "active": "on",
        "amount": "28.00",
        "currency": "usd",
        "max_quantity": "",
        "tax_class": "standard",
        "physical": "on",
        "counted": "on",
        "stock_change": "",
        **changes,
    }


def edit(client: Client, **changes: Any) -> Product:
    url = page("product_change", "item_mug")
    answer = client.post(url, {name: value for name, value in typed(**changes).items() if value is not None})
    assert answer.status_code == 302, answer.context_data["errors"]
    return Product.objects.get(pk="item_mug")


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("28", "usd", 2_800),
        ("28.5", "usd", 2_850),
        ("0.07", "usd", 7),
        ("19.99", "usd", 1_999),
        ("500", "jpy", 500),
    ],
)
def test_a_price_is_read_without_fractions(text: str, currency: str, amount: int) -> None:
    """T62: int(19.99 * 100) would be 1998."""
    assert minor_units(text, currency) == amount
    assert minor_units(plain(amount, currency), currency) == amount


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("", "usd"),
        ("-1", "usd"),
        ("1,50", "usd"),
        ("1e3", "usd"),
        ("1.999", "usd"),
        ("1.5", "jpy"),
        ("9" * 13, "usd"),
    ],
)
def test_what_is_no_price_is_refused(text: str, currency: str) -> None:
    with pytest.raises(ValidationError):
        minor_units(text, currency)


def test_the_list_shows_prices_as_people_write_them(admin_client: Client, mug: Product) -> None:
    content = admin_client.get(page("product_changelist")).content.decode()

    assert "28.00 USD" in content


def rows(first: int, last: int) -> None:
    for number in range(first, last):
        product = Product.objects.create(id=f"item_{number}", title="Mug", unit_price=1)
        Hold.objects.create(key=f"pay_{number}", product=product, quantity=1, until=timezone.now())
        DeliveryOption.objects.create(id=f"ship_{number}", title="Ship", price=1)
        PickupPlace.objects.create(**PLACE | {"name": f"Shop {number}"})
        TaxRate.objects.create(jurisdiction=f"City {number}", country="US", rate=1)


@pytest.mark.parametrize("name", ["product", "hold", "deliveryoption", "pickupplace", "taxrate"])
def test_a_list_costs_the_same_however_many_rows_it_shows(
    admin_client: Client, name: str, django_assert_num_queries: Any
) -> None:
    """pages.md: lists load in one query per page."""
    rows(0, 2)
    with CaptureQueriesContext(connection) as few:
        admin_client.get(page(f"{name}_changelist"))
    rows(2, 40)

    with django_assert_num_queries(len(few)):
        answer = admin_client.get(page(f"{name}_changelist"))

    assert len(answer.context_data["cl"].result_list) == 40


@pytest.mark.parametrize(
    "query", ["q=mug", "stock=none", "stock=some", "stock=uncounted", "category=Kitchen"]
)
def test_every_filter_and_search_answers(admin_client: Client, query: str) -> None:
    demo.load()

    answer = admin_client.get(f"{page('product_changelist')}?{query}")

    shown = answer.context_data["cl"].result_count
    assert 0 < shown < Product.objects.count()


def test_a_product_is_edited(admin_client: Client, mug: Product) -> None:
    edited = edit(admin_client, title="Big Mug", amount="31.50", tags="cup\n\n big ", active=None)

    assert (edited.title, edited.unit_price, edited.tags) == ("Big Mug", 3_150, ["cup", "big"])
    assert not edited.active
    assert " big mug " in edited.search_text


def test_stock_is_changed_by_a_difference(admin_client: Client, mug: Product) -> None:
    assert edit(admin_client, stock_change="5").available == 15
    assert edit(admin_client, stock_change="-15").available == 0
    assert edit(admin_client, counted=None).available is None
    assert edit(admin_client, counted="on").available == 0


def test_saving_a_page_undoes_no_sale_made_meanwhile(
    admin_client: Client, mug: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T61: the operator's page shows 10, three are sold, then she saves."""
    sold = Product.save

    def sell_first(self: Product, *args: Any, **kwargs: Any) -> None:
        stock.adjust("item_mug", -3)
        sold(self, *args, **kwargs)

    monkeypatch.setattr(Product, "save", sell_first)

    assert edit(admin_client, title="New Title", stock_change="1").available == 8


def test_more_than_there_is_cannot_be_taken_away(admin_client: Client, mug: Product) -> None:
    answer = admin_client.post(page("product_change", "item_mug"), typed(stock_change="-11"))

    assert "Only 10 are left." in answer.content.decode()
    assert Product.objects.get(pk="item_mug").available == 10


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", "a lot"),
        ("currency", "USD"),
        ("images", "http://insecure.example/a.jpg"),
        ("max_quantity", "0"),
        ("tax_class", "Not A Class"),
    ],
)
def test_a_wrong_value_is_named(admin_client: Client, mug: Product, field: str, value: str) -> None:
    answer = admin_client.post(page("product_change", "item_mug"), typed(**{field: value}))

    assert answer.status_code == 200
    assert field in answer.context_data["adminform"].form.errors
    mug.refresh_from_db()
    assert (mug.unit_price, mug.currency, mug.images) == (2_800, "usd", [])


def test_a_product_is_added_with_its_stock(admin_client: Client) -> None:
    answer = admin_client.post(page("product_add"), typed(id="item_new", stock_change="7"))

    assert answer.status_code == 302
    added = Product.objects.get(pk="item_new")
    assert (added.available, added.unit_price, added.search_text) == (7, 2_800, " mug | kitchen cup tea ")


def test_the_list_switches_products_off(admin_client: Client, mug: Product) -> None:
    answer = admin_client.post(
        page("product_changelist"),
        {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": "item_mug", "_save": "Save"},
    )

    assert answer.status_code == 302
    mug.refresh_from_db()
    assert (mug.active, mug.available, mug.unit_price) == (False, 10, 2_800)


def test_holds_are_shown_and_never_edited(admin_client: Client, mug: Product) -> None:
    hold = Hold.objects.create(key="pay_1", product=mug, quantity=1, until=timezone.now())

    shown = admin_client.get(page("hold_change", str(hold.pk)))
    refused = admin_client.post(page("hold_change", str(hold.pk)), {"quantity": "5"})
    deleted = admin_client.post(page("hold_delete", str(hold.pk)), {"post": "yes"})
    added = admin_client.get(page("hold_add"))

    assert shown.status_code == 200
    assert [refused.status_code, deleted.status_code, added.status_code] == [403, 403, 403]
    assert Hold.objects.get().quantity == 1


def test_a_delivery_option_is_edited(admin_client: Client) -> None:
    demo.load()
    url = page("deliveryoption_change", "ship_standard")
    columns = {"type": "shipping", "title": "Slow", "currency": "usd", "position": "1", "active": "on"}

    answer = admin_client.post(url, {**columns, "amount": "4.95", "countries": "US\nCA"})

    assert answer.status_code == 302
    option = DeliveryOption.objects.get(pk="ship_standard")
    assert (option.title, option.price, option.countries) == ("Slow", 495, ["US", "CA"])


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("countries", {"countries": "Germany"}),
        ("place", {"type": "pickup"}),
        ("postal_codes", {"type": "local_delivery"}),
        ("countries", {"type": "local_delivery", "postal_codes": "941"}),
        ("postal_codes", {"postal_codes": "941"}),
        ("radius_miles", {"radius_miles": "3"}),
        ("center_postal_code", {"center_postal_code": "94103"}),
        ("pickup_type", {"pickup_type": "locker"}),
        ("day_begins", {"day_begins": "09:00"}),
        (
            "day_ends",
            {
                "type": "local_delivery",
                "countries": "US",
                "postal_codes": "9",
                "day_begins": "09:00",
                "day_ends": "08:00",
            },
        ),
    ],
)
def test_a_wrong_delivery_option_is_refused(admin_client: Client, field: str, wrong: dict[str, str]) -> None:
    demo.load()
    url = page("deliveryoption_change", "ship_standard")
    columns = {"type": "shipping", "title": "Slow", "currency": "usd", "position": "1", "amount": "5"}

    answer = admin_client.post(url, {**columns, **wrong})

    assert field in answer.context_data["adminform"].form.errors


PLACE = {
    "name": "Shop on the Quay",
    "line_one": "1 Quay",
    "city": "San Francisco",
    "state": "CA",
    "country": "US",
    "postal_code": "94105",
}


@pytest.mark.requirement("ACP-057")
def test_a_place_and_the_pickup_there_are_added(admin_client: Client) -> None:
    columns = {"id": "fetch", "type": "pickup", "title": "Fetch it", "currency": "usd", "amount": "0"}

    added = admin_client.post(page("pickupplace_add"), PLACE)
    place = PickupPlace.objects.get()
    option = {**columns, "position": "1", "active": "on", "place": place.pk, "pickup_type": "curbside"}
    offered = admin_client.post(page("deliveryoption_add"), option)

    assert (added.status_code, offered.status_code) == (302, 302)
    assert DeliveryOption.objects.get().place == place


def test_a_place_where_no_taxes_can_be_told_is_refused(admin_client: Client) -> None:
    TaxRate.objects.create(jurisdiction="California", country="US", state="CA", rate=725)

    answer = admin_client.post(page("pickupplace_add"), {**PLACE, "state": "Kalifornia"})

    assert "state" in answer.context_data["adminform"].form.errors
    assert not PickupPlace.objects.exists()


@pytest.mark.requirement("ACP-057")
def test_an_area_of_local_delivery_is_typed_line_by_line(admin_client: Client) -> None:
    columns = {
        "id": "bike",
        "type": "local_delivery",
        "title": "By bicycle",
        "currency": "usd",
        "countries": "US",
    }
    area = {"postal_codes": "941\r\n94301", "center_postal_code": "94103", "radius_miles": "5"}

    answer = admin_client.post(
        page("deliveryoption_add"), {**columns, **area, "amount": "9", "position": "1", "active": "on"}
    )

    assert answer.status_code == 302
    assert DeliveryOption.objects.get().postal_codes == ["941", "94301"]


def test_two_rates_of_one_authority_on_delivery_are_refused(admin_client: Client) -> None:
    """Delivery would be taxed twice."""
    columns = {
        "jurisdiction": "New York",
        "country": "US",
        "state": "NY",
        "rate": "400",
        "applies_to_delivery": "on",
    }
    TaxRate.objects.create(
        jurisdiction="New York", country="US", state="NY", rate=400, applies_to_delivery=True
    )

    answer = admin_client.post(page("taxrate_add"), {**columns, "tax_class": "food"})

    assert "applies to delivery already" in answer.content.decode()
    assert TaxRate.objects.count() == 1


@pytest.mark.parametrize("model", [Product, Hold, DeliveryOption, PickupPlace, TaxRate])
def test_every_field_an_operator_fills_in_explains_itself(model: Any) -> None:
    silent = {"id", "type", "product", "quantity", "state", "created_at", "search_text"}

    unexplained = {field.name for field in model._meta.concrete_fields if not field.help_text} - silent

    assert unexplained == set()
