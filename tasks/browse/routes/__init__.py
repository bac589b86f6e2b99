"""The addresses of the page, one concept a file: thin over the functions that commands use."""
