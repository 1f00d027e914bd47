import { DUMP_BYTES } from './dump.js';

/**
 * The script of the page. Everything is there without it; it adds filters, sorting, a choice of theme, and shows the
 * bytes of a field. It makes no HTML from texts: what it writes, it writes as text.
 */
export const SCRIPT = `
'use strict';
(() => {
const all = (what, within = document) => [...within.querySelectorAll(what)];
for (const one of all('.tools,.filter,.choices')) one.hidden = false;

const theme = document.getElementById('theme');
theme.addEventListener('click', () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme:dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
});

const open = (target) => {
  for (let at = target; at; at = at.parentElement) if (at.tagName === 'DETAILS') at.open = true;
};
const follow = () => {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let at = target; at; at = at.parentElement) if (at.hidden) at.hidden = false;
  open(target);
  target.scrollIntoView();
};
addEventListener('hashchange', follow);
follow();

const closed = [];
addEventListener('beforeprint', () => {
  for (const one of all('details.print:not([open])')) { one.open = true; closed.push(one); }
});
addEventListener('afterprint', () => { for (const one of closed.splice(0)) one.open = false; });

const cellOf = (body, head) => [...body.rows[0].cells].find((cell) => cell.dataset.h === head)?.textContent;
const texts = new WeakMap();
const textOf = (one) => {
  let text = texts.get(one);
  if (text === undefined) texts.set(one, text = one.textContent.toLowerCase());
  return text;
};
for (const box of all('.filter')) {
  const within = box.nextElementSibling;
  const [input, output] = [box.querySelector('input'), box.querySelector('output')];
  const before = box.previousElementSibling;
  const selects = before?.matches('.choices') ? all('select', before) : [];
  let waiting = false;
  const soon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; apply(); });
  };
  input.addEventListener('input', soon);
  for (const one of selects) one.addEventListener('change', soon);
  const apply = () => {
    const words = input.value.toLowerCase().split(/\\s+/).filter(Boolean);
    const chosen = selects.filter((one) => one.value);
    const items = within.matches('.calls') ? [...within.children] : all(within.matches('.tree') ? 'li' : within.matches('.cards') ? 'tbody' : 'tbody tr', within);
    let shown = 0;
    for (const one of items) {
      const fits = words.every((word) => textOf(one).includes(word)) && chosen.every((by) => cellOf(one, by.dataset.column) === by.value);
      if (fits) shown++;
      if (one.hidden === fits) one.hidden = !fits;
      if (fits && words.length && within.matches('.tree')) open(one);
    }
    output.textContent = words.length || chosen.length ? shown + ' of ' + items.length : '';
  };
}

const compare = new Intl.Collator(undefined, { numeric: true }).compare;
const rowsOf = (table) => table.closest('.cards') ? [...table.tBodies] : [...table.tBodies[0].rows];
const valueOf = (item, at) => { const cell = (item.rows?.[0] ?? item).cells[at]; return cell.dataset.v ?? cell.textContent; };
for (const head of all('thead th:not(.g)')) {
  const table = head.closest('table');
  if (table.matches('.fields') || !table.tBodies.length || rowsOf(table).length < 2) continue;
  const button = document.createElement('button');
  button.append(...head.childNodes);
  head.append(button);
  button.addEventListener('click', () => {
    const down = head.getAttribute('aria-sort') === 'ascending';
    for (const other of all('th', head.parentElement)) other.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    const at = head.cellIndex;
    const rows = rowsOf(table).map((row) => [valueOf(row, at), row]);
    rows.sort(([a], [b]) => { const by = a - b; return (isNaN(by) ? compare(a, b) : by) * (down ? -1 : 1); });
    rows[0][1].parentElement.append(...rows.map(([, row]) => row));
  });
}

const WIDE = ${DUMP_BYTES};
const lit = (dump, from, to) => {
  const text = dump.textContent;
  dump.textContent = '';
  text.split('\\n').forEach((line, at) => {
    if (at) dump.append('\\n');
    const [a, b] = [Math.max(0, from - at * WIDE), Math.min(WIDE, to - at * WIDE)];
    const hex = line.indexOf('  ') + 2, letters = hex + 3 * WIDE + 1;
    if (a >= b) return dump.append(line);
    let done = 0;
    for (const [start, end] of [[hex + 3 * a, hex + 3 * b - 1], [letters + a, letters + b]]) {
      const mark = document.createElement('mark');
      mark.textContent = line.slice(start, end);
      dump.append(line.slice(done, start), mark);
      done = end;
    }
    dump.append(line.slice(done));
  });
  dump.querySelector('mark')?.scrollIntoView({ block: 'nearest' });
};
const pick = (row) => {
  const stub = row.closest('.scroll');
  const dump = all('.dump', stub.parentElement).find((one) => stub.compareDocumentPosition(one) & 4);
  for (const other of all('.lit', stub)) other.classList.remove('lit');
  row.classList.add('lit');
  if (dump) lit(dump, +row.dataset.s, +row.dataset.e);
};
document.addEventListener('click', (event) => {
  const row = event.target.closest?.('.fields tr[data-s]');
  if (row) pick(row);
});
// Ranges become buttons once their call is looked at: most are never opened.
document.addEventListener('toggle', (event) => {
  if (!event.target.matches('.call[open]')) return;
  for (const cell of all('.fields tr[data-s] td:first-child', event.target)) {
    if (cell.querySelector('button')) continue;
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...cell.childNodes);
    cell.append(button);
  }
}, true);
})();
`.trim();
