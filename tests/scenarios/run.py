#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Replays the scenarios: what evaluation must answer about a node, and why.

    tests/scenarios/run.py [PATTERN...]

Each folder with an expected.json beside this file is one (README.md says what is in it). Without
patterns all are run. One TAP line per scenario, the differences below what failed, and a last line
"N passed, N failed". KLPD_BUILD names the folder of the programs (build).
"""
import fnmatch
import json
import os
import pathlib
import re
import subprocess
import sys

import jsonschema

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
BUILD = (TOP / os.environ.get("KLPD_BUILD", "build")).resolve()
TIMEOUT = 60
SCHEMA = jsonschema.Draft7Validator(json.loads((TOP / "docs/klpd.report-1.schema.json").read_text()))


class Failed(Exception):
    """The program refused: status and sentence."""

    def __init__(self, status, message):
        super().__init__(f"status {status}: {message}")
        self.answer = {"status": status, "message": message}


def execute(argv, request=""):
    """Returns (status, output, errors)."""
    done = subprocess.run(argv, input=request, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=TIMEOUT, check=False, env=dict(os.environ, LC_ALL="C"))
    return done.returncode, done.stdout, done.stderr


def by_klpctl(folder, as_of, config):
    argv = [BUILD / "klpctl", "evaluate", folder / "snapshot.json", f"--baseline={folder / 'baseline.yaml'}",
            f"--as-of={as_of}", "--json=short"] + ([f"--config={config}"] if config else [])
    status, out, errors = execute(argv)
    if status != 0:
        raise Failed(status, errors.strip() or out.strip())
    return json.loads(out)


def by_worker(folder, as_of, config):
    request = {"snapshot": str(folder / "snapshot.json"), "baseline": str(folder / "baseline.yaml"),
               "as_of": as_of, "config": str(config) if config else None}
    status, out, errors = execute([BUILD / "klpd-worker", "evaluate"], json.dumps(request))
    answer = json.loads(out.strip().splitlines()[-1]) if out.strip() else {}
    if status != 0 or "report" not in answer:
        raise Failed(status, answer.get("error", {}).get("message", errors.strip()))
    return answer["report"]


def evaluate(folder):
    """The report, the way a user gets it; the worker alone where the rest is not built."""
    config = folder / "config.yaml"
    run = by_klpctl if (BUILD / "klpctl").exists() and (BUILD / "klpd").exists() else by_worker
    return run(folder, (folder / "now").read_text().strip(), config if config.exists() else None)


def text_matches(expected, actual):
    """A star in an expected text stands for any text; alone it stands for anything that is there."""
    if not isinstance(actual, str):
        return expected == "*"
    return re.fullmatch(".*".join(map(re.escape, expected.split("*"))), actual, re.DOTALL) is not None


def finding_matches(expected, finding):
    wanted = {"code": expected} if isinstance(expected, str) else expected
    return not list(differences(wanted, finding, ""))


def findings_differences(expected, findings):
    for wanted in expected.get("present", []):
        if not any(finding_matches(wanted, f) for f in findings):
            yield f"findings: none is {json.dumps(wanted)}; there are {[f['code'] for f in findings]}"
    for unwanted in expected.get("absent", []):
        for finding in findings:
            if finding_matches(unwanted, finding):
                yield f"findings: {json.dumps(finding)} must not be there"


def brief(items):
    """What is in an array, one word or title each."""
    return ", ".join(str(i.get("title") or i.get("code") or i.get("name") or i.get("id"))
                     if isinstance(i, dict) else json.dumps(i) for i in items) or "nothing"


def differences(expected, actual, where):
    """What of @expected is not in @actual. Arrays are compared in full length."""
    if isinstance(expected, str):
        if not text_matches(expected, actual):
            yield f"{where}: {json.dumps(actual)}, expected {json.dumps(expected)}"
    elif isinstance(expected, dict) and isinstance(actual, dict):
        for key, value in expected.items():
            place = f"{where}.{key}".lstrip(".")
            if place == "findings" and isinstance(value, dict):
                yield from findings_differences(value, actual["findings"])
            elif key not in actual:
                yield f"{place}: not there, expected {json.dumps(value)}"
            else:
                yield from differences(value, actual[key], place)
    elif isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            yield f"{where}: {len(actual)} instead of {len(expected)}: {brief(actual)}"
        for i, (one, other) in enumerate(zip(expected, actual)):
            yield from differences(one, other, f"{where}[{i}]")
    elif expected != actual or isinstance(expected, bool) != isinstance(actual, bool):
        yield f"{where}: {json.dumps(actual)}, expected {json.dumps(expected)}"


def problems(folder):
    expected = json.loads((folder / "expected.json").read_text())
    try:
        report = evaluate(folder)
    except Failed as failed:
        if "error" in expected:
            return list(differences(expected["error"], failed.answer, "error"))
        return [str(failed)]
    if "error" in expected:
        return ["evaluation succeeded, expected an error"]
    invalid = [f"schema: {'/'.join(map(str, e.path))}: {e.message}" for e in SCHEMA.iter_errors(report)]
    return invalid + list(differences(expected, report, ""))


def show(number, folder):
    """Runs one scenario; true if it passed."""
    try:
        found = problems(folder)
    except (OSError, ValueError, KeyError, subprocess.TimeoutExpired) as broken:
        found = [f"{type(broken).__name__}: {broken}"]
    print(f"{'not ok' if found else 'ok'} {number} - {folder.name}")
    if found:
        print("\n".join("#   " + line for line in [(folder / "about").read_text().strip()] + found))
    return not found


def main():
    patterns = sys.argv[1:] or ["*"]
    names = [name for name in sorted(f.parent.name for f in HERE.glob("*/expected.json"))
             if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)]
    print(f"1..{len(names)}")
    passed = [show(i, HERE / name) for i, name in enumerate(names, 1)]
    print(f"{passed.count(True)} passed, {passed.count(False)} failed")
    return 0 if passed and all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
