-- Every mean of every evaluation, the newest evaluation first.
SELECT evaluation, made, source, benchmark, mode, method, videos, failed, dropped,
       metric, label, n, unmeasured, mean, low, high
FROM evaluations
ORDER BY made DESC, evaluation, method, metric
