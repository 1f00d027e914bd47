import { GUID_NULL } from '../../src/bytes/guid.js';
import { dateOf, dateText } from './clock.js';
import { Faults } from './faults.js';
import { checked, updateSchema, type HistoryModel, type Model, type UpdateModel } from './model.js';
import type { Operation, Scenario, Step } from './scenario.js';
import { Services } from './services.js';

/** Updates that a machine knows at once, entries of its history, and lines of what happened; docs/limits.md. */
export const STATE_LIMITS = { updates: 100_000, history: 100_000, news: 10_000 } as const;

const RESULTS = { succeeded: 2, 'with-errors': 3, failed: 4, aborted: 5 } as const;
/** What the agent's own installations say in the history. */
const AUTOMATIC = 'AutomaticUpdates';
/** E_FAIL, for what a scenario lets fail without a code. */
const E_FAIL = 0x80004005 | 0;

type Updates = ReadonlyMap<string, UpdateModel>;

/** What the machine of an agent is at a moment: nothing in it changes, a change makes a new one. */
export interface Snapshot {
  /** What services offer now, by id in lower case. */
  readonly offered: Updates;
  /** What the agent knew when it last reached a service: what a search finds offline. */
  readonly known: Updates;
  /** Latest first. */
  readonly history: readonly HistoryModel[];
  readonly network: 'up' | 'down';
  readonly lastSearch: string | null;
  readonly lastInstallation: string | null;
}

/** The machine that an agent runs on: what it has, and what becomes of it as time passes. */
export class AgentState {
  readonly faults: Faults;
  private readonly serviceList: Services;
  private readonly clock: () => number;
  private readonly scenario: Scenario | null;
  private readonly happenings: string[] = [];
  private current: Snapshot;
  private next = 0;
  private open: { readonly of: Updates | null; readonly due: readonly Due[] } = { of: null, due: [] };

  /** `clock` tells ms since 1970, UTC. */
  constructor(model: Model, clock: () => number, scenario: Scenario | null = null) {
    const updates = new Map(model.updates.map((one) => [one.id.toLowerCase(), one]));
    this.serviceList = new Services(model.services);
    this.faults = new Faults(model.faults);
    this.clock = clock;
    this.scenario = scenario;
    this.current = {
      offered: updates,
      known: updates,
      history: model.history.toSorted((a, b) => compare(b.date, a.date)),
      network: model.network,
      lastSearch: model.lastSearch,
      lastInstallation: model.lastInstallation,
    };
  }

  /** The services of the machine, as they are now. */
  get services(): Services {
    this.advance();
    return this.serviceList;
  }

  /** The machine now: all that was due by the clock has happened. */
  get now(): Snapshot {
    this.advance();
    return this.current;
  }

  /** What happened since it was asked last, a line each. */
  get news(): readonly string[] {
    this.advance();
    return this.happenings.splice(0);
  }

  /** Lets happen what is due by the clock. */
  advance(): void {
    const { scenario } = this;
    if (scenario !== null) {
      const nowMs = this.clock();
      for (;;) {
        const step = scenario.steps[this.next];
        if (step === undefined || step.atMs > nowMs) break;
        this.next++;
        this.meetDeadlines(scenario, step.atMs - 1);
        this.happen(step);
      }
      this.meetDeadlines(scenario, nowMs);
    }
  }

  /** A search that goes online reaches a service: the agent knows what it offers, and pending registrations complete. */
  contact(atMs: number = this.clock()): void {
    this.current = { ...this.current, known: this.current.offered };
    for (const { service, pendingWithAU } of this.serviceList.pending) {
      const added = this.serviceList.add(service);
      if (typeof added === 'number') continue;
      if (pendingWithAU && added.canRegisterWithAU) this.serviceList.registerWithAU(added);
      this.tell(atMs, `the pending registration of ${service.name} is completed`);
    }
  }

  /** The automatic update agent searches (3.4.4.1); without a network it comes to nothing. */
  detect(): void {
    this.advance();
    this.search(this.clock());
  }

  /** Plays a scenario to its end. @throws Error that names the step that cannot happen */
  static rehearse(model: Model, scenario: Scenario): void {
    new AgentState(model, () => scenario.steps.at(-1)?.atMs ?? scenario.beginsMs, scenario).advance();
  }

