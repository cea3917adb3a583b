"""Services of other vendors for tests: their protocols on loopback, with real recognition behind them."""
