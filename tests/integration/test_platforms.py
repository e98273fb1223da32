# SPDX-License-Identifier: Apache-2.0
"""Platforms are data: what a node's own profile says is how it is fetched, probed and judged."""
from running import TOP

SHIPPED = TOP / "conf/platforms/amzn2.yaml"
REPOSITORIES = """repositories:
  livepatch: [amzn2extra-livepatch]
  kernel: [amzn2-core, amzn2extra-kernel-*]
"""


def own_profile(node, old, new):
    text = SHIPPED.read_text()
    assert text.count(old) == 1
    (node.root / "etc/klpd/platforms").mkdir(parents=True)
    (node.root / "etc/klpd/platforms/amzn2.yaml").write_text(text.replace(old, new))


def judged(report):
    return {key: report[key] for key in ("compliance", "patches", "held", "coverage", "reboot", "findings", "summary")}


def test_a_repository_of_both_lists_holds_both(node):
    """As on RHEL, where livepatches and kernels come from one repository."""
    apart = node.json("scan")
    own_profile(node, REPOSITORIES, 'repositories: {livepatch: ["amzn2*"], kernel: ["amzn2*"]}\n')
    together = node.json("scan", "--refresh")  # the cache keeps the roles that it was fetched for
    assert {r["role"] for r in apart["repositories"]} == {"livepatch", "kernel"}
    assert {r["role"] for r in together["repositories"]} == {"livepatch"}
    assert judged(together) == judged(apart)


def test_no_repository_of_either_list_is_at_hand(node):
    own_profile(node, REPOSITORIES, "repositories: {livepatch: [elsewhere], kernel: [elsewhere]}\n")
    report = node.json("scan")
    assert [(r["id"], r["status"]) for r in report["repositories"]] == [("elsewhere", "absent")]
    assert report["compliance"]["kernel"] == "UNKNOWN"
    assert "metadata-absent" not in [f["code"] for f in report["findings"]]


def test_a_profile_without_a_service_misses_none(node):
    own_profile(node, "  service: kpatch.service\n", "")
    node.scenario.node.enable_service(enabled=False)
    report = node.json("scan")
    assert report["live_patching"]["enabled"] is True
    assert report["live_patching"]["service"] is None
    assert "kpatch-service-disabled" not in [f["code"] for f in report["findings"]]
