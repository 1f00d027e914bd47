import { BINDINGS, COMMANDS, type Group } from '../keys.js';
import { fitLine, plainText, span, type Line } from '../line.js';
import type { Area } from '../area.js';
import type { Pane } from '../pane.js';
import type { Model } from '../model.js';
import { placeOf, type State } from '../state.js';
import { fit } from '../width.js';

const NAMES: Readonly<Record<string, string>> = {
  escape: 'esc',
  space: 'space',
  pagedown: 'page down',
  pageup: 'page up',
  'S-tab': 'shift-tab',
};

function keyName(key: string): string {
  return NAMES[key] ?? key.replace(/^C-/, 'ctrl-');
}

/** Keys in groups, then commands: made from the tables that keys, commands and panes are looked up in. */
export function helpPane(panes: () => readonly Pane[]): Pane {
  const lines = ({ state }: Model): readonly Line[] => [...keyLines(panes(), state.keys), ...commandLines()];
  return {
    title: 'help',
    keys: ['?', 'f1'],
    help: 'this help',
    kind: 'over',
    whole: true,
    cursor: 'help',
    scrolls: true,
    length: (model) => lines(model).length,
    height: (_, height) => height,
    enter: () => ({ kind: 'back' }),
    text: (model, row) => plainText(lines(model)[row] ?? []),
    draw(model, area: Area) {
      const { top } = placeOf(model.state, 'help');
      return lines(model)
        .slice(top, top + area.height)
        .map((line) => fitLine(line, area.width));
    },
  };
}

interface Help {
  readonly name: string;
  readonly keys: readonly string[];
  readonly help: string;
}

/** What the keys of a group do, those that show a pane among them. */
function bound(group: Group, panes: readonly Pane[]): readonly Help[] {
  const own = BINDINGS.filter((one) => one.group === group);
  return [
    ...own.map(({ action: name, keys, help }) => ({ name, keys, help })),
    ...(group === 'panes' ? panes : []).map(({ title: name, keys, help }) => ({ name, keys, help })),
  ];
}

function keyLines(panes: readonly Pane[], given: State['keys']): readonly Line[] {
  const lines: Line[] = [];
  for (const group of new Set(BINDINGS.map((binding) => binding.group))) {
    lines.push([span(`  ${group}`, 'title')]);
    for (const { name, keys, help } of bound(group, panes))
      lines.push([span('    '), span(fit((given[name] ?? keys).map(keyName).join(' '), 18), 'key'), span(help)]);
    lines.push([]);
  }
  return lines;
}

function commandLines(): readonly Line[] {
  return [
    [span('  commands', 'title')],
    ...COMMANDS.map((command) => [
      span('    '),
      span(fit(`:${command.name} ${command.takes}`, 22), 'key'),
      span(command.help),
    ]),
  ];
}
