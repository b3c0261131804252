"""What keeps jobs watched: progress, logs, traces, health. Knows nothing of the stages it watches."""
