import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { criteriaAttributes } from '../../../dissectors/uamg/criteria.js';
import { updateAgent } from '../../../replay/agent/agent.js';
import type { ServedObject } from '../../../src/peer/server/dispatch.js';
import { CLASSES, full } from '../../peer/server/support.js';
import { caller, get, object } from './calls.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const call = caller(null);

/** The first update of a search of its own, held by nobody else. */
function update(): ServedObject {
  const { classes } = updateAgent({ model: full, attributes: criteriaAttributes });
  const made = classes.find(({ clsid }) => clsid === CLASSES.session)?.create({ principal: null });
  const searcher = object(call(object(made), 'CreateUpdateSearcher').out?.['retval']);
  const result = object(call(searcher, 'Search', { criteria: '' }).out?.['retval']);
  return object(call(object(get(result, 'Updates')), 'Item', { index: 0 }).out?.['retval']);
}

async function collected(): Promise<void> {
  await turn();
  collect();
}

const PARTS = ['Identity', 'Categories', 'KBArticleIDs', 'InstallationBehavior'] as const;

describe('what an update led to', () => {
  it('is let go where nobody holds it, though the update stays', async () => {
    const one = update();
    const parts = PARTS.map((name) => new WeakRef(object(get(one, name))));
    await collected();
    expect(parts.map((part) => part.deref())).toEqual(PARTS.map(() => undefined));
    expect(get(object(get(one, 'Identity')), 'UpdateID')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('is the same where somebody holds it', async () => {
    const one = update();
    const identity = object(get(one, 'Identity'));
    const category = object(call(object(get(one, 'Categories')), 'Item', { index: 0 }).out?.['retval']);
    await collected();
    expect(get(one, 'Identity')).toBe(identity);
    expect(call(object(get(one, 'Categories')), 'Item', { index: 0 }).out?.['retval']).toBe(category);
  });
});
