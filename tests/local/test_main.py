"""`make up`, before it starts anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.__main__ import chosen_ports


def test_its_ports_are_those_of_the_environment_or_the_usual_ones() -> None:
    assert chosen_ports({}) == [4566, 4567, 4568]
    assert chosen_ports({"PARAPET_PORT": "", "PARAPET_API_PORT": "65535"}) == [4566, 4567, 65535]


@pytest.mark.parametrize("port", ["notaport", "0", "65536", "-1", "4566.0", "٤", "1" * 30])
def test_what_is_no_port_is_named(port: str) -> None:
    with pytest.raises(ValueError, match=r"^PARAPET_INBOX_PORT is .*: write a port from 1 to 65535"):
        chosen_ports({"PARAPET_INBOX_PORT": port})


def test_two_of_the_same_are_named() -> None:
    with pytest.raises(ValueError, match=r"^PARAPET_PORT and PARAPET_API_PORT are both 4568: each needs"):
        chosen_ports({"PARAPET_PORT": "4568"})


def test_it_says_so_in_a_line_and_ends() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "local"], env={**os.environ, "PARAPET_PORT": "notaport"}, text=True,
        capture_output=True, check=False, timeout=60, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (1, "")
    assert (
        ended.stderr == "make up: PARAPET_PORT is 'notaport': write a port from 1 to 65535, such as PARAPET_PORT=4566\n"
    )
