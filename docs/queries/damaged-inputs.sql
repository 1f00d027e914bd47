-- What damage there is, by sensor and day.
SELECT sensor, day, file, code, count(*) AS times, any_value(message) AS example
FROM problems
GROUP BY ALL
ORDER BY times DESC, sensor, day, file, code
