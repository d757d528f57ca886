"""Verifications as JUnit XML, which CI systems show: a suite a system, a case a partition.

Verifications come in; bytes of XML go out. A difference is the case's failure, with its text; a
partition of which nothing could be compared is skipped, so that nobody takes it for checked.
"""

import re
from collections.abc import Callable, Sequence
from itertools import groupby
from xml.etree import ElementTree

import msgspec

from replay.verify import Verification

NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped."""


def junit_of(
    verifications: Sequence[Verification], text_of: Callable[[Verification], str]
) -> bytes:
    """The report. `text_of` gives the text of a verification's difference."""
    root = ElementTree.Element("testsuites", name="refold replay verify")
    for system, of_system in groupby(verifications, key=lambda each: each.system):
        suite = ElementTree.SubElement(root, "testsuite", name=system)
        for verification in of_system:
            _add_case(suite, verification, text_of)
        for element in (suite, root):
            _count(element)
    ElementTree.indent(root)
    report: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return report + b"\n"


def _add_case(
    suite: ElementTree.Element,
    verification: Verification,
    text_of: Callable[[Verification], str],
) -> None:
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=verification.system,
        name=f"partition {verification.partition}",
    )
    properties = ElementTree.SubElement(case, "properties")
    for name, value in msgspec.structs.asdict(verification).items():
        if isinstance(value, int):
            ElementTree.SubElement(properties, "property", name=name, value=str(value))
    if verification.difference is not None:
        lines = NOT_IN_XML.sub("�", text_of(verification))
        failure = ElementTree.SubElement(
            case, "failure", type="difference", message=lines.partition("\n")[0]
        )
        failure.text = lines
    elif not verification.commands_compared:
        ElementTree.SubElement(
            case, "skipped", message="no command here was decided by today's rules"
        )


def _count(element: ElementTree.Element) -> None:
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped")):
        element.set(name, str(sum(1 for _ in element.iter(tag))))
    element.set("errors", "0")
