import { setMaxListeners } from 'node:events';
import { setImmediate as breath } from 'node:timers/promises';
import { render, promptCursor } from '../../tui/render.js';
import { reduce } from '../../tui/reduce.js';
import { startState, type Column, type Effect, type Event, type State } from '../../tui/state.js';
import type { Line } from '../../tui/line.js';
import type { Replayed } from '../../tui/replayed.js';
import type { Frame, Problem } from '../../types.js';
import type { Session } from '../../tui/session/session.js';
import { UsageError } from '../../io/streams.js';
import type { Reading } from '../../tui/source.js';

/** Work is done in slices this long, in milliseconds; reading and filtering take one each between two keys. */
export const SLICE_MS = 5;
/** The screen is drawn at most so often for calls that come; for keys at once. */
const DRAW_EVERY_MS = 80;
/** Items, or calls of a filter, between two looks at the clock. */
const AT_ONCE = 32;

/** What is read of an input in one go; `null` items: word of how it goes. */
export interface Feed {
  readonly items: readonly (Frame | Problem)[];
  readonly reading: Partial<Reading>;
}

/** Where lines go. */
interface Display {
  readonly size: { readonly columns: number; readonly rows: number };
  draw(lines: readonly Line[], cursor: { readonly column: number; readonly row: number } | null): void;
  invalidate(): void;
  copy(text: string): void;
  suspend(): void;
}

export interface AppOptions {
  readonly session: Session;
  readonly now: () => number;
  /** Writes what `x` selected; gives a sentence on it. @throws UsageError */
  readonly exported: (effect: Extract<Effect, { kind: 'export' }>, app: App) => Promise<string>;
  /** Replays what `r` selected against its target. @throws UsageError */
  readonly replayed: (
    effect: Extract<Effect, { kind: 'replay' }>,
    session: Session,
    signal: AbortSignal,
  ) => Promise<Replayed>;
  /** Reading is to stop. */
  readonly stop: () => void;
  /** Keeps a choice of columns for the next time; gives a sentence on it. @throws UsageError */
  /** Keeps places and notes, beside the capture; gives a sentence on it, or null. @throws UsageError */
  readonly keepMarks?: (state: State) => Promise<string | null>;
  /** Reads the input anew with one more secret; gives a sentence on it. @throws UsageError */
  readonly unlock?: (secret: string, app: App) => Promise<string>;
  readonly keepColumns?: (columns: readonly Column[]) => Promise<string>;
}

/**
 * The terminal analyzer without its terminal: events in, the model's effects carried out, screens drawn, work done in
 * slices.
 */
export class App {
  session: Session;
  state: State;
  private readonly options: AppOptions;
  private display: Display | null = null;
  private drawing = false;
  private drawnAt = 0;
  private working = false;
  private leave: (() => void) | null = null;
  private replaying: AbortController | null = null;
  private quitting = false;
  private abandoned = false;
  /** Resolves when the user leaves. */
  readonly left: Promise<void>;

  constructor(options: AppOptions, columns = 80, rows = 24) {
    this.options = options;
    this.session = options.session;
    this.state = startState(columns, rows);
    this.left = new Promise((resolve) => {
      this.leave = resolve;
    });
  }

  get over(): boolean {
    return this.quitting;
  }

  attach(display: Display): void {
    this.display = display;
    this.dispatch({ kind: 'resize', ...display.size });
  }

  dispatch(event: Event): void {
    const before = this.state;
    const { state, effects } = reduce(before, event, this.session);
    this.state = state;
    if (state.notes !== before.notes || state.marks !== before.marks) void this.say(this.options.keepMarks?.(state));
    if (event.kind === 'key' && event.key === 'C-l') this.display?.invalidate();
    for (const effect of effects) this.carryOut(effect);
    if (event.kind !== 'changed') this.drawSoon();
  }

  lines(): Line[] {
    return render({ state: this.state, source: this.session });
  }

  /** Ends what is being read, for another session comes in its place. */
  abandon(): void {
    this.abandoned = true;
    this.session.reading = { ...this.session.reading, state: 'stopped' };
  }

  /** Whether the session was abandoned since this was asked for last. */
  takeAbandoned(): boolean {
    const { abandoned } = this;
    this.abandoned = false;
    return abandoned;
  }

  /** Another session in the place of this one: the file is read anew. */
  replace(session: Session): void {
    this.session = session;
    session.sort(this.state.sort);
    session.filter(this.state.filter);
    session.view.foldUpkeep(this.state.quiet);
  }

  /** Takes all of an input, in slices. */
  async feed(feeds: AsyncIterable<Feed>): Promise<void> {
    const { session, options } = this;
    try {
      for await (const { items, reading } of feeds) {
        let began = options.now();
        for (let at = 0; at < items.length && !this.quitting && session.reading.state !== 'stopped'; at++) {
          session.take(items[at] as Frame | Problem);
          if (at % AT_ONCE !== AT_ONCE - 1 || options.now() - began < SLICE_MS) continue;
          this.changed();
          await breath();
          began = options.now();
        }
        session.settle();
        // It may have been stopped while these items were taken.
        const stopped = session.reading.state === 'stopped';
        session.reading = { ...session.reading, ...reading, ...(stopped ? { state: 'stopped' as const } : {}) };
        this.changed();
        if (stopped || this.quitting) break;
        await breath();
      }
      session.end();
      if (session.reading.state !== 'stopped' && session.reading.state !== 'failed')
        session.reading = { ...session.reading, state: 'done' };
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      session.end();
      session.reading = { ...session.reading, state: 'failed', note: error.message };
      this.dispatch({ kind: 'said', text: error.message, bad: true });
    }
    this.changed(true);
  }

