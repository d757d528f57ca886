"""The images of the servers that tests start: the one place where they are named.

The environment overrides each, for another version or a registry of your own.
"""

import os

KAFKA_IMAGE = os.environ.get("KAFKA_IMAGE", "apache/kafka:4.1.0")
POSTGRES_IMAGE = os.environ.get("POSTGRES_IMAGE", "postgres:15")
