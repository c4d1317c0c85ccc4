"""Statements that the ORM writes once and that are run many times.

Building and compiling a queryset costs more than the database takes to answer it. On the hot
path the same statement is asked again and again with other values: here the ORM compiles it
once per process, and rows become model instances as they always do. What a look-up finds is
what its queryset would find; `tests/interventions/test_prepared.py` holds it to that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db import connections, models, router
from django.db.models.expressions import RawSQL
from django.db.models.query import QuerySet, get_related_populators
from django.db.transaction import TransactionManagementError

Row = TypeVar("Row", bound=models.Model)

_MARK = "\ue000"
"""From the private use area, so that no value of ours can be taken for a placeholder."""


@dataclass(frozen=True, slots=True)
class _Statement:
    """A statement with the places of its values, and how what it finds becomes values of Python."""

    sql: str
    params: tuple[Any, ...]
    converters: tuple[tuple[int, tuple[Any, ...], Any], ...]

    @staticmethod
    def of(compiler: Any) -> _Statement:
        sql, params = compiler.as_sql()
        converters = compiler.get_converters([expression for expression, *_ in compiler.select])
        return _Statement(
            sql=sql,
            params=tuple(params),
            converters=tuple((place, tuple(found), expr) for place, (found, expr) in converters.items()),
        )

    def rows(self, connection: Any, given: Mapping[str, Any]) -> list[list[Any]]:
        params = [
            given[param.strip(_MARK)] if isinstance(param, str) and param.startswith(_MARK) else param
            for param in self.params
        ]
        with connection.cursor() as cursor:
            cursor.execute(self.sql, params)
            rows = [list(row) for row in cursor.fetchall()]
        for position, converters, expression in self.converters:
            for row in rows:
                for convert in converters:
                    row[position] = convert(row[position], expression, connection)
        return rows


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement whose rows become instances."""

    statement: _Statement
    attributes: tuple[str, ...]
    first: int
    last: int
    related: tuple[Any, ...]


class Lookup(Generic[Row]):
    """One queryset, its text values named by `place(name)` when it is built:

        by_owner = Lookup(Session, lambda place: Session.objects.filter(owner=place("owner")))
        by_owner(owner="key:1")

    Values are texts. `size` is for lists: `place.many("ids", size)` makes so many places.
    """

    def __init__(
        self, model: type[Row], build: Callable[[Place], QuerySet[Row]], *, locks: bool = False
    ) -> None:
        self._model = model
        self._build = build
        self._locks = locks
        self._compiled: dict[tuple[str, int], _Compiled] = {}

    def __call__(self, *, many: Sequence[str] = (), **values: str) -> list[Row]:
        """The instances found. Raises TransactionManagementError for a locking look-up outside
        a transaction, and KeyError for a value that was not given."""
        alias = router.db_for_read(self._model)
        connection = connections[alias]
        if self._locks and not connection.in_atomic_block:
            raise TransactionManagementError("A locking look-up needs a transaction.")
        compiled = self._compiled.get((alias, len(many)))
        if compiled is None:
            compiled = self._compiled[alias, len(many)] = self._compile(alias, len(many))
        given = {**values, **{f"many:{index}": value for index, value in enumerate(many)}}
        rows = compiled.statement.rows(connection, given)
        return [self._instance(compiled, row, alias) for row in rows]

    def one(self, **values: str) -> Row | None:
        """The first instance found, or None."""
        found = self(**values)
        return found[0] if found else None

    def _instance(self, compiled: _Compiled, row: list[Any], alias: str) -> Row:
        found = self._model.from_db(alias, compiled.attributes, row[compiled.first : compiled.last])
        for populator in compiled.related:
            populator.populate(row, found)
        return found

    def _compile(self, alias: str, size: int) -> _Compiled:
        compiler: Any = self._build(Place(size)).using(alias).query.get_compiler(alias)
        statement = _Statement.of(compiler)
        info = compiler.klass_info
        chosen = info["select_fields"]
        return _Compiled(
            statement=statement,
            attributes=tuple(compiler.select[index][0].target.attname for index in chosen),
            first=chosen[0],
            last=chosen[-1] + 1,
            related=tuple(get_related_populators(info, compiler.select, alias)),  # type: ignore[call-arg]
        )


