import { BINDINGS, COMMANDS, type Group } from '../keys.js';
import { fitLine, plainText, span, type Line } from '../line.js';
import type { Area } from '../area.js';
import type { Pane } from '../pane.js';
import { placeOf } from '../state.js';
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
  const lines = (): readonly Line[] => [...keyLines(panes()), ...commandLines()];
  return {
    title: 'help',
    keys: ['?', 'f1'],
    help: 'this help',
    kind: 'over',
    whole: true,
    cursor: 'help',
    scrolls: true,
    length: () => lines().length,
    height: (_, height) => height,
    enter: () => ({ kind: 'back' }),
    text: (_, row) => plainText(lines()[row] ?? []),
    draw(model, area: Area) {
      const { top } = placeOf(model.state, 'help');
      return lines()
        .slice(top, top + area.height)
        .map((line) => fitLine(line, area.width));
    },
  };
}

/** What the keys of a group do, those that show a pane among them. */
function bound(
  group: Group,
  panes: readonly Pane[],
): readonly { readonly keys: readonly string[]; readonly help: string }[] {
  const own = BINDINGS.filter((one) => one.group === group);
  return group === 'panes' ? [...own, ...panes] : own;
}

function keyLines(panes: readonly Pane[]): readonly Line[] {
  const lines: Line[] = [];
  for (const group of new Set(BINDINGS.map((binding) => binding.group))) {
    lines.push([span(`  ${group}`, 'title')]);
    for (const { keys, help } of bound(group, panes))
      lines.push([span('    '), span(fit(keys.map(keyName).join(' '), 18), 'key'), span(help)]);
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