  private search(atMs: number): void {
    if (this.current.network === 'down') return;
    this.contact(atMs);
    this.current = { ...this.current, lastSearch: dateText(atMs) };
  }

  private happen(step: Step): void {
    const { atMs } = step;
    if (step.says !== undefined) this.tell(atMs, step.says);
    if (step.network !== undefined) {
      this.current = { ...this.current, network: step.network };
      this.tell(atMs, `the network is ${step.network}`);
    }
    for (const service of step.registers) {
      this.serviceList.add(service);
      this.tell(atMs, `${service.name} is registered`);
    }
    for (const id of step.removes) this.serviceList.remove(id);
    this.offer(step);
    const patches: readonly (readonly [readonly string[], Partial<UpdateModel>, string])[] = [
      [step.downloads, { downloaded: true }, 'is downloaded'],
      [step.hides, { hidden: true }, 'is hidden'],
      [step.shows, { hidden: false }, 'is shown again'],
    ];
    for (const [names, patch, words] of patches)
      for (const one of names.flatMap((name) => this.named(step, name))) {
        this.change(one, patch);
        this.tell(atMs, `${one.title} ${words}`);
      }
    for (const one of step.installs) this.operate(step, one, 'installation');
    for (const one of step.uninstalls) this.operate(step, one, 'uninstallation');
    this.faults.add(step.faults);
    if (step.detects) {
      this.tell(atMs, 'the automatic update agent searches');
      this.search(atMs);
    }
    if (step.restarts) this.restart(atMs);
  }

  /** What services offer changes. */
  private offer(step: Step): void {
    const offered = new Map(this.current.offered);
    for (const update of step.appears) {
      const key = update.id.toLowerCase();
      if (offered.has(key)) throw new Error(`${step.place}.appears: ${update.id} is there already: change it instead`);
      if (offered.size >= STATE_LIMITS.updates)
        throw new Error(`${step.place}.appears: more updates than a machine knows`);
      offered.set(key, update);
      this.tell(step.atMs, `${update.title} appears`);
    }
    for (const { update: name, ...patch } of step.changes)
      for (const one of this.named(step, name, offered)) {
        offered.set(one.id.toLowerCase(), patched(step, one, patch));
        this.tell(step.atMs, `${one.title} changes`);
      }
    for (const one of step.withdraws.flatMap((name) => this.named(step, name, offered))) {
      offered.delete(one.id.toLowerCase());
      this.tell(step.atMs, `${one.title} is withdrawn`);
    }
    this.current = { ...this.current, offered };
  }

  private operate(step: Step, told: Operation, operation: HistoryModel['operation']): void {
    for (const update of this.named(step, told.update)) this.perform(step.atMs, update, { ...told, operation });
  }

  private firstService({ services: [first] }: UpdateModel): ReturnType<Services['find']> {
    return first === undefined ? undefined : this.serviceList.find(first);
  }

  /** An update as it is once it was installed, or uninstalled. */
  private succeed(atMs: number, update: UpdateModel, installs: boolean, reboot: boolean | undefined): void {
    const behavior = installs ? update.installation : update.uninstallation;
    this.change(update, {
      installed: installs,
      present: installs,
      downloaded: update.downloaded || installs,
      rebootRequired: reboot ?? behavior.reboot === 'always',
    });
    this.current = { ...this.current, lastInstallation: dateText(atMs) };
  }

  /** Installs or uninstalls an update, well or not, and notes it in the history. */
  private perform(
    atMs: number,
    update: UpdateModel,
    { operation, result, hresult, unmapped = 0, reboot, client = AUTOMATIC }: Omit<Operation, 'update'> & Performed,
  ): void {
    const came = result ?? (hresult !== undefined && (hresult | 0) < 0 ? 'failed' : 'succeeded');
    const well = came === 'succeeded' || came === 'with-errors';
    const code = hresult ?? (well ? 0 : E_FAIL);
    const service = this.firstService(update);
    if (well) this.succeed(atMs, update, operation === 'installation', reboot);
    const entry: HistoryModel = {
      title: update.title,
      description: update.description,
      update: update.id,
      revision: update.revision,
      date: dateText(atMs),
      operation,
      result: RESULTS[came],
      hresult: code | 0,
      unmapped,
      client,
      selection: service?.managed === true ? 'managed' : 'windows',
      service: service?.id ?? GUID_NULL,
      locale: null,
      uninstallSteps: update.uninstallSteps,
      uninstallNotes: update.uninstallNotes,
      supportUrl: update.supportUrl,
      categories: update.categories,
    };
    this.current = { ...this.current, history: inserted(this.current.history, entry) };
    this.tell(atMs, `${update.title}: ${operation} ${came}${code === 0 ? '' : ` (0x${(code >>> 0).toString(16)})`}`);
  }

