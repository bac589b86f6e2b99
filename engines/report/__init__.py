"""Pages as pure functions: records in, HTML or images out."""
