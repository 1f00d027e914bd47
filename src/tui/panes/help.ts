import { BINDINGS, COMMANDS } from '../keys.js';
import { fitLine, span, type Line } from '../line.js';
import type { Area } from '../layout.js';
import type { Model } from '../model.js';
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

/** Lines of the help: keys in groups, then commands. Made from the tables the keys are read by. */
export function helpLines(): readonly Line[] {
  const lines: Line[] = [];
  for (const group of new Set(BINDINGS.map((binding) => binding.group))) {
    lines.push([span(`  ${group}`, 'title')]);
    for (const binding of BINDINGS.filter((one) => one.group === group))
      lines.push([span('    '), span(fit(binding.keys.map(keyName).join(' '), 18), 'key'), span(binding.help)]);
    lines.push([]);
  }
  lines.push([span('  commands', 'title')]);
  for (const command of COMMANDS)
    lines.push([span('    '), span(fit(`:${command.name} ${command.takes}`, 22), 'key'), span(command.help)]);
  return lines;
}

export function helpPane(model: Model, area: Area): Line[] {
  const { top } = model.state.places.help;
  return helpLines()
    .slice(top, top + area.height)
    .map((line) => fitLine(line, area.width));
}