  /** What waited for a restart is done. */
  private restart(atMs: number): void {
    const waiting = [...this.current.offered.values()].filter((one) => one.rebootRequired);
    for (const one of waiting) this.change(one, { rebootRequired: false });
    this.tell(atMs, 'the machine restarts');
  }

  /** Deadlines up to a moment: what is due then is installed, or uninstalled, at once (2.2.4, 3.20.4.6). */
  private meetDeadlines({ deadlines }: Scenario, untilMs: number): void {
    if (!deadlines) return;
    // Looked through anew only where updates have changed: the clock is asked at every call.
    if (this.open.of !== this.current.offered)
      this.open = { of: this.current.offered, due: openIn(this.current.offered) };
    for (const { update, atMs } of this.open.due) {
      if (atMs > untilMs) return;
      this.tell(atMs, `${update.title} is due`);
      this.perform(atMs, update, { operation: update.action === 'install' ? 'installation' : 'uninstallation' });
    }
  }

  /** Changes an update where it is offered, and where it is known. */
  private change(update: UpdateModel, patch: Partial<UpdateModel>): void {
    const key = update.id.toLowerCase();
    const changed = (updates: Updates): Updates => {
      const one = updates.get(key);
      return one === undefined ? updates : new Map(updates).set(key, { ...one, ...patch });
    };
    this.current = { ...this.current, offered: changed(this.current.offered), known: changed(this.current.known) };
  }

  /** Updates by id or KB number. @throws Error where there is none */
  private named({ place }: Step, name: string, updates: Updates = this.current.offered): readonly UpdateModel[] {
    const number = /^KB(\d+)$/i.exec(name)?.[1];
    const found =
      number === undefined
        ? [updates.get(name.toLowerCase())].flatMap((one) => one ?? [])
        : [...updates.values()].filter((one) => one.kb.includes(number));
    if (found.length === 0) throw new Error(`${place}: no update ${name} is there at that time`);
    return found;
  }

  private tell(atMs: number, words: string): void {
    if (this.happenings.length >= STATE_LIMITS.news) this.happenings.shift();
    this.happenings.push(`${dateText(atMs).replace('T', ' ')} ${words}`);
  }
}

type Performed = { readonly operation: HistoryModel['operation'] };

/** An update whose deadline is to come, or has just come. */
interface Due {
  readonly update: UpdateModel;
  readonly atMs: number;
}

/** Updates that wait for their deadline, the first one first. */
function openIn(updates: Updates): readonly Due[] {
  return [...updates.values()]
    .flatMap((update) => {
      const atMs = update.deadline === null || !isOpen(update) ? null : dateOf(update.deadline);
      return atMs === null ? [] : [{ update, atMs }];
    })
    .toSorted((a, b) => a.atMs - b.atMs);
}

/** A history with one entry more, latest first. */
function inserted(history: readonly HistoryModel[], entry: HistoryModel): readonly HistoryModel[] {
  const at = history.findIndex((one) => one.date <= entry.date);
  const all = at < 0 ? [...history, entry] : history.toSpliced(at, 0, entry);
  return all.slice(0, STATE_LIMITS.history);
}

function isOpen({ action, installed }: UpdateModel): boolean {
  return (action === 'install' && !installed) || (action === 'uninstall' && installed);
}

function patched({ place }: Step, update: UpdateModel, patch: Readonly<Record<string, unknown>>): UpdateModel {
  try {
    return checked(updateSchema, { ...update, ...patch });
  } catch (error) {
    throw new Error(`${place}.changes: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
