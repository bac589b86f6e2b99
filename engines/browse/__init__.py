"""What a page to look around shows of videos: pictures, previews, and a map of vectors."""
