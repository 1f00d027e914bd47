import type { Rule } from '../../src/ndr/types.js';

/** What every DCOM call has to hold to, whatever its interface. */
export const dcomRules: readonly Rule[] = [
  {
    name: 'ndr-only',
    severity: 'warning',
    section: '2.2',
    on: ['**'],
    check: { kind: 'transfer', only: 'ndr20' },
    message:
      '{method} is sent in {value}: DCOM must support the NDR transfer syntax only, and its servers refuse others',
  },
  {
    name: 'auth-level',
    severity: 'warning',
    section: '3.2.4.1.1.2',
    on: ['**'],
    check: { kind: 'auth-level', least: 'integrity' },
    message:
      'calls of this connection have authentication level "{value}", below packet integrity: servers hardened against CVE-2021-26414 refuse them, and anyone on the way can change them',
  },
  {
    name: 'unknown-hresult',
    severity: 'warning',
    section: null,
    on: ['**'],
    check: { kind: 'unknown-hresult' },
    message:
      "{method} failed with {value}, which no table names, and which is not marked as the server's own (customer bit)",
  },
  {
    name: 'not-used-on-wire',
    severity: 'error',
    section: null,
    on: ['**'],
    check: { kind: 'hidden' },
    message: '{method} is kept off the wire: a client must not send it',
  },
];
