"""The measurements: `python -m benchmarks`. Ratios of things measured side by side on one machine; never a test."""
