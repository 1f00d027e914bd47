import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { blockOf } from '../../src/bytes/block.js';
import { CaptureReader, type CaptureOutput } from '../../src/capture/reader.js';
import { knowledge } from '../../src/io/knowledge.js';
import type { Knowledge } from '../../src/pipeline/knowledge.js';
import { Session } from '../../src/tui/session/session.js';
import type { SecretList } from '../../src/security/secrets.js';
import { WireObserver } from '../../src/security/wire-observer.js';
import { plainText } from '../../src/tui/line.js';
import { reduce } from '../../src/tui/reduce.js';
import { render } from '../../src/tui/render.js';
import { startState, type Effect, type Event, type State } from '../../src/tui/state.js';
import { packageRoot } from '../support/shared.js';

let known: Knowledge | null = null;

/** The tables, put together once for all tests of a file. */
export function tables(): Knowledge {
  known ??= knowledge();
  return known;
}

/** A session that has read a shipped capture, or these bytes. */
export function sessionOf(input: string | Uint8Array, archiveBytes?: number, secrets: SecretList = {}): Session {
  const bytes =
    typeof input === 'string' ? new Uint8Array(readFileSync(join(packageRoot(), 'captures', input))) : input;
  const session = new Session({
    title: typeof input === 'string' ? input : 'bytes',
    known: tables(),
    security: new WireObserver(secrets),
    now: () => 0,
    ...(archiveBytes === undefined ? {} : { archiveBytes }),
  });
  const reader = new CaptureReader();
  const items: CaptureOutput[] = [];
  reader.push(blockOf(bytes), 0, bytes.length, items);
  reader.end(items);
  for (const item of items) session.take(item);
  session.settle();
  session.end();
  session.reading = { ...session.reading, state: 'done', read: bytes.length, size: bytes.length };
  return session;
}

/**
 * The model at work without a terminal: keys in, screens as text out; effects on the session are carried out at once,
 * others kept.
 */
export class Player {
  readonly session: Session;
  state: State;
  readonly effects: Effect[] = [];

  constructor(session: Session, columns = 80, rows = 24) {
    this.session = session;
    this.state = startState(columns, rows);
    this.send({ kind: 'resize', columns, rows });
  }

  /** Keys by name, or a text typed letter by letter after `type:`. */
  press(...keys: readonly string[]): this {
    for (const key of keys) {
      if (!key.startsWith('type:')) this.send({ kind: 'key', key, text: '' });
      else for (const unit of key.slice(5)) this.send({ kind: 'key', key: unit === ' ' ? 'space' : unit, text: unit });
    }
    return this;
  }

  /** Keys one right behind another, as a hand types `12j`. */
  fast(...keys: readonly string[]): this {
    for (const [at, key] of keys.entries())
      this.send({ kind: 'key', key, text: key, ...(at === 0 ? {} : { quick: true }) });
    return this;
  }

  send(event: Event): this {
    const { state, effects } = reduce(this.state, event, this.session);
    this.state = state;
    for (const effect of effects) {
      this.effects.push(effect);
      if (effect.kind === 'filter') this.session.filter(effect.expression);
      else if (effect.kind === 'sort') this.session.sort(effect.key);
      else if (effect.kind === 'fold-upkeep') this.session.view.foldUpkeep(effect.on);
      else if (effect.kind === 'pause') this.session.view.freeze(effect.on);
      else if (effect.kind === 'search') this.session.find(effect.text, effect.from, effect.forward);
      else continue;
      for (let step = this.session.step(1000); ; step = this.session.step(1000)) {
        if (step.found !== null) this.send({ kind: 'found', ...step.found });
        if (!step.busy) break;
      }
      this.send({ kind: 'changed' });
    }
    return this;
  }

  /** The screen as text, without the spaces at the ends of its lines. */
  screen(): string {
    return this.rows()
      .map((row) => row.trimEnd())
      .join('\n');
  }

  rows(): string[] {
    return render({ state: this.state, source: this.session }).map(plainText);
  }
}
