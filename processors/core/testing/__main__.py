"""`python -m processors.core.testing golden PACKAGE FOLDER` records a golden history again;
`... fingerprint PACKAGE SEED COMMANDS` prints a hash of what a flow leads to."""

import sys
from pathlib import Path

from processors.core.testing.golden import record_golden_history
from processors.core.testing.subject import Subject, fingerprint

match sys.argv[1:]:
    case ["golden", package, folder]:
        record_golden_history(Subject(package, Path(folder)))
    case ["fingerprint", package, seed, commands]:
        print(fingerprint(package, int(seed), int(commands)))
    case _:
        sys.exit(__doc__)
