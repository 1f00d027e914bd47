import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cleaned } from '../../dissectors/specification.js';
import { Peer, registry } from '../../peer/server/support.js';
import { ROOT, shared } from '../../support/shared.js';
import { JAPANESE, PLAN } from './plan.js';
import { SECTIONS } from './sections.js';
import { methodOf, settled, Walker, wanted } from './walk.js';

const BINDINGS = ['early', 'late'] as const;
const told = ({ section, interface: name, member, kind }: (typeof PLAN)[number]): string =>
  `${section} ${name}::${member} ${kind}`;

describe('the members of chapter 3', () => {
  it('all have a step of the plan, with their section', () => {
    const members = registry.interfaces.flatMap(({ interface: { name, spec, methods } }) =>
      spec === 'MS-UAMG'
        ? methods.flatMap((one) =>
            one.notUsedOnWire === true ? [] : [`${one.section} ${name}::${one.name} ${one.member}`],
          )
        : [],
    );
    const planned = new Set(PLAN.map(told));
    expect(members).toHaveLength(213);
    expect(members.filter((one) => !planned.has(one))).toEqual([]);
    expect([...planned].filter((one) => !members.includes(one))).toEqual([]);
  });

  it.each(BINDINGS)('give what the model has, %s bound', (binding) => {
    const walker = new Walker(new Peer(), binding);
    for (const step of PLAN) expect([told(step), settled(walker.take(step))]).toEqual([told(step), wanted(step)]);
  });

  it.each(BINDINGS)('that are properties give the same when they are read twice, %s bound', (binding) => {
    const peer = new Peer();
    const walker = new Walker(peer, binding);
    let twice = 0;
    for (const step of PLAN) {
      walker.take(step);
      // What adds or removes changes the next reading; an enumerator is a new one each time.
      if (step.kind !== 'propget' || step.hresult !== 0 || step.member === '_NewEnum') continue;
      const [first, second] = [walker.identity(step), walker.identity(step)];
      expect([told(step), second]).toEqual([told(step), first]);
      twice++;
    }
    expect(twice).toBeGreaterThan(180);
  });

  it.each(BINDINGS)('speak the language of the session a searcher was made in, %s bound', (binding) => {
    const walker = new Walker(new Peer(), binding);
    for (const step of JAPANESE) expect([told(step), settled(walker.take(step))]).toEqual([told(step), wanted(step)]);
  });
});

describe('the sections of chapter 3', () => {
  it('all have a test that shows what the agent must do, or a reason why there is none', () => {
    const path = shared('spec/MS-UAMG.md', 'the table of sections');
    if (path === null) return;
    const text = cleaned(readFileSync(path, 'utf8'));
    const chapter = text.slice(text.indexOf('# 3 Protocol Details'), text.indexOf('# 4 Protocol Example'));
    const parts = chapter.split(/^(?=#+ 3\.[\d.]+ )/m).slice(1);
    const due = parts.flatMap((part) => {
      const [, section = ''] = /^#+ (3\.[\d.]+) /.exec(part) ?? [];
      const body = part
        .slice(part.indexOf('\n'))
        .replaceAll(/<a id="[^"]*"><\/a>/g, '')
        .trim();
      return body === 'None.' ? [] : [section];
    });
    const members = new Set(PLAN.map((step) => step.section));
    expect(parts.length).toBeGreaterThan(500);
    expect(due.filter((section) => SECTIONS[section] === undefined && !members.has(section))).toEqual([]);
    expect(Object.keys(SECTIONS).filter((section) => !due.includes(section))).toEqual([]);
  });

  it('name tests that exist', () => {
    const missing = Object.entries(SECTIONS).flatMap(([section, row]) => {
      if (!('shown' in row) || typeof row.shown === 'string') return [];
      const [file, title] = row.shown;
      const source = readFileSync(join(ROOT, 'test/replay/agent', file), 'utf8');
      return source.includes(title) ? [] : [[section, file, title]];
    });
    expect(missing).toEqual([]);
  });

  it('are shown by steps where they are members, whose tables name the same section', () => {
    expect(PLAN.filter((step) => methodOf(step).section !== step.section).map(told)).toEqual([]);
  });
});
