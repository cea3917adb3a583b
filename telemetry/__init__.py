"""What operators see of the service: the id of each request, and counts of all processes."""
