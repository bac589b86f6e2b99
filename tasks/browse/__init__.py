"""`reelflow browse`: a page to look around a corpus, and the JSON that it is made of."""
