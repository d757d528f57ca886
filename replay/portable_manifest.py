"""What an export says of itself: topics, offsets, counts, digests, and the rules behind it.

Of each system whose topics are in it: the rules and the state's schema of the program that wrote
it, and the rules versions that were adopted within its events. An import is told where they differ
from its own: history comes in all the same, and `refold replay verify` goes by it.
"""

import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any

import msgspec

from log.codec import DECODE_ERRORS
from log.errors import InvalidConfig
from log.record import Batch
from log.topic import TopicConfig
from processors.core.messages import RulesAdopted
from processors.core.registry import Registry, UnknownSystem
from processors.core.snapshots import fingerprint
from processors.core.system import System
from replay.portable import ExportedPartition, InvalidExport
from replay.portable_files import ExportFiles

MANIFEST_NAME = "manifest.json"
VERSION = 2
VERSIONS_READ = (1, 2)
"""Version 1 says nothing of systems."""
SEGMENT_NAME = re.compile(r"\d{20}\.log")

_ADOPTED_TAG = b"rules_adopted.v1"


class Segment(msgspec.Struct):
    """One file: its size and the BLAKE2b digest (16 bytes, hexadecimal) of its content."""

    name: str
    bytes: int
    blake2b: str
    records: int


class PartitionFiles(ExportedPartition, kw_only=True):
    """A partition and its files, in order."""

    segments: list[Segment]


class ExportedSystem(msgspec.Struct, kw_only=True):
    """A system as the exporting program had it, and how many records there are of it."""

    rules_version: int
    fingerprint: str
    """Of its rules version and its state's schema, as snapshots have it."""
    rules_adopted: list[int] = []
    """The rules versions adopted within the events, ascending: those that decided them."""
    commands: int = 0
    events: int = 0
    dead_letters: int = 0


class Manifest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is in the export."""

    refold_export: int
    topics: dict[str, TopicConfig]
    partitions: list[PartitionFiles]
    groups: dict[str, list[tuple[str, int, int]]]
    systems: dict[str, ExportedSystem] = {}
    redacted: list[str] = []
    """The fields whose values are replaced."""


def load_manifest(files: ExportFiles) -> Manifest:
    """InvalidExport where there is none, or none that this program reads."""
    path = files.name(MANIFEST_NAME)
    try:
        with files.open(MANIFEST_NAME) as file:
            manifest = msgspec.json.decode(file.read(), type=Manifest)
    except FileNotFoundError:
        raise InvalidExport(
            f"{files.path} has no {MANIFEST_NAME}: it is no export, or one that did not finish"
        ) from None
    except (msgspec.DecodeError, InvalidConfig) as error:
        raise InvalidExport(f"{path}: {error}") from error
    if manifest.refold_export not in VERSIONS_READ:
        raise InvalidExport(
            f"{path}: version {manifest.refold_export}; this program reads versions "
            f"{' and '.join(map(str, VERSIONS_READ))}"
        )
    for one in manifest.partitions:
        for segment in one.segments:
            if not SEGMENT_NAME.fullmatch(segment.name):
                raise InvalidExport(f"{path}: {segment.name!r} is no name of a segment")
    return manifest


def systems_on(registry: Registry | None, topics: Collection[str]) -> list[System]:
    """The registered systems that have commands or events among the topics."""
    found: dict[str, System] = {}
    for topic in topics:
        name, _, kind = topic.rpartition(".")
        if registry is None or kind not in ("commands", "events"):
            continue
        with suppress(UnknownSystem):
            system = registry.find(name).system
            if system.name == name:
                found[name] = system
    return list(found.values())


class SystemsSeen:
    """Collects what a manifest says of systems, as the batches of an export go by."""

    def __init__(self, systems: Collection[System], topics: dict[str, TopicConfig]) -> None:
        self.systems: dict[str, ExportedSystem] = {}
        self._counted: dict[str, tuple[ExportedSystem, str]] = {}
        self._decoders: dict[str, Any] = {}
        for system in systems:
            told = ExportedSystem(
                rules_version=system.rules_version, fingerprint=fingerprint(system)
            )
            self.systems[system.name] = told
            self._counted[system.commands_topic] = told, "commands"
            self._counted[system.events_topic] = told, "events"
            self._counted[system.dead_letters_topic] = told, "dead_letters"
            if system.events_topic in topics:
                codec = system.event_codec(topics[system.events_topic])
                self._decoders[system.events_topic] = codec.decode

    def see(self, topic: str, batch: Batch) -> None:
        """A batch that is exported."""
        if topic not in self._counted:
            return
        told, kind = self._counted[topic]
        setattr(told, kind, getattr(told, kind) + batch.count)
        decode = self._decoders.get(topic)
        if decode is None or not (batch.is_compressed or _ADOPTED_TAG in batch.buffer):
            return
        for record in batch:
            if _ADOPTED_TAG not in (record.value or b""):
                continue
            with suppress(*DECODE_ERRORS):  # what nothing reads adopts nothing
                event = decode(record.value)
                if type(event) is RulesAdopted:
                    told.rules_adopted = sorted({*told.rules_adopted, event.version})


def differences_of(manifest: Manifest, registry: Registry | None) -> Iterator[str]:
    """A line for each system that this program has not as the exporting one had it."""
    if registry is None:
        return
    here = {system.name: system for system in systems_on(registry, manifest.topics)}
    for name, told in manifest.systems.items():
        system = here.get(name)
        if system is None:
            yield f"{name}: this program has no such system, so nothing here can decide it"
        elif system.rules_version != told.rules_version:
            yield (
                f"{name}: exported by rules {told.rules_version}, and this program has rules "
                f"{system.rules_version}: what other rules decided is folded, and not compared"
            )
        elif fingerprint(system) != told.fingerprint:
            yield (
                f"{name}: the schema of its state is not the one that it was exported with, under "
                f"the same rules version {system.rules_version}: it may decide differently"
            )
    if manifest.redacted:
        yield f"redacted when it was exported: {', '.join(manifest.redacted)}"
