"""Reading video: containers, which frames are wanted, seeking to them, pictures of one size."""
