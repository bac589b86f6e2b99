"""What people see of a run in Prefect's UI."""
