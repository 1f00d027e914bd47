import { describe, expect, it } from 'vitest';
import { GivenSecrets } from '../../src/pipeline/given-secrets.js';
import type { GivenSecret } from '../../src/security/secrets.js';
import type { SecurityRecord } from '../../src/types.js';

const KERBEROS: SecurityRecord = {
  kind: 'security',
  flow: 1,
  frame: 14,
  contextId: 0,
  mechanism: 'kerberos',
  user: '',
  domain: '',
  workstation: '',
  target: 'cifs/host',
  flags: 0,
  time: null,
  version: null,
  ticket: null,
  secret: 'unknown',
  mic: null,
};

/** What is told at the end of a capture with one session of Kerberos whose ticket stayed closed. */
function told(option: GivenSecret['option'], user: string | null, clients: readonly string[]): readonly string[] {
  const given = new GivenSecrets({ given: [{ option, user }], closedClients: new Set(clients) });
  given.push(KERBEROS);
  return given.unused().map(({ message }) => message);
}

describe('a secret for a Kerberos session that stayed closed', () => {
  it.each(['root', 'ROOT@CONTOSO.TEST', 'LAB\\root', null])('was tried: %s', (user) => {
    expect(told('--password', user, ['root@CONTOSO.TEST'])).toEqual([]);
  });

  it('of somebody else is told with who logs on', () => {
    expect(told('--password', 'bob', ['root@CONTOSO.TEST'])).toEqual([
      '--password bob: no session of bob; seen: root@CONTOSO.TEST',
    ]);
    expect(told('--keytab', null, ['root@CONTOSO.TEST'])).toEqual([
      '--keytab: none of its keys opens a ticket of this capture; seen: root@CONTOSO.TEST',
    ]);
  });

  it('is not said to have met nobody where the client is in the ticket alone', () => {
    expect(told('--password', 'bob', [])).toEqual([
      '--password bob: no session of bob; who logs on stands in Kerberos tickets that stayed closed',
    ]);
  });
});
