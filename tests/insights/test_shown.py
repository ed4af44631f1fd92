from __future__ import annotations

import json

import pytest

from chalicelib.insights import queries, shown
from chalicelib.insights.model import Cell, Column
from chalicelib.insights.running import Statistics

TIMES, AT, NAME = Column("times", "times", "number"), Column("at", "time", "time"), Column("name", "name")


@pytest.mark.parametrize(
    ("column", "cell", "found"),
    [
        (TIMES, 12.0, 12),
        (TIMES, 0.1234567, 0.123457),
        (TIMES, 2.0**60, 2.0**60),
        (TIMES, "n/a", "n/a"),
        (AT, 1_795_000_001.25, "2026-11-18T11:06:41.250Z"),
        (AT, None, None),
        (NAME, "0012", "0012"),
        (NAME, "login with password=hunter22 failed", "login with password=(secret) failed"),
        (NAME, "Authorization: Bearer abcdef123456", "Authorization: (secret) (secret)"),
        (NAME, "key AKIAIOSFODNN7EXAMPLE", "key (secret)"),
        (NAME, "postgres://shop:hunter22@db/shop", "postgres://shop:(secret)@db/shop"),
    ],
)
def test_a_cell_is_shown(column: Column, cell: Cell, found: object) -> None:
    assert shown.row({column.name: cell}, [column]) == {column.name: found}


def test_every_query_is_plain_json() -> None:
    for one in queries.EVERY.values():
        told = shown.query(one)
        assert json.loads(json.dumps(told, allow_nan=False)) == told
        assert [column["name"] for column in told["columns"]] == [column.name for column in one.columns]


def test_what_was_read_is_whole() -> None:
    assert shown.statistics(Statistics(1.0, 2.0, 3.4)) == {"matched": 1, "scanned": 2, "bytes": 3}
    assert shown.cost(1024.0**3, "us-east-1") == {"bytes_scanned": 1024**3, "usd": 0.005}
