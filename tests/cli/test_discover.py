"""`discover` at the terminal: text for the settings, and nothing that is there already."""

from __future__ import annotations

import tomllib

from tests.cli.terminal import Terminal


def balancer(terminal: Terminal) -> str:
    """Make a load balancer with the tag, and return what CloudWatch calls it."""
    subnets = terminal.account.client("ec2").describe_subnets()["Subnets"][:2]
    made = terminal.account.client("elbv2").create_load_balancer(
        Name="shop", Subnets=[one["SubnetId"] for one in subnets], Tags=[{"Key": "team", "Value": "shop"}]
    )
    return str(made["LoadBalancers"][0]["LoadBalancerArn"].split(":loadbalancer/")[1])


def test_proposes_what_is_there_and_leaves_out_what_is_watched(terminal: Terminal) -> None:
    name = balancer(terminal)
    told = terminal.json("discover", "--tag", "team")
    [service] = tomllib.loads(told["toml"])["services"]
    assert (service["name"], service["entry"]) == ("shop", {"kind": "alb", "load_balancer": name})
    assert "# shop: tag team=shop" in told["toml"]
    assert (told["services"], told["unread"]) == (["shop"], [])
    terminal.settings(told["toml"])
    out = terminal.out("discover", "--tag", "team")
    assert out == (
        "Nothing new: no load balancer, API or distribution, and nothing with the tag team, beyond what parapet.toml "
        "has.\n"
    )
