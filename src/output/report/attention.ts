import type { Attention, Report } from './data.js';
import { countText, resultText } from './words.js';

/** Most points told. */
const POINTS = 3;

interface Weighed extends Attention {
  readonly weight: number;
}

/** The things to look at first: what failed, what breaks a rule, what the capture does not show. */
export function attentionOf(report: Omit<Report, 'attention' | 'comparison' | 'title' | 'tool'>): readonly Attention[] {
  const points = [
    ...failedEvents(report),
    ...failures(report),
    ...broken(report),
    ...weak(report),
    ...missing(report),
    ...unanswered(report),
  ];
  return points
    .toSorted((a, b) => b.weight - a.weight)
    .slice(0, POINTS)
    .map(({ severity, title, text, link }) => ({ severity, title, text, link }));
}

/** What the session is about and came to nothing. */
function failedEvents({ topics }: Pick<Report, 'topics'>): Weighed[] {
  const events = topics.flatMap((topic) => topic.events.filter((event) => event.failure !== null));
  const [first] = events;
  if (first === undefined || first.failure === null) return [];
  const why = first.criteria?.problem ?? first.failure.cause ?? first.failure.meaning;
  return [
    {
      weight: 90,
      severity: 'error',
      title: `${first.text.charAt(0).toUpperCase()}${first.text.slice(1)}, which failed: ${resultText(first.failure)}`,
      text: `${why === null ? 'No table says why.' : sentence(why)}${events.length > 1 ? ` ${countText(events.length - 1, 'more operation')} failed.` : ''}`,
      link: { kind: 'call', id: first.call },
    },
  ];
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function failures({ results, totals }: Pick<Report, 'results' | 'totals'>): Weighed[] {
  return results
    .filter((result) => result.bad)
    .slice(0, POINTS)
    .map((result, at): Weighed => {
      const [member] = result.members;
      const others = result.members.length - 1;
      return {
        weight: (result.kind === 'fault' ? 80 : 70) - at + (result.count * 10 > totals.calls ? 15 : 0),
        severity: 'error',
        title: `${countText(result.count, 'call')} failed with ${resultText(result)}`,
        text: `${member === undefined ? '' : `Most often ${member.name}${others > 0 ? ` and ${countText(others, 'other member')}` : ''}. `}${result.cause ?? result.meaning ?? ''}`.trim(),
        link: { kind: 'call', id: result.call },
      };
    });
}

function broken({ findings }: Pick<Report, 'findings'>): Weighed[] {
  return findings
    .filter((group) => group.severity !== 'info')
    .slice(0, POINTS)
    .map((group, at): Weighed => {
      const [first] = group.findings;
      return {
        weight: (group.severity === 'error' ? 85 : 50) - at,
        severity: group.severity,
        title: `${countText(group.count, 'finding')} of the rule ${group.rule}`,
        text: first?.message ?? '',
        link: first?.call == null ? { kind: 'section', name: 'findings' } : { kind: 'call', id: first.call },
      };
    });
}

function weak({ security }: Pick<Report, 'security'>): Weighed[] {
  return security.weak
    .filter((one) => one.severity === 'error')
    .map(({ severity, text }) => ({
      weight: 88,
      severity,
      title: 'Weak protection',
      text,
      link: { kind: 'section', name: 'security' },
    }));
}

function missing({ quality }: Pick<Report, 'quality'>): Weighed[] {
  return quality
    .filter((note) => note.severity !== 'info')
    .map(({ kind, severity, text }) => ({
      weight: severity === 'error' ? 75 : 45,
      severity,
      title: TITLES[kind] ?? 'The capture is not whole',
      text,
      link: { kind: 'section', name: 'quality' },
    }));
}

const TITLES: Readonly<Record<string, string>> = {
  empty: 'No call was found',
  sealed: 'Calls are sealed',
  gaps: 'Packets are missing',
  'one-direction': 'Half of the conversation is missing',
  'not-looked-into': 'Packets were not looked into',
  truncated: 'The capture ends early',
  dropped: 'Packets were dropped',
  clock: 'The clock jumps',
};

function unanswered({ totals }: Pick<Report, 'totals'>): Weighed[] {
  if (totals.unanswered === 0) return [];
  return [
    {
      weight: 40,
      severity: 'warning',
      title: `${countText(totals.unanswered, 'call')} without an answer`,
      text: 'The connection or the capture ended before the server answered.',
      link: { kind: 'section', name: 'results' },
    },
  ];
}
