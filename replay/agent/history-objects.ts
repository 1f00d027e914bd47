import { E_INVALIDARG, type Outcome, type ServedObject, type Arguments } from '../../src/peer/server/dispatch.js';
import { fixed, stringCollection } from './collections.js';
import { interfacesOf, viewOf, type AgentContext } from './context.js';
import type { HistoryModel, UpdateModel } from './model.js';
import { failed, lazily, ok } from './described-object.js';
import { identity, localized, type View } from './update-objects.js';

const RESULTS = ['orcNotStarted', 'orcInProgress', 'orcSucceeded', 'orcSucceededWithErrors', 'orcFailed', 'orcAborted'];
const SERVERS = {
  default: 'ssDefault',
  managed: 'ssManagedServer',
  windows: 'ssWindowsUpdate',
  others: 'ssOthers',
} as const;

/** The criteria of IUpdateSession3::QueryHistory (3.16.6.2). */
const ONE_UPDATE = /^\s*UpdateID\s*=\s*'([^']*)'\s*$/i;

/**
 * QueryHistory ([MS-UAMG] 3.16.6.2, 3.38.4.10): latest first, of one update or of all, from an index. `history` is what
 * the asked object was made with.
 */
export function queryHistory(
  agent: AgentContext,
  history: readonly HistoryModel[],
  locale: number,
  { criteria = null, startIndex, count }: Arguments,
): Outcome {
  if (typeof startIndex !== 'number' || typeof count !== 'number' || count < 0) return failed(E_INVALIDARG);
  const selected = selectedBy(history, criteria === null ? '' : String(criteria));
  if (selected === null || startIndex < 0 || startIndex >= selected.length) return failed(E_INVALIDARG);
  const shown = selected.slice(startIndex, startIndex + count);
  const { offered } = agent.state.now;
  return ok(
    fixed('IUpdateHistoryEntryCollection', shown.length, (at) => {
      const entry = shown[at] as HistoryModel;
      // In the language of who began the operation (3.32.3), if that is known.
      const view = viewOf(agent, offered, entry.locale ?? locale);
      return entryOf(agent, view, entry, offered.get(entry.update.toLowerCase()));
    }),
  );
}

/** Entries that criteria select; null where they are none. */
function selectedBy(history: readonly HistoryModel[], criteria: string): readonly HistoryModel[] | null {
  if (criteria === '') return history;
  const id = ONE_UPDATE.exec(criteria)?.[1]?.toLowerCase();
  return id === undefined ? null : history.filter((one) => one.update.toLowerCase() === id);
}

/** IUpdateHistoryEntry2 (3.32): what the entry itself does not tell is told as the update has it. */
function entryOf(agent: AgentContext, view: View, entry: HistoryModel, update: UpdateModel | undefined): ServedObject {
  const words = update === undefined ? {} : view.words(update);
  const own = entry.locale === null || update === undefined ? {} : (localized(update.localized, entry.locale) ?? {});
  return lazily(interfacesOf(agent, 'IUpdateHistoryEntry2', 'IUpdateHistoryEntry'), () => ({
    get: {
      Operation: entry.operation === 'installation' ? 'uoInstallation' : 'uoUninstallation',
      ResultCode: RESULTS[entry.result] ?? 'orcFailed',
      HResult: entry.hresult | 0,
      Date: entry.date,
      UpdateIdentity: () => identity(entry.update, entry.revision),
      Title: own.title ?? entry.title,
      Description: own.description ?? entry.description,
      UnmappedResultCode: entry.unmapped,
      ClientApplicationID: entry.client,
      ServerSelection: SERVERS[entry.selection],
      ServiceID: entry.service,
      UninstallationSteps: () =>
        stringCollection(words.uninstallSteps ?? entry.uninstallSteps ?? update?.uninstallSteps ?? [], true),
      UninstallationNotes: words.uninstallNotes ?? entry.uninstallNotes ?? update?.uninstallNotes ?? null,
      SupportUrl: words.supportUrl ?? entry.supportUrl ?? update?.supportUrl ?? null,
      Categories: () => view.named(entry.categories ?? update?.categories ?? []),
    },
  }));
}
