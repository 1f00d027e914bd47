import { walkRecords } from '../ndr/value.js';
import type { Endpoint, Value } from '../types.js';

/** ncacn_ip_tcp, as a tower id ([MS-DCOM] 2.2.19.3). */
const TCP = 7;
/** A port behind a host, `192.0.2.9[49668]` ([MS-DCOM] 2.2.19.3), or in a binding of the endpoint mapper. */
const WITH_PORT = /^(?:ncacn_ip_tcp:)?(.*)\[(\d{1,5})\]$/;

/**
 * Ports that an answer tells its client to connect to: the string bindings of an exporter ([MS-DCOM] 2.2.19.3) and the
 * towers of the endpoint mapper. The host is as it was written, a name or an address, empty where it is left out.
 */
export function endpointsIn(answer: Value): readonly Endpoint[] {
  const found: Endpoint[] = [];
  walkRecords(answer, (record) => {
    const { towerId, networkAddr, binding } = record;
    const text = towerId === TCP ? networkAddr : binding;
    const match = typeof text === 'string' ? WITH_PORT.exec(text) : null;
    const port = Number(match?.[2] ?? 0);
    if (match !== null && port > 0 && port < 65_536 && found.length < MAX_ENDPOINTS)
      found.push({ address: match[1] ?? '', port });
    return true;
  });
  return found;
}

/** Endpoints taken from one answer: a server has a few addresses, and one port a process. */
export const MAX_ENDPOINTS = 64;

/** The OXID that a resolution asks for ([MS-DCOM] 3.1.2.5.1.1), or null. */
export function oxidIn(request: Value): string | null {
  return textIn(request, 'pOxid');
}

/** The first text that stands under a name anywhere in a value, or null. */
export function textIn(value: Value, name: string): string | null {
  let found: string | null = null;
  walkRecords(value, (record) => {
    const text = record[name];
    if (found === null && typeof text === 'string') found = text;
    return found === null;
  });
  return found;
}
