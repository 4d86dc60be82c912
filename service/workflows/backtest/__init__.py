"""The backtest: a history is played through the service with the clock of then."""
