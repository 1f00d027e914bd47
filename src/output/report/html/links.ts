import type { Report, SectionName } from '../data.js';
import { html, type Markup } from './markup.js';

/** Where things stand in the page. Only what is there is linked. */
export class Links {
  private readonly calls: ReadonlySet<number>;
  private readonly places: Readonly<Record<SectionName, string>>;

  constructor({ calls, topics, tables, comparison, problems }: Report) {
    this.calls = new Set(calls.map((call) => call.id));
    this.places = {
      connections: 'connections',
      quality: 'quality',
      sessions: 'sessions',
      results: 'results',
      findings: 'findings',
      objects: 'objects',
      security: 'security',
      members: 'members',
      searches: topics.some((topic) => topic.name === 'search') ? topicId('search') : 'story',
      updates: tables.some((table) => table.name === 'updates') ? tableId('updates') : 'story',
      problems: problems.length > 0 ? 'problems' : 'quality',
      comparison: comparison === null ? 'glance' : 'comparison',
    };
  }

  has(id: number): boolean {
    return this.calls.has(id);
  }

  /** A call by number, a link where it is shown in full. */
  call(id: number | null, text: string = `call ${id}`): Markup | null {
    if (id === null) return null;
    return this.calls.has(id)
      ? html`<a href="#${callId(id)}">${text}</a>`
      : html`<span class="unshown" title="not among the calls shown in full">${text}</span>`;
  }

  /** Address of a section within the page. */
  section(name: SectionName): string {
    return `#${this.places[name]}`;
  }
}

export function callId(id: number): string {
  return `call-${id}`;
}

export function topicId(name: string): string {
  return `topic-${name}`;
}

export function tableId(name: string): string {
  return `table-${name}`;
}

export function sessionId(id: number): string {
  return `session-${id}`;
}
