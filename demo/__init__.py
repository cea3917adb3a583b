"""An example client that lists people and screens photographs over HTTP. Start it with `make demo`."""
