"""The suite over every registered system, and a sample: what must hold whatever the rules are.

To record the golden histories again: `python -m processors.core.testing golden PACKAGE FOLDER`.
"""

from pathlib import Path

import pytest

from processors.core.registry import Registry
from processors.core.testing import CHECKS, Check, Subject

GOLDEN = Path(__file__).parent / "golden"


def subject(package: str, name: str, *expected_errors: str) -> Subject:
    return Subject(package, GOLDEN / name.replace(".", "/"), expected_errors)


SUBJECTS = [subject(registered.package, registered.system.name) for registered in Registry()]
SUBJECTS.append(subject("tests.samples.parking", "samples.parking", "a stay cannot be negative"))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_system(subject: Subject, check: Check) -> None:
    check(subject)
