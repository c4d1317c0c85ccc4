import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Product",
            fields=[
                (
                    "id",
                    models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("number", models.CharField(max_length=40, unique=True)),
                ("name", models.CharField(max_length=100)),
                ("description", models.TextField(blank=True)),
                ("cents", models.PositiveIntegerField()),
                ("group", models.CharField(max_length=40)),
                ("vat", models.CharField(default="full", max_length=8)),
                ("download", models.BooleanField(default=False)),
                ("listed", models.BooleanField(default=True)),
            ],
        ),
        migrations.CreateModel(
            name="SalesOrder",
            fields=[
                (
                    "id",
                    models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("agentic_order", models.CharField(max_length=80, unique=True)),
                ("email", models.CharField(blank=True, max_length=254)),
                ("city", models.CharField(blank=True, max_length=100)),
                ("cents", models.PositiveIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("notes", models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name="Transfer",
            fields=[
                (
                    "id",
                    models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("attempt", models.CharField(max_length=80, unique=True)),
                ("session", models.CharField(max_length=80)),
                ("cents", models.PositiveIntegerField()),
                ("state", models.CharField(max_length=8)),
            ],
        ),
        migrations.CreateModel(
            name="SalesOrderLine",
            fields=[
                (
                    "id",
                    models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("pieces", models.PositiveIntegerField()),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lines",
                        to="store.salesorder",
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="store.product"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Stock",
            fields=[
                (
                    "id",
                    models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("free", models.PositiveIntegerField()),
                (
                    "product",
                    models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, to="store.product"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Return",
            fields=[
                (
                    "id",
                    models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("key", models.CharField(max_length=80, unique=True)),
                ("cents", models.PositiveIntegerField()),
                (
                    "transfer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="returns",
                        to="store.transfer",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Reservation",
            fields=[
                (
                    "id",
                    models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("key", models.CharField(max_length=80)),
                ("pieces", models.PositiveIntegerField()),
                ("state", models.CharField(default="open", max_length=8)),
                ("until", models.DateTimeField()),
                ("stock", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="store.stock")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("key", "stock"), name="reserved_once")],
            },
        ),
    ]
