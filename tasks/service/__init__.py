"""What runs a machine: Prefect's server, worker, schedules, Ray and GPU limits."""
