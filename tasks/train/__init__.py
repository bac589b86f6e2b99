"""Training runs: the training set prepared, then the controller trained."""
