"""Workers: what opens tasks and keeps them going, embedded and on a cluster."""
