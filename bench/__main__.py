"""`make bench`: every measurement, one after the other; ends with exit code 1 where one is over its limit."""

import subprocess
import sys

SUBJECTS = ("layout", "import_plate", "replace", "bulk", "sandbox")


def main() -> int:
    """Run each subject in a process of its own, so that none measures what another left in memory."""
    failed = []
    for subject in SUBJECTS:
        print(f"== {subject}", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{subject}"], check=False).returncode:
            failed.append(subject)
    if failed:
        print(f"over the limit, or broken: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
