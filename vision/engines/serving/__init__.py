"""Networks that TensorFlow Serving runs. Only the export imports TensorFlow, and runs in a command."""
