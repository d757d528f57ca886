"""The Kafka backend: a log on a real cluster, through confluent-kafka (librdkafka)."""

from log.backends.kafka.log import KafkaLog

__all__ = ["KafkaLog"]
