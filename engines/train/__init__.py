"""Training: the loop, the training set, and the controller that is trained on it."""
