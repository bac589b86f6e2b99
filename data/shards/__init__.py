"""Units of work: written lists of items, their receipts, and the stages that own them."""
