"""Where a list goes on: page by page to its end, and by no token but those that were given out."""

from __future__ import annotations

import pytest

from local import pages


@pytest.mark.parametrize(("many", "sizes"), [(0, [0]), (2, [2]), (3, [3]), (4, [3, 1]), (6, [3, 3]), (7, [3, 3, 1])])
def test_each_of_a_list_is_on_one_page(many: int, sizes: list[int]) -> None:
    seen: list[list[int]] = []
    token = "start"
    while token:
        first = pages.place("" if token == "start" else token)
        assert first is not None
        page, token = pages.page(range(many), first, 3)
        seen.append(list(page))
    assert [len(page) for page in seen] == sizes
    assert [one for page in seen for one in page] == list(range(many))


@pytest.mark.parametrize("token", ["nonsense", "3", "?", "dG8gMTI=", "ZnJvbQ==", "ZnJvbSB4", "/w=="])
def test_a_token_that_was_not_given_out_stands_for_no_place(token: str) -> None:
    assert pages.place(token) is None
