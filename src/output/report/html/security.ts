import type { Report } from '../data.js';
import type { Links } from './links.js';
import { html, type Markup } from './markup.js';
import { badge, counted, left, section, SECTION_END, table } from './cells.js';

/** Mechanisms, users, levels, verdicts and weak spots. */
export function* security({ security: { uses, logons, logonsLost, weak } }: Report, links: Links): Generator<Markup> {
  yield section('security', 'Security');
  if (weak.length > 0)
    yield html`<ul class="quality">${weak.map((one) => html`<li class="${one.severity}">${badge(one.severity)} ${one.text}</li>`)}</ul>`;
  else yield html`<p>No weak spots were seen.</p>`;
  yield html`<h3>How calls were protected</h3>`;
  yield* table(
    {
      caption: 'How calls were protected',
      columns: [
        { title: 'Mechanism' },
        { title: 'Level' },
        { title: 'Verdict' },
        { title: 'User' },
        { title: 'Calls', kind: 'number' },
        { title: 'First' },
      ],
    },
    uses.map((use) => [
      use.mechanism,
      use.level,
      html`${use.verdict === 'bad' ? html`<b class="bad">bad</b>` : use.verdict} <span class="why">${VERDICTS[use.verdict]}</span>`,
      use.user ?? '–',
      counted(use.calls),
      { show: links.call(use.call), by: use.call },
    ]),
  );
  yield html`<h3>Logons</h3>`;
  if (logons.length === 0) yield html`<p>No logon was seen.</p>`;
  else {
    yield* table(
      {
        caption: 'Logons',
        columns: [
          { title: 'Who' },
          { title: 'How' },
          { title: 'From' },
          { title: 'At' },
          { title: 'Secret' },
          { title: 'Connection', kind: 'number' },
          { title: 'Frame', kind: 'number' },
        ],
      },
      logons.map((one) => [
        one.who,
        one.how,
        one.workstation === '' ? '–' : one.workstation,
        one.target ?? '–',
        SECRETS[one.secret],
        counted(one.flow),
        counted(one.frame),
      ]),
    );
    yield left(logonsLost, (count) => `${count} more logons are not shown.`) ?? html``;
  }
  yield SECTION_END;
}

const VERDICTS = {
  none: 'not protected',
  unverified: 'signatures not checked: no secret was given',
  good: 'signatures are right',
  bad: 'signatures are wrong',
  sealed: 'cipher text: no secret was given',
  opened: 'decrypted, signatures right',
} as const;
const SECRETS = { proved: 'the one given fits', refused: 'those given do not fit', unknown: 'none was given' } as const;
