"""Motion features of a corpus's clips: their stage, and the training of MotionRAG on them."""
