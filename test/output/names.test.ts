import { describe, expect, it } from 'vitest';
import { shared } from '../support/shared.js';
import { Player, sessionOf } from '../tui/support.js';
import { command, reportOf, shipped } from './report/support.js';

const SESSION = shipped('wua-session.pcapng');
const ACTIVATION = 'RemoteCreateInstance(UpdateSession for IUpdateSession3) → IUpdateSession3#1';

describe('an activation', () => {
  it('shows its class and its interfaces in every part of the report', async () => {
    const report = await reportOf(SESSION);
    const lines = [...report.sessions.flatMap((one) => one.steps), ...report.calls]
      .map((one) => one.text)
      .filter((text) => text.includes('RemoteCreateInstance'));
    expect(new Set(lines)).toEqual(new Set([`IRemoteSCMActivator::${ACTIVATION}`]));
    expect(lines.length).toBeGreaterThan(1);
  });

  it('shows them in the list of the terminal analyzer', () => {
    const row = new Player(sessionOf('wua-session.pcapng'), 160, 30)
      .screen()
      .split('\n')
      .find((line) => line.includes('RemoteCreateInstance'));
    expect(row).toMatch(/RemoteCreateInstance\(UpdateSession for IUpdateSession3\) → IUpdateSes/);
  });

  it('has the bits of its context by name', async () => {
    const { out } = await command('decode', SESSION, '--format', 'tree', '--limit', '2');
    expect(out).toMatch(/classCtx: CLSCTX = 20 {2}\(CLSCTX_LOCAL_SERVER \| CLSCTX_REMOTE_SERVER\)/);
  });
});

describe('interfaces that are asked for', () => {
  it('are shown by name where they have one', async () => {
    const { out } = await command('decode', SESSION, '--where', 'method == "RemQueryInterface"');
    expect(out).toContain('iids=[IUpdate5])');
  });

  const wmi = shared('captures/kerberos135-activation.pcapng', 'names of well-known interfaces in labels');
  it.skipIf(wmi === null)('name the objects that have them, though no table decodes their calls', async () => {
    const { out, err } = await command('decode', wmi ?? '');
    expect(out).toContain('(WbemLevel1Login for IWbemLevel1Login) → IWbemLevel1Login#1');
    expect(err).toContain('closed: IWbemLevel1Login#1;');
  });

  const mmc = shared('captures/mmc20-application.pcap', 'names of interfaces that are probed for');
  it.skipIf(mmc === null)('keep their number where nobody knows a name', async () => {
    const { out } = await command('decode', mmc ?? '', '--where', 'method == "RemQueryInterface"');
    expect(out).toContain('iids=[IManagedObject])');
    expect(out).toContain('iids=["b196b28f-bab4-101a-b69c-00aa00341d07"])');
  });
});
