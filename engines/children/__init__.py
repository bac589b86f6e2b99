"""Child processes that decode, and can be ended: the guard and what it is made of."""
