"""Units of work: lists of items, their receipts, and the stages that own them."""
