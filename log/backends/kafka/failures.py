"""What a broker or its client says went wrong, as the log's own errors.

Three kinds matter to a worker: what passes when one tries again (LogUnavailable), what means that
a successor has the partition (PartitionFenced), and what stays wrong until a person acts.
"""

from confluent_kafka import KafkaError, KafkaException

from log.errors import (
    InvalidConfig,
    InvalidRecord,
    LogError,
    LogRefused,
    LogUnavailable,
    PartitionFenced,
    TopicExists,
    UnknownTopic,
)

FENCED = frozenset(
    {
        KafkaError._FENCED,
        KafkaError._FATAL,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.PRODUCER_FENCED,
    }
)
AWAY = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TRANSPORT,
        KafkaError._TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._MSG_TIMED_OUT,
        KafkaError._RESOLVE,
        KafkaError._WAIT_COORD,
        KafkaError._RETRY,
        KafkaError._NOENT,  # no leader is known
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.KAFKA_STORAGE_ERROR,
        KafkaError.NOT_CONTROLLER,
        KafkaError.THROTTLING_QUOTA_EXCEEDED,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.NOT_ENOUGH_REPLICAS,
        KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        KafkaError.CONCURRENT_TRANSACTIONS,
    }
)
UNKNOWN = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.UNKNOWN_TOPIC_ID,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
    }
)
INVALID = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_RECORD,
    }
)
ADVICE = {
    KafkaError._AUTHENTICATION: "check the user name, the password and the SASL mechanism",
    KafkaError.SASL_AUTHENTICATION_FAILED: (
        "check the user name, the password and the SASL mechanism"
    ),
    KafkaError.UNSUPPORTED_SASL_MECHANISM: "choose a sasl.mechanism that the broker offers",
    KafkaError.ILLEGAL_SASL_STATE: "the broker wants SASL: use kafka+sasl:// or kafka+sasl+ssl://",
    KafkaError._SSL: "check ssl.ca.location, and that this port of the broker speaks TLS",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: (
        "the user lacks a right on the topic: docs/operations.md lists those that refold needs"
    ),
    KafkaError.GROUP_AUTHORIZATION_FAILED: (
        "the user lacks a right on the consumer group: docs/operations.md lists those that "
        "refold needs"
    ),
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: (
        "the user lacks a right on the transactional id: docs/operations.md lists those that "
        "refold needs"
    ),
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: (
        "the user lacks a right on the cluster: docs/operations.md lists those that refold needs"
    ),
    KafkaError.INVALID_REPLICATION_FACTOR: (
        "the cluster has fewer brokers than the replication factor: set the brokers' "
        "default.replication.factor"
    ),
    KafkaError.POLICY_VIOLATION: "the cluster's policy forbids it",
    KafkaError.INVALID_TRANSACTION_TIMEOUT: "raise the brokers' transaction.max.timeout.ms",
    KafkaError._UNSUPPORTED_FEATURE: "the brokers are too old for it",
}
LASTING = UNKNOWN | INVALID | ADVICE.keys()
"""What is the same however often one tries."""


def reason_of(error: Exception) -> KafkaError | None:
    """The client's error within an exception, where it holds one."""
    if isinstance(error, KafkaException) and error.args:
        reason = error.args[0]
        if isinstance(reason, KafkaError):
            return reason
    return None


def failure(reason: KafkaError | Exception | None, what: str) -> LogError:
    """The log's error for what was being done: `what` names the thing and the place."""
    if isinstance(reason, Exception):
        known = reason_of(reason)
        if known is None:
            return LogRefused(f"{what}: {reason}")
        reason = known
    if reason is None:
        return LogUnavailable(f"{what}: no answer in time")
    code, text = reason.code(), f"{what}: {reason.str()}"
    if code in FENCED:
        return PartitionFenced(f"{what}: a successor has taken over")
    if code in AWAY:
        return LogUnavailable(f"{text}. Is the broker running, and reachable from here?")
    if code in UNKNOWN:
        return UnknownTopic(text)
    if code in INVALID:
        return InvalidRecord(text)
    if code == KafkaError.TOPIC_ALREADY_EXISTS:
        return TopicExists(text)
    if code in (KafkaError.INVALID_CONFIG, KafkaError._INVALID_ARG, KafkaError.TOPIC_EXCEPTION):
        return InvalidConfig(text)
    advice = ADVICE.get(code)
    return LogRefused(f"{text}: {advice}" if advice else text)
