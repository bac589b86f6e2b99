"""Training runs: the training set is prepared, then the controller is trained."""
