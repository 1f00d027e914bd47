import type { Endpoint, Flow } from '../types.js';

/** Names of numbers, looked up when a call is shown. */
export interface Names {
  /** Name of an HRESULT, e.g. `S_OK`; null when it has none. */
  hresult(value: number): string | null;
  /** Name of an RPC or nca status. */
  status(value: number): string | null;
  /** Names of the bits of a parameter, `Interface::Method.parameter`, e.g. `a|b`; null where it holds no flags. */
  flags?(parameter: string, value: number): string | null;
  /** Name of an interface or class by its UUID; left out where nobody knows any. */
  uuid?(uuid: string): string | null;
}

/** `10.0.0.5:135`, `[fe80::1]:135`. */
export function endpointText(endpoint: Endpoint): string {
  return endpoint.address.indexOf(':') < 0
    ? `${endpoint.address}:${endpoint.port}`
    : `[${endpoint.address}]:${endpoint.port}`;
}

/** The named pipe that calls go over, as a string binding writes it: `ncacn_np:\pipe\samr`; null where there is none. */
export function transportText({ pipe }: Flow): string | null {
  return pipe === undefined ? null : `ncacn_np${pipe.name === null ? '' : `:${pipe.name}`}`;
}
