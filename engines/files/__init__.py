"""Files and URLs: listing them, opening them, and the members of tars."""
