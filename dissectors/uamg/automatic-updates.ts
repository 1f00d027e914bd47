import { itf } from '../../src/ndr/describe.js';
import type { Interface } from '../../src/ndr/types.js';
import { hidden, member, misprinted, propget, uamgInterface } from './rows.js';
import { variant } from './types.js';

/** Automatic updates: what the agent does by itself ([MS-UAMG] 3.2, 3.4). */
export const automaticUpdatesInterfaces: readonly Interface[] = [
  uamgInterface('IAutomaticUpdatesResults', 'e7a4d634-7942-4dd9-a111-82228ba33901', 'IDispatch', '3.2', [
    propget(7, 8, 'LastSearchSuccessDate', 0x60020001, '3.2.4.1', variant),
    propget(8, 9, 'LastInstallationSuccessDate', 0x60020002, '3.2.4.2', variant),
  ]),
  uamgInterface('IAutomaticUpdates', '673425bf-c082-4c7c-bdfd-569464b8e0ce', 'IDispatch', '3.4', [
    misprinted(
      member(7, 8, 'method', 'DetectNow', 0x60020001, '3.4.4.1'),
      'The text of the section calls it DectectNow; heading, signature and IDL have DetectNow.',
    ),
    hidden(8, 'method', 'Pause', 0x60020002),
    hidden(9, 'method', 'Resume', 0x60020003),
    hidden(10, 'method', 'ShowSettingsDialog', 0x60020004),
    hidden(11, 'propget', 'Settings', 0x60020005),
    hidden(12, 'propget', 'ServiceEnabled', 0x60020006),
    hidden(13, 'method', 'EnableService', 0x60020007),
  ]),
  uamgInterface('IAutomaticUpdates2', '4a2f5c31-cfd9-410e-b7fb-29a653973a0f', 'IAutomaticUpdates', '3.4', [
    propget(14, 15, 'Results', 0x60030001, '3.4.5.1', itf('IAutomaticUpdatesResults')),
  ]),
];
