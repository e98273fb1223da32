# SPDX-License-Identifier: Apache-2.0
"""Makes an Amazon Linux 2 node and its repositories.

    python3 -m klpdtest.demo DIR             make DIR/node and DIR/www
    python3 -m klpdtest.demo DIR --serve     and serve DIR/www on loopback until stopped

Says "ready" in a line of its own when everything is in place.
"""
import argparse
import signal
import sys
import threading

from .al2 import Scenario
from .rpms import ToolFailed
from .server import Server


def main():
    parser = argparse.ArgumentParser(prog="klpdtest.demo", description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--serve", action="store_true", help="serve the repositories until stopped")
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *unused: stop.set())
    try:
        scenario = Scenario(options.folder).make()
    except (ToolFailed, FileNotFoundError) as failed:
        sys.exit(f"klpdtest.demo: {failed}")
    print(f"node          {scenario.node.folder}")
    for repo_id, repo in scenario.repos.items():
        print(f"repository    {repo_id}: {repo.folder.relative_to(scenario.folder)}, "
              f"{len(list(repo.folder.glob('*.rpm')))} packages, {len(repo.notices)} notices")
    if not options.serve:
        print("ready", flush=True)
        return
    with Server(scenario.www) as server:
        scenario.serve_from(server.address)
        print(f"served at     {server.url}")
        print("ready", flush=True)
        stop.wait()


if __name__ == "__main__":
    main()
