"""The house as a whole: topics, rates, lag, recovery, dead letters, the flow between systems."""
