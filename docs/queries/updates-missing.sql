-- Which updates are missing where: what a server was told it has not installed, the newest answer for each.
SELECT server, title, severity, max(seen) AS last_seen
FROM updates
WHERE coalesce(installed, 'false') = 'false' AND title IS NOT NULL
GROUP BY ALL
ORDER BY server, title
