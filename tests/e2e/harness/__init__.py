"""The harness of the scenarios: kubectl, an independent judge of the cloud, the controller's process, request counts, the
report."""
