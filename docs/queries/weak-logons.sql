-- Connections below packet integrity, which hardened servers refuse (CVE-2021-26414), and who uses them.
SELECT server, client, auth_type, auth_level, auth_user, sum(calls) AS calls, max(last) AS last
FROM sessions
WHERE auth_level NOT IN ('integrity', 'privacy')
GROUP BY ALL
ORDER BY calls DESC, server, client
