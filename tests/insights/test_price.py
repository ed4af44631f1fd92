from __future__ import annotations

import pytest

from chalicelib.insights import price
from chalicelib.insights.price import GB, Dear, Group, Price
from chalicelib.model import DAY

NOW = 1_795_000_001.0
REGION = "us-east-1"


@pytest.mark.parametrize(
    ("group", "start", "end", "share"),
    [
        # A day of what is kept for ten.
        (Group("a", 1000, NOW - 100 * DAY, 10), NOW - DAY, NOW, 100),
        # Kept for ever, and a hundred days old.
        (Group("a", 1000, NOW - 100 * DAY), NOW - DAY, NOW, 10),
        # Kept for thirty days, but there only since ten.
        (Group("a", 1000, NOW - 10 * DAY, 30), NOW - DAY, NOW, 100),
        # All of it, and more.
        (Group("a", 1000, NOW - 10 * DAY, 30), NOW - 40 * DAY, NOW, 1000),
        (Group("a", 1000, NOW - 10 * DAY), NOW - 5 * DAY, NOW + DAY, 500),
        # Before there was anything.
        (Group("a", 1000, NOW - 10 * DAY), NOW - 30 * DAY, NOW - 20 * DAY, 0),
        (Group("a", 1000, NOW - 100 * DAY, 10), NOW - 30 * DAY, NOW - 20 * DAY, 0),
        # Made this second.
        (Group("a", 1000, NOW), NOW - DAY, NOW, 1000),
        (Group("a", 1000, NOW - 600), NOW - DAY, NOW, 1000),
        (Group("a"), NOW - DAY, NOW, 0),
    ],
)
def test_the_window_has_its_share_of_what_is_stored(group: Group, start: float, end: float, share: float) -> None:
    assert price.share(group, start, end, NOW) == pytest.approx(share)


def test_what_arrived_counts_rather_than_what_is_stored() -> None:
    groups = [Group("a", 1000, NOW - 10 * DAY), Group("b", 2000, NOW - 10 * DAY)]
    found = price.estimate(groups, NOW - DAY, NOW, NOW, REGION, {"a": 5 * GB})
    assert found.bytes == pytest.approx(5 * GB + 200)


@pytest.mark.parametrize(("region", "usd"), [("us-east-1", 0.05), ("ap-northeast-1", 0.076), ("eu-west-1", 0.05)])
def test_ten_gigabytes_cost(region: str, usd: float) -> None:
    assert price.of(10 * GB, region).usd == pytest.approx(usd)


def test_more_than_the_budget_is_refused_with_what_it_would_cost() -> None:
    price.check(price.of(20 * GB, REGION), 20, 50)
    with pytest.raises(Dear) as raised:
        price.check(price.of(40 * GB, REGION), 20, 50)
    assert "about 40.0 GB for about $0.20" in str(raised.value)
    assert str(raised.value).endswith(
        "budget_gb in parapet.toml lets one query read 20 GB: ask for a shorter window or fewer log groups, "
        "or insist (force)"
    )


def test_who_insists_may_read_more_and_not_everything() -> None:
    price.check(price.of(50 * GB, REGION), 20, 50, force=True)
    for force, said in ((False, "budget_gb in parapet.toml lets one query read 20 GB"),
                        (True, "force_gb in parapet.toml lets nobody read more than 50 GB")):  # fmt: skip
        with pytest.raises(Dear, match=r"about 51\.0 GB for about") as raised:
            price.check(price.of(51 * GB, REGION), 20, 50, force=force)
        # Nobody is told to do what would be refused, too.
        assert str(raised.value).endswith(f"{said}: ask for a shorter window or fewer log groups")


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 kB"),
        (200 * 1024, "200 kB"),
        (5.5 * GB, "5.5 GB"),
        (9e15, "8381903 GB"),
    ],
)
def test_bytes_are_told(read: float, text: str) -> None:
    assert price.size(read) == text


@pytest.mark.parametrize(("usd", "text"), [(0, "less than $0.01"), (0.056, "$0.06"), (1234.5, "$1,234.50")])
def test_dollars_are_told(usd: float, text: str) -> None:
    assert price.dollars(usd) == text
    assert Price(0, usd).usd == usd
