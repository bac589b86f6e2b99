"""Files wherever they lie: listing them, opening them, and the members of tars."""
