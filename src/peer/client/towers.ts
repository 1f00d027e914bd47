import type { Interface } from '../../ndr/types.js';
import { NDR20 } from '../../rpc/syntax.js';
import type { Value } from '../../types.js';
import { asList, asRecord } from '../../ndr/value.js';

/** Towers asked of an endpoint mapper at once. */
export const MAX_TOWERS = 4;

/**
 * The protocol tower of an interface over TCP and NDR, its port and address open ([C706] appendix I, [MS-RPCE]
 * 2.2.1.1.2).
 */
export function towerOf({ uuid, version }: Pick<Interface, 'uuid' | 'version'>): Value {
  return {
    floors: [
      { protocol: 'uuid', uuid, version: `${version.major}.${version.minor}` },
      { protocol: 'uuid', uuid: NDR20.uuid, version: `${NDR20.major}.${NDR20.minor}` },
      { protocol: 'ncacn', data: '0000' },
      { protocol: 'tcp', port: 0 },
      { protocol: 'ip', address: '0.0.0.0' },
    ],
  };
}

/** The first TCP port in the towers of an ept_map's answer, or null. */
export function towerPort(towers: Value): number | null {
  for (const floor of asList(towers).flatMap((tower) => asList(asRecord(tower)['floors']))) {
    const { protocol, port } = asRecord(floor);
    if (protocol === 'tcp' && typeof port === 'number' && port > 0) return port;
  }
  return null;
}
