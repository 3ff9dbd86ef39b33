"""Our side of benchmarks that need a process of their own."""
