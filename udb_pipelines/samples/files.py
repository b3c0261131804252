"""Writes the sample files: each complete or absent, and left alone when it is there."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from udb_pipelines.samples import dirt
from udb_pipelines.samples.shop import CATEGORIES, WAREHOUSES, Order, Shop, make_shop
from udb_pipelines.samples.workbook import Cell, workbook

SEED = 20_250_301

SUPPLIERS = 40
COUPON_FROM = 4_000
"""Orders from this one on have a field that the earlier ones do not know."""
REPEATED_PAYMENTS = 6


@dataclass(frozen=True)
class SampleFile:
    """A file, and what is truly in it."""

    path: Path
    rows: dict[str, int]
    """Good rows per table; a table named as in the file, or as the file."""
    rejected: int
    """Rows that no reader can make sense of."""
    planted: dict[str, int]
    """How many of each kind of dirt."""
    written: bool
    """False when the file was there already."""


def create(folder: Path) -> tuple[SampleFile, ...]:
    """Write the files that are missing into ``folder`` and describe all of them.

    Raises:
        OSError: the folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shop = make_shop(SEED)
    customers = len(shop.customers) + dirt.PLANTED["duplicate_row"]
    return (
        _file(folder / "customers.csv", _customers, shop, {"customers": customers}, dirt.REJECTED_ROWS, dirt.PLANTED),
        _file(
            folder / "orders.ndjson",
            _orders,
            shop,
            {"orders": len(shop.orders)},
            planted={"late_field": len(shop.orders) - COUPON_FROM},
        ),
        _file(
            folder / "payments.parquet",
            _payments,
            shop,
            {"payments": len(shop.payments) + REPEATED_PAYMENTS},
            planted={"duplicate_row": REPEATED_PAYMENTS},
        ),
        _file(
            folder / "shop.sqlite",
            _database,
            shop,
            {"products": len(shop.products), "stock": len(shop.products) * len(WAREHOUSES)},
        ),
        _file(folder / "suppliers.xlsx", _suppliers, shop, {"suppliers": SUPPLIERS}, planted={"preamble": 2}),
    )


def _file(
    path: Path,
    write: Callable[[Path, Shop], None],
    shop: Shop,
    rows: dict[str, int],
    rejected: int = 0,
    planted: dict[str, int] | None = None,
) -> SampleFile:
    missing = not path.exists()
    if missing:
        partial = path.with_name(f".{path.name}.part")
        partial.unlink(missing_ok=True)
        write(partial, shop)
        partial.replace(path)
    return SampleFile(path, rows, rejected, dict(planted or {}), missing)


def _customers(path: Path, shop: Shop) -> None:
    path.write_text(dirt.customers_csv(shop.customers), encoding="utf-8", newline="")


def _orders(path: Path, shop: Shop) -> None:
    with path.open("w", encoding="utf-8", newline="") as target:
        for index, order in enumerate(shop.orders):
            target.write(json.dumps(_order(order, with_coupon=index >= COUPON_FROM), ensure_ascii=False) + "\n")


def _order(order: Order, *, with_coupon: bool) -> dict[str, object]:
    coupon = {"coupon": "TEA10" if order.cents % 7 == 0 else None} if with_coupon else {}
    items = [{"sku": sku, "quantity": quantity, "price": cents / 100} for sku, quantity, cents in order.positions]
    return {
        "order_no": order.number,
        "customer_no": order.customer,
        "ordered_at": order.at.isoformat().replace("+00:00", "Z"),
        "channel": order.channel,
        "status": order.status,
        "total": order.cents / 100,
        **coupon,
        "items": items,
    }


def _payments(path: Path, shop: Shop) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    payments = [*shop.payments, *shop.payments[100 : 100 + REPEATED_PAYMENTS]]
    columns = {
        "payment_no": pa.array([payment.number for payment in payments], pa.int64()),
        "order_no": pa.array([payment.order for payment in payments], pa.string()),
        "method": pa.array([payment.method for payment in payments], pa.string()),
        "amount": pa.array([Decimal(payment.cents) / 100 for payment in payments], pa.decimal128(12, 2)),
        "paid_at": pa.array([payment.at for payment in payments], pa.timestamp("us", tz="UTC")),
        "iban": pa.array([payment.iban for payment in payments], pa.string()),
    }
    pq.write_table(pa.table(columns), path)


def _database(path: Path, shop: Shop) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            """
            CREATE TABLE products (
                sku TEXT PRIMARY KEY, name TEXT NOT NULL, category TEXT NOT NULL,
                price NUMERIC NOT NULL, weight_g INTEGER, active INTEGER NOT NULL);
            CREATE TABLE stock (
                sku TEXT NOT NULL REFERENCES products, warehouse TEXT NOT NULL,
                quantity INTEGER NOT NULL, counted_on TEXT, PRIMARY KEY (sku, warehouse));
            """
        )
        products = [
            (item.sku, item.name, item.category, item.cents / 100, item.grams, int(item.active))
            for item in shop.products
        ]
        stock = [
            (item.sku, place, item.cents % 97 + offset, f"2025-06-{item.grams % 28 + 1:02d}")
            for item in shop.products
            for offset, place in enumerate(WAREHOUSES)
        ]
        with database:
            database.executemany("INSERT INTO products VALUES (?, ?, ?, ?, ?, ?)", products)
            database.executemany("INSERT INTO stock VALUES (?, ?, ?, ?)", stock)


def _suppliers(path: Path, shop: Shop) -> None:
    path.write_bytes(workbook("Suppliers", _supplier_rows(shop)))


def _supplier_rows(shop: Shop) -> Iterable[Iterable[Cell]]:
    """A title and an empty line first, as people lay out their sheets."""
    yield ["Suppliers, as of June 2025"]
    yield []
    yield ["Supplier", "Category", "Country", "Lead time (days)", "Minimum order"]
    for number, person in enumerate(shop.customers[:SUPPLIERS]):
        category = CATEGORIES[number % len(CATEGORIES)]
        yield [f"{person.name} & Co.", category, person.country, 3 + number % 18, 50.5 + 25 * (number % 6)]
