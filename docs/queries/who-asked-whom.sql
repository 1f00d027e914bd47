-- Who asked which machine for what: clients and their users, by server and member.
SELECT client, auth_user, server, interface, method, count(*) AS calls, min(time) AS first, max(time) AS last
FROM calls
WHERE interface LIKE 'IUpdate%'
GROUP BY ALL
ORDER BY calls DESC, client, server, interface, method
