-- Files of a range of names count as not merged any more.
DELETE FROM merged WHERE path >= $first AND path < $past;
