"""One WebSocket for commands and live queries of all systems, and the streams of events."""
