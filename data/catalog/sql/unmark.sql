DELETE FROM merged WHERE path >= $first AND path < $past;
