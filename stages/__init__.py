"""The work of the pipeline: one module per artifact, plus the tools they share. Knows no orchestrator."""
