"""Networks that a deployment brings along: described in the file that FACEAPP_NETWORKS names (docs/engines.md)."""
