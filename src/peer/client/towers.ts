import type { Interface } from '../../ndr/types.js';
import { NDR20 } from '../../rpc/syntax.js';
import type { Value } from '../../types.js';
import { isBag } from './arguments.js';

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
  for (const floor of list(towers).flatMap((tower) => (isBag(tower) ? list(tower['floors']) : []))) {
    if (isBag(floor) && floor['protocol'] === 'tcp' && typeof floor['port'] === 'number' && floor['port'] > 0)
      return floor['port'];
  }
  return null;
}

function list(value: Value | undefined): readonly Value[] {
  return Array.isArray(value) ? (value as readonly Value[]) : [];
}
