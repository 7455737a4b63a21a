"""`make bench`: every measurement, one after the other; ends with exit code 1 where one is over its limit.

`python -m bench sandbox layout` measures only these.
"""

import argparse
import subprocess
import sys

SUBJECTS = ("start", "layout", "reading", "import_plate", "replace", "bulk", "proof", "memory", "sandbox")


def main() -> int:
    """Run each subject in a process of its own, so that none measures what another left in memory."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure how fast and how large things are.")
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=", ".join(SUBJECTS))
    chosen = parser.parse_args().subjects or SUBJECTS
    if unknown := [subject for subject in chosen if subject not in SUBJECTS]:
        parser.error(f"no such subject: {', '.join(unknown)} (there are {', '.join(SUBJECTS)})")
    failed = []
    for subject in chosen:
        print(f"== {subject}", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{subject}"], check=False).returncode:
            failed.append(subject)
    if failed:
        print(f"over the limit, or broken: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