class Listing:
    """One queryset of `values_list`, a union too, as rows of those values. What is given are texts, and
    moments for what was built with `place.moment(name)`."""

    def __init__(self, model: type[models.Model], build: Callable[[Place], QuerySet[Any, Any]]) -> None:
        self._model = model
        self._build = build
        self._compiled: dict[str, _Statement] = {}

    def __call__(self, **values: str | datetime) -> list[list[Any]]:
        """The rows found. Raises KeyError for a value that was not given."""
        alias = router.db_for_read(self._model)
        connection = connections[alias]
        statement = self._compiled.get(alias)
        if statement is None:
            compiler = self._build(Place(0)).using(alias).query.get_compiler(alias)
            statement = self._compiled[alias] = _Statement.of(compiler)
        moment = connection.ops.adapt_datetimefield_value
        given = {
            name: moment(value) if isinstance(value, datetime) else value for name, value in values.items()
        }
        return statement.rows(connection, given)


class Place:
    """Hands out placeholders while a queryset is built."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __call__(self, name: str) -> str:
        return f"{_MARK}{name}{_MARK}"

    def moment(self, name: str) -> RawSQL:
        """The place of a moment, which no text can be taken for."""
        return RawSQL("%s", (self(name),), output_field=models.DateTimeField())

    def many(self) -> list[str]:
        """As many places as the call has values in `many`."""
        return [self(f"many:{index}") for index in range(self._size)]


def insert(rows: Sequence[models.Model], *, unless_there: bool = False) -> int:
    """The new rows are in their table, in one statement; how many were inserted.

    `unless_there` leaves out, silently, what a unique constraint forbids: no error, so that the
    transaction stays usable. Primary keys that the database makes are not read back, no signal
    is sent. All rows are of one model.
    """
    model = type(rows[0])
    alias = router.db_for_write(model)
    connection = connections[alias]
    fields = _columns(model)
    names = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    places = "(" + ", ".join(["%s"] * len(fields)) + ")"
    sql = (
        f"INSERT INTO {connection.ops.quote_name(model._meta.db_table)} ({names}) "  # noqa: S608
        f"VALUES {', '.join([places] * len(rows))}" + (" ON CONFLICT DO NOTHING" if unless_there else "")
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, list(_values(rows, fields, connection)))
        count: int = cursor.rowcount
    for row in rows:
        row._state.adding, row._state.db = False, alias
    return count


_COMPARED = {"": "=", "lte": "<=", "gt": ">"}
_AHEAD = "ahead"


def change(model: type[models.Model], where: Mapping[str, Any], columns: Mapping[str, Any]) -> int:
    """`columns` are written to the rows `where` finds, in one statement; how many rows.

    `where` names fields, alone for equality or with __lte or __gt; none of its values is None. With
    __ahead the moment has not come by the database's own clock, where that is another one than ours.
    No signal is sent.
    """
    alias = router.db_for_write(model)
    connection = connections[alias]
    quote = connection.ops.quote_name
    conditions, written, params = [], [], []
    for name, value in columns.items():
        field: Any = model._meta.get_field(name)
        written.append(f"{quote(field.column)} = %s")
        params.append(field.get_db_prep_save(value, connection=connection))
    for look_up, value in where.items():
        name, _, comparison = look_up.partition("__")
        field = model._meta.pk if name == "pk" else model._meta.get_field(name)
        if comparison == _AHEAD:
            if connection.vendor == "postgresql":
                conditions.append(f"{quote(field.column)} > clock_timestamp()")
            continue
        conditions.append(f"{quote(field.column)} {_COMPARED[comparison]} %s")
        params.append(field.get_db_prep_save(value, connection=connection))
    sql = (
        f"UPDATE {quote(model._meta.db_table)} SET {', '.join(written)} "  # noqa: S608
        f"WHERE {' AND '.join(conditions)}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        count: int = cursor.rowcount
    return count


_known: dict[type[models.Model], tuple[models.Field[Any, Any], ...]] = {}


def _columns(model: type[models.Model]) -> tuple[models.Field[Any, Any], ...]:
    """Every column but a primary key that the database makes."""
    if model not in _known:
        _known[model] = tuple(
            field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)
        )
    return _known[model]


def _values(
    rows: Iterable[models.Model], fields: Sequence[models.Field[Any, Any]], connection: Any
) -> Iterable[Any]:
    for row in rows:
        for field in fields:
            yield field.get_db_prep_save(getattr(row, field.attname), connection=connection)
