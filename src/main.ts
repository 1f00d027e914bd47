#!/usr/bin/env node
import { run } from './io/cli.js';

process.exitCode = await run(process.argv.slice(2), process);
