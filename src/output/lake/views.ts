/** A view over the tables of a lake, in SQL of DuckDB. */
export interface View {
  readonly name: string;
  readonly is: string;
  readonly sql: string;
}

/** Interfaces whose getters tell what an update is. */
const UPDATE = "regexp_full_match(interface, 'I(WindowsDriver)?Update[2-5]?')";

/** A property of an update as a column: what the last call for it returned. */
function property(method: string, name: string): string {
  return `max_by(retval, time) FILTER (WHERE method = '${method}') AS ${name}`;
}

/** Views that people ask for, beside the tables. */
export const VIEWS: readonly View[] = [
  {
    name: 'failed_calls',
    is: 'calls that failed, with the result in one column',
    sql: `SELECT day, sensor, time, client, server, auth_user, interface, method,
  coalesce(hresult_name, hresult, fault_name, fault) AS result, exception_description, refused,
  object, arguments, latency_ns, chain, id, file, frame
FROM calls WHERE failed`,
  },
  {
    name: 'slow',
    is: 'calls that took a second or longer, the slowest first',
    sql: `SELECT day, sensor, time, latency_ns / 1e9 AS seconds, client, server, auth_user, interface, method, outcome,
  coalesce(hresult_name, hresult, fault_name, fault) AS result, arguments, chain, id, file, frame
FROM calls WHERE latency_ns >= 1000000000 ORDER BY latency_ns DESC`,
  },
  {
    name: 'sessions',
    is: 'connections: who talked to whom, from when to when, how much',
    sql: `SELECT sensor, chain, flow, any_value(client) AS client, any_value(client_port) AS client_port,
  any_value(server) AS server, any_value(server_port) AS server_port, any_value(community_id) AS community_id,
  max(auth_user) AS auth_user, max(auth_type) AS auth_type, max(auth_level) AS auth_level,
  min(time) AS first, max(time) AS last, count(*) AS calls, count(*) FILTER (WHERE failed) AS failed
FROM calls GROUP BY sensor, chain, flow`,
  },
  {
    name: 'logons',
    is: 'logons, with client and server of the connection where calls followed',
    sql: `SELECT s.day, s.sensor, s.time, s.mechanism, s.domain, s.user_name, s.workstation, s.target, s.secret, s.mic,
  c.client, c.server, c.server_port, c.calls, s.chain, s.flow, s.file, s.frame
FROM security s LEFT JOIN sessions c ON c.sensor = s.sensor AND c.chain = s.chain AND c.flow = s.flow`,
  },
  {
    name: 'updates',
    is: 'updates as clients read them, a row each: what the getters of an update object returned',
    sql: `WITH read AS (
  SELECT sensor, chain, server, object, min(time) AS seen, any_value(client) AS client,
    ${property('Title', 'title')}, ${property('Identity', 'identity')}, ${property('MsrcSeverity', 'severity')},
    ${property('IsInstalled', 'installed')}, ${property('IsDownloaded', 'downloaded')},
    ${property('IsHidden', 'hidden')}, ${property('IsMandatory', 'mandatory')},
    ${property('RebootRequired', 'reboot_required')}, ${property('MaxDownloadSize', 'max_download_size')},
    ${property('LastDeploymentChangeTime', 'last_change')}
  FROM calls WHERE ${UPDATE} AND object IS NOT NULL AND NOT failed
  GROUP BY sensor, chain, server, object
), ids AS (
  SELECT sensor, chain, server, object, ${property('UpdateID', 'update_id')}, ${property('RevisionNumber', 'revision')}
  FROM calls WHERE interface = 'IUpdateIdentity' AND object IS NOT NULL GROUP BY sensor, chain, server, object
)
SELECT r.sensor, r.seen, r.client, r.server, i.update_id, i.revision, r.title, r.severity, r.installed, r.downloaded,
  r.hidden, r.mandatory, r.reboot_required, r.max_download_size, r.last_change, r.object, r.chain
FROM read r LEFT JOIN ids i
  ON i.sensor = r.sensor AND i.chain = r.chain AND i.server = r.server AND i.object = r.identity`,
  },
];
