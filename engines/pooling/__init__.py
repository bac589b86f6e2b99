"""Ways of making one vector of a video's frame vectors; each file here is one."""
