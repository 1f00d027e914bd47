-- Windows Update errors by host and week.
SELECT date_trunc('week', time) AS week, server, hresult_name AS error, count(*) AS times, min(time) AS first
FROM calls
WHERE failed AND hresult_name LIKE 'WU_%'
GROUP BY ALL
ORDER BY week, times DESC, server, error
