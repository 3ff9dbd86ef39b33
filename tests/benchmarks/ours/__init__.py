"""The project's side of benchmarks that need a separate process."""
