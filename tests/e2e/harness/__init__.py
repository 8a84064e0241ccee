"""What the scenarios stand on: kubectl, an independent judge of the cloud, the controller's process, counting, a table."""
