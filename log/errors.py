"""What can go wrong on a log, as exceptions that say what, where and what to do.

Every backend raises these and no others, so that callers need not know which log they stand on.
"""


class LogError(Exception):
    """Base of everything that a log raises on purpose."""


class UnknownTopic(LogError):
    """A topic (or a partition of it) that does not exist was named."""


class TopicExists(LogError):
    """A topic was created again with another configuration."""


class InvalidConfig(LogError):
    """A setting has a value that means nothing; the message names the setting and its range."""


class OffsetOutOfRange(LogError):
    """A read began below the log start offset (deleted) or beyond the high watermark."""


class CorruptLog(LogError):
    """Stored bytes are not what was written: the message says which file, position and offset.

    Raised where acknowledged records are damaged; a torn tail, which nobody was promised, is
    truncated on opening instead.
    """


class PartitionFenced(LogError):
    """Another writer holds the partition (its process is named), or took it from this one."""


class LogStorageError(LogError):
    """The disk refused: full, read-only, gone. Nothing acknowledged was lost."""


class InvalidRecord(LogError):
    """A record that its topic does not take: too large, or without a key where it is compacted."""


class LogUnavailable(LogError):
    """The log's servers do not answer, or not in time. Trying again may help; the message says
    what is known of what was asked."""


class LogRefused(LogError):
    """The log's servers answered no: a password, a right, a topic that is not refold's. Trying
    again does not help; the message says what to change."""
