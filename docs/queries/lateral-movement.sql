-- Lateral movement by DCOM: which class was activated where and by whom, and the members called in the same minute.
WITH activations AS (
  SELECT sensor, chain, time, client, server, auth_user, clsid
  FROM calls
  WHERE clsid IS NOT NULL AND NOT failed
)
SELECT a.time, a.client, a.auth_user, a.server, a.clsid,
  list_sort(list_distinct(list(c.interface || '::' || c.method))) AS members
FROM activations a
JOIN calls c
  ON c.sensor = a.sensor AND c.chain = a.chain AND c.client = a.client AND c.server = a.server
  AND c.time BETWEEN a.time AND a.time + INTERVAL 1 MINUTE
GROUP BY ALL
ORDER BY a.time