  /** More calls, or more of a filter: the view catches up, and the screen is drawn when it is due. */
  changed(at_once = false): void {
    void this.work();
    const now = this.options.now();
    if (!at_once && now - this.drawnAt < DRAW_EVERY_MS) return;
    this.drawnAt = now;
    this.dispatch({ kind: 'changed' });
    this.drawSoon();
  }

  private drawSoon(): void {
    if (this.drawing || this.display === null) return;
    this.drawing = true;
    setImmediate(() => {
      this.drawing = false;
      if (!this.quitting) this.display?.draw(this.lines(), promptCursor({ state: this.state, source: this.session }));
    });
  }

  /** Filters, sorts and searches in slices until nothing waits. */
  private async work(): Promise<void> {
    if (this.working) return;
    this.working = true;
    const { options } = this;
    for (let busy = true; busy && !this.quitting; ) {
      const began = options.now();
      do busy = this.step();
      while (busy && options.now() - began < SLICE_MS);
      if (busy) {
        if (options.now() - this.drawnAt >= DRAW_EVERY_MS) {
          this.drawnAt = options.now();
          this.dispatch({ kind: 'changed' });
          this.drawSoon();
        }
        await breath();
      }
    }
    this.working = false;
    this.dispatch({ kind: 'changed' });
    this.drawSoon();
  }

  /** A little of the work that waits; what a search came to is told to the model. True when more waits. */
  private step(): boolean {
    const { busy, found } = this.session.step(AT_ONCE);
    if (found !== null) this.dispatch({ kind: 'found', ...found });
    return busy;
  }

  private async replay(effect: Extract<Effect, { kind: 'replay' }>): Promise<void> {
    const controller = new AbortController();
    // Every connection listens to it.
    setMaxListeners(0, controller.signal);
    this.replaying = controller;
    try {
      this.dispatch({ kind: 'replayed', result: await this.options.replayed(effect, this.session, controller.signal) });
    } catch (error) {
      this.dispatch({ kind: 'replayed', result: null });
      this.dispatch({ kind: 'said', text: error instanceof Error ? error.message : String(error), bad: true });
    } finally {
      this.replaying = null;
    }
  }

  /** Says what came of something, or why nothing did. */
  private async say(what: Promise<string | null> | undefined, otherwise: string | null = null): Promise<void> {
    try {
      const text = what === undefined ? otherwise : await what;
      if (text !== null) this.dispatch({ kind: 'said', text, bad: false });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      this.dispatch({ kind: 'said', text: error.message, bad: true });
    }
  }

  private carryOut(effect: Effect): void {
    if (this.toView(effect)) {
      // A small capture is through at once, so that the next key finds the view as it will be.
      const began = this.options.now();
      for (let busy = true; busy && this.options.now() - began < SLICE_MS; ) busy = this.step();
      void this.work();
      this.dispatch({ kind: 'changed' });
    } else this.toWorld(effect);
  }

  /** What changes the view of the session, and is worked off; false for what does not. */
  private toView(effect: Effect): boolean {
    const { session } = this;
    switch (effect.kind) {
      case 'filter':
        session.filter(effect.expression);
        return true;
      case 'sort':
        session.sort(effect.key);
        return true;
      case 'fold-upkeep':
        session.view.foldUpkeep(effect.on);
        return true;
      case 'pause':
        session.view.freeze(effect.on);
        return true;
      case 'search':
        session.find(effect.text, effect.from, effect.forward);
        return true;
      default:
        return false;
    }
  }

  /** What reaches beyond the session: the terminal, files, a server. */
  private toWorld(effect: Effect): void {
    const { session, options } = this;
    switch (effect.kind) {
      case 'quit':
        this.quitting = true;
        this.replaying?.abort();
        this.leave?.();
        return;
      case 'stop':
        session.reading = { ...session.reading, state: 'stopped' };
        options.stop();
        return;
      case 'unlock':
        void this.say(options.unlock?.(effect.secret, this), 'no secret can be entered here');
        return;
      case 'keep-columns':
        void this.say(options.keepColumns?.(effect.columns));
        return;
      case 'suspend':
        this.display?.suspend();
        return;
      case 'copy':
        this.display?.copy(effect.text);
        this.dispatch({ kind: 'said', text: `copied: ${effect.what}`, bad: false });
        return;
      case 'export':
        void options.exported(effect, this).then(
          (text) => this.dispatch({ kind: 'said', text, bad: false }),
          (error: unknown) =>
            this.dispatch({ kind: 'said', text: error instanceof Error ? error.message : String(error), bad: true }),
        );
        return;
      case 'replay':
        void this.replay(effect);
        return;
      case 'stop-replay':
        this.replaying?.abort();
        return;
      default:
        return;
    }
  }
}
