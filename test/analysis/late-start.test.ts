import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Analyzer, type AnalyzerOutput } from '../../src/analysis/analyzer.js';
import { knowledge } from '../../src/io/knowledge.js';
import { NdjsonWriter } from '../../src/output/ndjson.js';
import { callFacts } from '../../src/output/facts.js';
import { TextWriter } from '../../src/output/text.js';
import type { Call } from '../../src/types.js';
import { packageRoot } from '../support/shared.js';
import { framesIn } from '../support/read.js';

const known = knowledge();

/** The calls of a capture from a frame on; `hidden`: an interface that the tables are to lack. */
function callsFrom(path: string, first: number, hidden = ''): readonly Call[] {
  const { registry } = known;
  const analyzer = new Analyzer({
    registry: {
      ...registry,
      interfaceByUuid: (uuid) => (uuid === hidden ? null : registry.interfaceByUuid(uuid)),
      names: {
        ...registry.names,
        interface: (uuid, opnum) => (uuid === hidden ? null : registry.names.interface(uuid, opnum)),
      },
    },
  });
  const out: AnalyzerOutput[] = [];
  for (const frame of framesIn(path)) if (frame.number >= first) analyzer.push(frame, out);
  analyzer.end(out);
  return out.filter((item) => item.kind === 'call');
}

describe('a capture that begins late', () => {
  const captures = ['wua-session.pcapng', 'wua-late-bound.pcapng', 'sessions/impacket-integrity.pcapng'];

  it.each(captures)('knows of %s no interface that it did not see bound', (name) => {
    const path = join(packageRoot(), 'captures', name);
    const frames = framesIn(path).length;
    let unbound = 0;
    for (let part = 1; part < 6; part++) {
      for (const call of callsFrom(path, Math.round((frames * part) / 6))) {
        if (call.exchange.context !== null) continue;
        unbound++;
        expect(call.certainty, `call ${call.id} from part ${part}`).not.toBe('known');
        expect(call.because, `call ${call.id} from part ${part}`).not.toBeNull();
        expect(call.certainty === 'unknown').toBe(call.iid === null);
        // It is not said of a number that no table has it, when the table is not known.
        if (call.iid === null) expect(JSON.stringify(callFacts(call, known.names))).not.toContain('in no table');
      }
    }
    expect(unbound).toBeGreaterThan(0);
  });

  it('says which bind is missing, in every form', () => {
    const path = join(packageRoot(), 'captures/wua-session.pcapng');
    const calls = [20, 40, 60, 80].flatMap((first) => callsFrom(path, first));
    const call = calls.find((one) => one.certainty === 'unknown');
    expect(call?.because).toBe(`the bind of context ${call?.contextId} was not captured`);
    if (call === undefined) return;
    const record = JSON.parse(new NdjsonWriter(known.names).call(call)) as { certainty: string; because: string };
    expect(record).toMatchObject({ certainty: 'unknown', because: call.because });
    expect(callFacts(call, known.names)).toContainEqual({ name: 'certainty', text: `unknown: ${call.because}` });
  });
});

describe('an interface that no table has', () => {
  it('is no problem of its calls', () => {
    const path = join(packageRoot(), 'captures/wua-session.pcapng');
    const uuid = known.registry.interfaceByName('IUpdate')?.interface.uuid ?? '';
    const foreign = callsFrom(path, 1, uuid).filter((call) => call.exchange.context?.abstract.uuid === uuid);
    expect(foreign.length).toBeGreaterThan(0);
    const writer = new TextWriter(known.names);
    for (const call of foreign) {
      expect(call).toMatchObject({ interface: null, certainty: 'known', problems: [] });
      expect(writer.call(call)).not.toMatch(/^!/);
    }
  });
});
