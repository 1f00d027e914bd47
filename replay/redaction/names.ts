import { asList, isRecord, type Fields } from '../../src/ndr/value.js';
import { MAX_VALUE_DEPTH } from '../../src/ndr/limits.js';
import type { Value } from '../../src/types.js';
import type { RecordedCall, RecordingRecord } from '../recording/records.js';
import { REDACTION_LIMITS } from './limits.js';

/** What redaction takes out: users and their domains; hosts and their addresses; titles and other free text. */
export type RedactionKind = 'users' | 'hosts' | 'titles';
export const REDACTION_KINDS: readonly RedactionKind[] = ['users', 'hosts', 'titles'];

/** Fields, parameters and members whose text is of a kind. */
const FIELDS: Readonly<Record<RedactionKind, RegExp>> = {
  users: /^(user|username|userdomain|account|accountname|domain|domainname|owner|workstation|workstationname)$/i,
  hosts: /^(networkaddr|machinename|(pwsz)?servername|address|host|hostname|computer(name)?)$/i,
  titles:
    /^(title|name|servicename|description|eulatext|releasenotes|uninstallationnotes|summary|notes|companyname|clientapplicationid|driver(manufacturer|model|provider))$/i,
};
/** Parameters that say nothing of what they are: the member does. */
const PLAIN_PARAMETERS: readonly string[] = ['retval', 'value', 'newVal', 'result'];
/** Names every machine has. */
const COMMON = /^(|localhost|127(\.\d+){3}|::1|::|0\.0\.0\.0)$/i;
/** The host of an address as people and programs write it: `http://proxy:8080/x`, `proxy:8080`, `192.0.2.9[49668]`. */
const HOST =
  /^(?:[a-z][a-z0-9+.-]*:\/\/)?(?:[^/@\s]*@)?(\[[0-9a-f:.]+\]|[0-9a-f:]*:[0-9a-f:.]+:[0-9a-f.]*|[^/:[\]\s]+)/i;
const URL_HOST = /\bhttps?:\/\/(?:[^/@\s]*@)?([^/:[\]\s"']+)/giu;
/** Accounts as they stand in texts: `DOMAIN\user` alone, `user@domain`, a profile folder, `service/host`. */
const ACCOUNT = /^([\w.-]{1,255})\\([\w.$-]{1,255})$/u;
const PRINCIPAL = /\b([\w.+$-]+)@([\w-]+(?:\.[\w-]+)+)/gu;
const PROFILE = /\\users\\([^\\/:*?"<>|]+)/giu;
const SERVICE = /^[\w-]+\/([\w.-]+)$/u;

/** The names of a recording, each of one kind. */
export class Names {
  /** Users and hosts, in lower case, and what they are. */
  readonly known = new Map<string, RedactionKind>();
  /** Titles and other free text, as they are. */
  readonly texts = new Set<string>();
  private readonly kinds: ReadonlySet<RedactionKind>;

  constructor(kinds: ReadonlySet<RedactionKind>) {
    this.kinds = kinds;
  }

  /** Gathers the names of one record. */
  take(record: RecordingRecord): void {
    if (record.kind === 'connection') for (const { address } of [record.client, record.server]) this.host(address);
    if (record.kind !== 'call') return;
    for (const text of this.textsOf(record)) this.texts.add(text);
    this.gather(record.in, record.method ?? '');
    this.gather(record.out, record.method ?? '');
    if (record.exception !== null)
      for (const text of Object.values(record.exception)) if (text !== null) this.within(text);
  }

  /** The free text of one call. */
  textsOf(call: RecordedCall): ReadonlySet<string> {
    const found = new Set<string>();
    if (!this.kinds.has('titles')) return found;
    const take = (text: string, name: string): void => {
      if (text !== '' && FIELDS.titles.test(name)) found.add(text);
    };
    eachText(call.in, call.method ?? '', take);
    eachText(call.out, call.method ?? '', take);
    const description = call.exception?.description ?? null;
    if (description !== null && description !== '') found.add(description);
    return found;
  }

  private gather(fields: Fields, member: string): void {
    eachText(fields, member, (text, name) => {
      if (FIELDS.hosts.test(name)) this.host(HOST.exec(text)?.[1] ?? '');
      if (FIELDS.users.test(name)) this.user(text);
      this.within(text);
    });
  }

  /** Names that tell by their form what they are. */
  private within(text: string): void {
    for (const [, host = ''] of text.matchAll(URL_HOST)) this.host(host);
    const [, domain = '', user = ''] = ACCOUNT.exec(text) ?? [];
    this.user(domain);
    this.user(user);
    for (const [, name = '', realm = ''] of text.matchAll(PRINCIPAL)) {
      this.user(name);
      this.user(realm);
    }
    for (const [, name = ''] of text.matchAll(PROFILE)) this.user(name);
    this.host(SERVICE.exec(text)?.[1] ?? '');
  }

  private host(name: string): void {
    const bare = name.replace(/^\[|\]$/g, '');
    this.add(bare, 'hosts');
    const [label = ''] = bare.split('.');
    if (
      /[a-z]/i.test(label) &&
      !bare.includes(':') &&
      label.length >= REDACTION_LIMITS.label &&
      !SERVICES.has(label.toLowerCase())
    )
      this.add(label, 'hosts');
  }

  private user(name: string): void {
    const [, domain, user] = ACCOUNT.exec(name) ?? [];
    if (domain === undefined || user === undefined) this.add(name, 'users');
  }

  private add(name: string, kind: RedactionKind): void {
    const key = name.toLowerCase();
    if (this.kinds.has(kind) && key.length >= REDACTION_LIMITS.name && !COMMON.test(key) && !this.known.has(key))
      this.known.set(key, kind);
  }
}

/** First labels that are services, not machines. */
const SERVICES: ReadonlySet<string> = new Set(['www', 'support', 'download', 'update', 'windowsupdate']);

/** Every text among fields, with the name of what it is. */
function eachText(
  value: Value,
  member: string,
  take: (text: string, name: string) => void,
  name = '',
  depth = 0,
): void {
  if (depth > MAX_VALUE_DEPTH) return;
  if (typeof value === 'string') take(value, PLAIN_PARAMETERS.includes(name) ? member : name);
  else if (Array.isArray(value)) for (const one of asList(value)) eachText(one, member, take, name, depth + 1);
  else if (isRecord(value))
    // What OBJREFs are shown with (`interface`, `label`) names no machine and nobody.
    for (const field in value) eachText(value[field] as Value, member, take, field, depth + 1);
}
