"""An example of a client: lists people and screens photographs, over HTTP alone. Start it with `make demo`."""
