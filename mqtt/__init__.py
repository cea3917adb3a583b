"""The MQTT broker of the deployment: connections to it, and how topics are named."""
