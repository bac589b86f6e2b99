"""Order, parameters and concurrency of the stages; the command line."""
