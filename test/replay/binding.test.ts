import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { differences, record, replay, type CompareResult, type RecordingRecord } from '../../src/index.js';
import { playRecording } from '../../src/io/play.js';
import { NO_RULES } from '../../replay/compare/rules.js';
import { ROOT } from '../support/shared.js';
import { agent, sample as model } from '../peer/client/support.js';
import { registry } from './support.js';

// A late-bound session of impacket's client, as the package ships it; and the early-bound one that its replay makes.
const late = await record(join(ROOT, 'captures/sessions/impacket-privacy.pcapng'), undefined, {
  secrets: { passwords: [{ user: 'alice', password: 'secret' }] },
});

async function withAgent<T>(use: (port: number) => Promise<T>, changed = model): Promise<T> {
  const serving = await agent({ model: changed });
  try {
    return await use(serving.port);
  } finally {
    await serving.close();
  }
}

function against(
  records: readonly RecordingRecord[],
  binding: 'recorded' | 'early' | 'late',
  changed = model,
): Promise<CompareResult> {
  return withAgent(
    (port) => replay(records, { target: `127.0.0.1:${port}`, user: 'alice', password: 'secret', binding }),
    changed,
  );
}

/** The records of a replay in another binding. */
function played(records: readonly RecordingRecord[], binding: 'early' | 'late'): Promise<readonly RecordingRecord[]> {
  return withAgent(async (port) => {
    const [one] = await playRecording({
      records,
      registry,
      rules: NO_RULES,
      host: '127.0.0.1',
      port,
      identity: { user: 'alice', domain: '', password: 'secret', hash: null },
      keepGoing: true,
      binding,
    });
    return [...(one?.records ?? [])];
  });
}

const members = (records: readonly RecordingRecord[]) =>
  records.flatMap((one) => (one.kind === 'call' && one.interface?.startsWith('IUpdate') === true ? [one] : []));

describe('--binding', () => {
  it('replays a late-bound session early bound: no difference, and no Invoke on the wire', async () => {
    expect(differences(await against(late, 'early'))).toEqual([]);
    const early = await played(late, 'early');
    expect(new Set(members(late).map((one) => one.binding))).toEqual(new Set(['late']));
    expect(new Set(members(early).map((one) => one.binding))).toEqual(new Set(['early']));
    expect(early.filter((one) => one.kind === 'call' && one.method === 'GetIDsOfNames')).toEqual([]);
    expect(members(early).map((one) => one.method)).toEqual(
      members(late)
        .filter((one) => one.method !== 'GetIDsOfNames')
        .map((one) => one.method),
    );
  });

  it('replays that early-bound session as it is, and late bound', async () => {
    const early = await played(late, 'early');
    expect(differences(await against(early, 'recorded'))).toEqual([]);
    expect(differences(await against(early, 'late'))).toEqual([]);
    const back = await played(early, 'late');
    expect(new Set(members(back).map((one) => one.binding))).toEqual(new Set(['late']));
    expect(new Set(members(back).map((one) => one.via?.method))).toEqual(new Set(['Invoke']));
  });

  it('still tells exactly the field that differs', async () => {
    const [first, ...rest] = model.updates;
    if (first === undefined) throw new Error('the model has updates');
    const result = await against(late, 'early', { ...model, updates: [{ ...first, title: 'Another title' }, ...rest] });
    expect(result.results.flatMap((one) => one.differences).map(({ member, actual }) => [member, actual])).toEqual([
      ['IUpdate.Title', 'Another title'],
    ]);
  });
});
