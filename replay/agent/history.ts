import { E_INVALIDARG, type Outcome, type ServedObject, type ServedValue } from '../../src/peer/server/dispatch.js';
import type { Model } from './model.js';
import { failed, fixed, lazily, ok, stringCollection } from './thing.js';
import { identity, View, type Index } from './updates.js';

const RESULTS = ['orcNotStarted', 'orcInProgress', 'orcSucceeded', 'orcSucceededWithErrors', 'orcFailed', 'orcAborted'];
const SERVERS = {
  default: 'ssDefault',
  managed: 'ssManagedServer',
  windows: 'ssWindowsUpdate',
  others: 'ssOthers',
} as const;

/** The criteria of IUpdateSession3::QueryHistory (3.16.6.2). */
const ONE_UPDATE = /^\s*UpdateID\s*=\s*'([^']*)'\s*$/i;

/** QueryHistory (3.16.6.2, 3.38.4.10): newest first, of one update or of all, from an index. */
export function queryHistory(
  index: Index,
  locale: number,
  startIndex: ServedValue | undefined,
  count: ServedValue | undefined,
  criteria: ServedValue,
): Outcome {
  const wanted = criteria === null || criteria === '' ? null : ONE_UPDATE.exec(String(criteria))?.[1]?.toLowerCase();
  if (wanted === undefined || typeof startIndex !== 'number' || typeof count !== 'number' || count < 0)
    return failed(E_INVALIDARG);
  const all = index.model.history
    .filter((one) => wanted === null || one.update.toLowerCase() === wanted)
    .toSorted((a, b) => (a.date < b.date ? 1 : a.date > b.date ? -1 : 0));
  if (startIndex < 0 || startIndex >= all.length) return failed(E_INVALIDARG);
  const shown = all.slice(startIndex, startIndex + count);
  const view = new View(index, locale);
  return ok(fixed('IUpdateHistoryEntryCollection', shown.length, (at) => entryOf(index, view, shown[at] as Entry)));
}

type Entry = Model['history'][number];

/** IUpdateHistoryEntry2 (3.32). */
function entryOf(index: Index, view: View, entry: Entry): ServedObject {
  const update = index.update(entry.update);
  return lazily(['IUpdateHistoryEntry2', 'IUpdateHistoryEntry'], () => ({
    get: {
      Operation: entry.operation === 'installation' ? 'uoInstallation' : 'uoUninstallation',
      ResultCode: RESULTS[entry.result] ?? 'orcFailed',
      HResult: entry.hresult | 0,
      Date: entry.date,
      UpdateIdentity: () => identity(entry.update, entry.revision),
      Title: entry.title,
      Description: entry.description,
      UnmappedResultCode: entry.unmapped,
      ClientApplicationID: entry.client,
      ServerSelection: SERVERS[entry.selection],
      ServiceID: entry.service,
      UninstallationSteps: () => stringCollection(update?.uninstallSteps ?? [], true),
      UninstallationNotes: update?.uninstallNotes ?? null,
      SupportUrl: update?.supportUrl ?? null,
      Categories: () => view.named(update?.categories ?? []),
    },
  }));
}
