"""The backtest: what the service would have said, held against what came of it. Pure, plain Python."""
