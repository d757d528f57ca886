"""The file backend: a log in a folder, in Kafka's own segment and index format."""

from log.backends.file.frozen import BrokerPartition, open_broker_folder
from log.backends.file.log import FileLog
from log.backends.file.partition import FilePartition

__all__ = ["BrokerPartition", "FileLog", "FilePartition", "open_broker_folder"]
